"""Small files beside photos that say their class."""

import json
from collections.abc import Mapping

import pytest

from core.datasets.readings.plan import ImportPlan, plan_import

CLASSES = ("0", "1", "2")


def plan_of(files: Mapping[str, bytes], name: str = "shard-000000.tar") -> ImportPlan:
    return plan_import(list(files), name, lambda wanted: {path: files[path] for path in wanted})


def shard(ending: str, contents: list[bytes], photo_ending: str = ".jpg") -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for number in range(12):
        files[f"{number:06}{photo_ending}"] = b""
        files[f"{number:06}{ending}"] = contents[number % len(contents)]
    return files


SIDECARS = {
    ".cls with numbers": (".cls", [b"0", b"1", b"2\n"], CLASSES),
    ".cls with names": (".cls", [b"beagle", b"boxer"], ("beagle", "boxer")),
    ".txt with names": (".txt", [b"St. Bernard\n", b"poodle"], ("St. Bernard", "poodle")),
    ".json with a label": (".json", [json.dumps({"label": each, "width": 5}).encode() for each in CLASSES], CLASSES),
    ".json with numbers": (".json", [json.dumps({"cls": each}).encode() for each in range(3)], CLASSES),
    ".jpg.json": (".jpg.json", [json.dumps({"class_name": each}).encode() for each in ("a", "b")], ("a", "b")),
}


@pytest.mark.parametrize(("ending", "contents", "classes"), SIDECARS.values(), ids=SIDECARS)
def test_the_file_beside_each_photo_names_its_class(ending: str, contents: list[bytes], classes: tuple[str, ...]):
    """It is proposed, the person is asked, and its name is said."""
    plan = plan_of(shard(ending, contents))
    placed = plan.readings[0].placements
    assert [placed[f"{number:06}.jpg"].class_name for number in range(12)] == list(classes) * (12 // len(classes))
    assert plan.question is not None
    assert ending.rpartition(".")[2] in plan.question.options[0].title
    assert plan.readings[0].used_beside == {f"{number:06}{ending}" for number in range(12)}


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"cat\ndog\nbird\n", ["cat", "dog", "bird"]), (b"2 bird\n0 cat\n1 dog\n", ["cat", "dog", "bird"])],
)
def test_numbers_are_told_by_a_list_of_classes(content: bytes, expected: list[str]):
    """`classes.txt` beside the photos says what the numbers mean."""
    plan = plan_of({**shard(".cls", [b"0", b"1", b"2"]), "classes.txt": content})
    placed = plan.readings[0].placements
    assert [placed[f"{number:06}.jpg"].class_name for number in range(3)] == ["cat", "dog", "bird"]


@pytest.mark.parametrize(
    "contents",
    [
        [b"0 0.5 0.5 0.2 0.3", b"1 0.1 0.2 0.3 0.4\n0 0.5 0.5 0.1 0.1", b"2 0.3 0.3 0.1 0.1"],
        [f"a photo of dog number {number} in the snow".encode() for number in range(12)],
        [b"", b"  "],
        [b"\xff\xfe\0", b"x" * 200],
    ],
    ids=["boxes", "captions", "empty", "long"],
)
def test_boxes_and_captions_are_no_classes(contents: list[bytes]):
    """What says where things are, or describes each photo, sorts nothing."""
    plan = plan_of(shard(".txt", contents))
    assert not any(reading.key.startswith("sidecars") for reading in plan.readings)
