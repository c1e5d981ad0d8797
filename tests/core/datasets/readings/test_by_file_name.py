"""Classes that only the files' names tell."""

import pytest

from core.datasets.readings.plan import plan_import
from core.datasets.readings.reading import Reading

NUMBERS = range(1, 7)

# Title: how the file of a class and number is called, and the classes as they are read.
NAMED = {
    "number behind a dot": ("{}.{}.jpg", ("cat", "dog")),
    "number behind an underscore": ("{}_{}.jpg", ("Abyssinian", "yorkshire_terrier")),
    "number behind a hyphen": ("{}-{}.png", ("oak", "beech")),
    "number in brackets": ("{} ({}).png", ("cat", "dog")),
    "number without anything between": ("{}{:03}.jpg", ("rose", "tulip")),
    "number in front": ("{1:04}_{0}.jpg", ("maple leaf", "oak leaf")),
    "number in front and behind": ("{1:03}_{0}_{1}.jpg", ("maple", "oak")),
    "numbers of ImageNet": ("{}_{}.JPEG", ("n01443537", "n02085620")),
    "Teachable Machine": ("{}-!-{}.jpg", ("St. Bernard", "Class 3")),
    "Chinese": ("{}_{}.jpg", ("猫", "狗")),
    "a word behind the number": ("{}_{}_front.jpg", ("pine", "fir")),
}
UNNAMED = {
    "cameras": [f"IMG_{number:04}.jpg" for number in NUMBERS] + [f"DSC_{number:04}.jpg" for number in NUMBERS],
    "numbers": [f"{number}.jpg" for number in range(12)],
    "a word each": [f"{name}.jpg" for name in ("anna", "bert", "carl", "dora", "emil", "fritz")],
    "hashes": ["f4dbdf21.jpg", "83dcefb7.jpg", "1ad5be0d.jpg", "6dd28e9b.jpg", "f3b61b38.jpg", "84b12bae.jpg"],
    "one word": [f"cell_{number}.png" for number in NUMBERS],
    "phones": [f"PXL_20240{n}01_1200.jpg" for n in NUMBERS] + [f"WhatsApp Image {n}.jpg" for n in NUMBERS],
}


def named(paths: list[str]) -> Reading | None:
    plan = plan_import(paths, "pets.zip")
    return next((reading for reading in plan.readings if reading.key == "file names"), None)


@pytest.mark.parametrize(("pattern", "classes"), NAMED.values(), ids=NAMED)
def test_what_repeats_in_the_names_is_the_class(pattern: str, classes: tuple[str, ...]):
    """It is proposed, and the person is asked, for it might be chance."""
    paths = {pattern.format(name, number): name for name in classes for number in NUMBERS}
    plan = plan_import(list(paths), "pets.zip")
    assert {path: placement.class_name for path, placement in plan.readings[0].placements.items()} == paths
    assert plan.question is not None
    assert plan.question.options[0].reading == "file names"
    assert len(plan.question.options) == 2


@pytest.mark.parametrize("names", UNNAMED.values(), ids=UNNAMED)
def test_names_of_cameras_and_numbers_are_no_classes(names: list[str]):
    """Nothing that a machine made up becomes a class."""
    assert named(names) is None


def test_photos_whose_name_says_nothing_are_left_out_with_the_reason():
    """Kaggle's photos to be judged are numbered only: they are told, and no class is made of them."""
    learned = [f"train/{name}.{number}.jpg" for name in ("cat", "dog") for number in NUMBERS]
    judged = [f"test1/{number}.jpg" for number in NUMBERS]
    plan = plan_import(learned + judged, "dogs-vs-cats.zip")
    assert set(plan.readings[0].left_out) == set(judged)
    assert plan.question is not None
    assert plan.question.options[0].left_out[0].num_photos == len(judged)
    assert {count.name for count in plan.question.options[0].classes} == {"cat", "dog"}


def test_folders_count_more_than_names():
    """Names that repeat the folders raise no question, and those that say something else are offered only."""
    same = [f"{name}s/{name}_{number}.jpg" for name in ("cat", "dog") for number in NUMBERS]
    other = [f"{name}/{colour}_{number}.jpg" for name in ("cat", "dog") for colour in "xy" for number in NUMBERS]
    assert plan_import(same, "pets").question is None
    plan = plan_import(other, "pets")
    assert plan.question is None
    assert plan.readings[0].key == "leaf"
