"""`core.datasets.checks.mirrored`: classes that are each other's mirror images, by their photos or their names."""

import hashlib
from dataclasses import dataclass

import pytest

from core.datasets.checks.mirrored import mirrored_classes
from core.datasets.records import ClassView, ImageView, Likeness


@dataclass(frozen=True)
class Found:
    classes: list[str]
    num_partners: int


def hash_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def find(names: list[str], mirrored: list[tuple[str, str]], num_photos: int = 10) -> list[Found]:
    """Classes with photos called "left 0", "left 1", …; which of them are mirrored partners."""
    classes = [
        ClassView(id=number, dataset_id=1, name=name, position=0, num_images=0) for number, name in enumerate(names)
    ]
    images = [
        ImageView(
            id=100 * each.id + number,
            dataset_id=1,
            class_id=each.id,
            photo_hash=hash_of(f"{each.name} {number}"),
            name="photo.jpg",
            split=None,
            split_origin=None,
            capture_id=None,
            source_url=None,
            added_at=0.0,
            trashed_at=None,
        )
        for each in classes
        for number in range(num_photos)
    ]
    pairs = {tuple(sorted((hash_of(first), hash_of(second)))) for first, second in mirrored}
    found = mirrored_classes(classes, images, Likeness(pairs=pairs, mirrored=pairs))
    return [Found([names[each.first_id], names[each.second_id]], len(each.partners)) for each in found]


def test_partners_in_another_class_are_seen():
    """Three of ten are enough; two may be chance."""
    partners = [(f"open {number}", f"shut {number}") for number in range(3)]
    assert find(["open", "shut"], partners) == [Found(["open", "shut"], 3)]
    assert find(["open", "shut"], partners[:2]) == []


def test_partners_that_are_as_frequent_within_a_class_are_chance():
    """Squares among circles, and circles among circles: drawings, and no left and right."""
    between = [(f"circle {number}", f"square {number}") for number in range(4)]
    within = [("circle 0", "circle 5"), ("circle 1", "circle 6"), ("square 0", "square 7")]
    assert find(["circle", "square"], between + within) == []


@pytest.mark.parametrize(
    ("names", "is_found"),
    [
        (["left", "right"], True),
        (["Turn-Right", "turn left"], True),
        (["leftHand", "rightHand"], True),
        (["Pfeil links", "Pfeil rechts"], True),
        (["b", "d"], True),
        (["B", "D"], False),
        (["left", "up"], False),
        (["left hand", "right foot"], False),
        (["right", "wrong"], False),
    ],
)
def test_names_can_say_it(names: list[str], is_found: bool):
    """Words that change places in a mirror are recognised where everything else is the same."""
    assert [found.classes for found in find(names, [])] == ([names] if is_found else [])


def test_empty_classes_do_not_count():
    """Without photos there is nothing to mirror."""
    assert find(["left", "right"], [], num_photos=0) == []
