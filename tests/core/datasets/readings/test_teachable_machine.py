"""What Teachable Machine hands out is understood, or told apart from photos."""

import json

import pytest

from core.datasets.readings.plan import plan_import

NAMES = ("St. Bernard", "St. Poodle", "Class 3")


def test_samples_of_several_classes_keep_their_names_whole():
    """Each archive is a class, named as it was there."""
    paths = [f"{name}-samples/{number}.jpg" for name in NAMES for number in range(5)]
    plan = plan_import(paths, "3 archives", archive_folders=frozenset(f"{name}-samples" for name in NAMES))
    assert {placed.class_name for placed in plan.readings[0].placements.values()} == set(NAMES)
    assert plan.question is None


def test_a_project_lists_its_classes():
    """The manifest says which photos are of which class, whatever they are called."""
    names = {f"{number}.jpg": NAMES[number % 3] for number in range(12)}
    listed = [{"name": name, "samples": [file for file, other in names.items() if other == name]} for name in NAMES]
    content = json.dumps({"type": "image", "classes": listed}).encode()
    plan = plan_import(["manifest.json", *names], "project.tm", lambda _: {"manifest.json": content})
    assert {path: placed.class_name for path, placed in plan.readings[0].placements.items()} == names
    assert plan.question is None


@pytest.mark.parametrize(
    "paths",
    [
        ["keras_model.h5", "labels.txt"],
        ["model.json", "metadata.json", "weights.bin"],
        ["model_unquant.tflite", "labels.txt"],
        ["saved_model.pb", "variables/variables.index"],
        ["birds.keras"],
        ["model.onnx", "README.md"],
    ],
    ids=lambda paths: paths[0],
)
def test_a_model_is_told_apart_from_photos(paths: list[str]):
    """Nothing is imported, and it is said where the photos are to be had."""
    plan = plan_import(paths, "converted_keras.zip")
    assert plan.readings == ()
    assert plan.refusal is not None
    assert "model" in plan.refusal
    assert "Teachable Machine" in plan.refusal


def test_photos_beside_a_model_are_photos():
    """A model that lies among photos stops nothing."""
    plan = plan_import(["model.h5", "cats/1.jpg", "dogs/1.jpg"], "x.zip")
    assert plan.refusal is None
    assert len(plan.readings[0].placements) == 2
