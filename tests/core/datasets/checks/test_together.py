"""`core.datasets.checks.together`: what belongs together, what a chain does not join, and what was dismissed."""

import pytest

from core.datasets.checks.kinds import FindingKind, group_key
from core.datasets.checks.together import Neighbours, find_kinship
from core.datasets.records import ImageView, Likeness


def image(number: int, *, class_id: int = 1, name: str | None = None, capture_id: int | None = None) -> ImageView:
    return ImageView(
        id=number,
        dataset_id=1,
        class_id=class_id,
        photo_hash=hash_of(number),
        name=name or f"{number}.jpg",
        split=None,
        split_origin=None,
        capture_id=capture_id,
        source_url=None,
        added_at=0.0,
        trashed_at=None,
    )


def hash_of(number: int) -> str:
    return f"{number:064x}"


def pairs(*numbers: tuple[int, int]) -> list[tuple[str, str]]:
    return [(hash_of(min(pair)), hash_of(max(pair))) for pair in numbers]


IMAGES = [image(number) for number in range(40)]


def test_a_chain_binds_but_is_shown_round_one_photo():
    """Of a chain of four each must be on one side; shown as nearly the same are those that one photo is like."""
    kinship = find_kinship(IMAGES, Likeness(pairs=pairs((0, 1), (1, 2), (2, 3))))
    assert kinship.groups == ((0, 1, 2, 3),)
    assert kinship.near == ((0, 1, 2),)
    assert kinship.scenes == ()


def test_a_chain_through_everything_is_cut():
    """Photos each like the next, all of them: groups round one photo each, no scene, nothing in one lump."""
    images = [image(number) for number in range(300)]
    kinship = find_kinship(images, Likeness(pairs=pairs(*((number, number + 1) for number in range(299)))))
    assert kinship.scenes == ()
    assert max(map(len, kinship.groups)) <= 3
    assert len(kinship.near) >= 99


@pytest.mark.parametrize("num_alike", [21, 40])
def test_a_photo_that_most_are_like_is_a_scene(num_alike: int):
    """Most of a dataset round one photo is a fixed camera; blocks of neighbours take the place of the group."""
    likeness = Likeness(pairs=pairs(*((0, number) for number in range(1, num_alike))))
    kinship = find_kinship(IMAGES, likeness)
    assert kinship.scenes == (tuple(range(num_alike)),)
    assert kinship.near == ()
    assert len(kinship.groups) == max(7, num_alike // 5)
    assert sum(map(len, kinship.groups)) == num_alike
    assert find_kinship(IMAGES, likeness, Neighbours.NEVER).groups == ()


def test_half_of_a_dataset_is_no_scene():
    """Twenty of forty are a large group of near-duplicates, which is kept on one side."""
    kinship = find_kinship(IMAGES, Likeness(pairs=pairs(*((0, number) for number in range(1, 20)))))
    assert kinship.scenes == ()
    assert kinship.groups == (tuple(range(20)),)


def test_neighbours_follow_the_numbers_in_names():
    """Blocks are of photos whose numbers follow each other, in whatever order they came, each class for itself."""
    order = [7 * number % 40 for number in range(40)]
    images = [
        image(number, class_id=1 + position % 2, name=f"part_{position:02d}.jpg")
        for number, position in enumerate(order)
    ]
    kinship = find_kinship(images, Likeness(pairs=()), Neighbours.ALWAYS)
    for group in kinship.groups:
        positions = sorted(order[member] for member in group)
        assert positions == list(range(positions[0], positions[-1] + 1, 2))
    assert sum(map(len, kinship.groups)) == 40


def test_captures_stay_whole_in_a_scene():
    """Three bursts before one background are three units, however alike they are."""
    images = [image(number, capture_id=1 + number // 10) for number in range(30)]
    kinship = find_kinship(images, Likeness(pairs=pairs(*((0, number) for number in range(1, 30)))))
    assert kinship.groups == (tuple(range(10)), tuple(range(10, 20)), tuple(range(20, 30)))
    assert kinship.near == ()


def test_mirror_images_in_another_class_are_not_bound():
    """Left and right: bound within a class, not between classes; straight pairs among them still are."""
    images = [image(number, class_id=1 + (number >= 20)) for number in range(40)]
    every = pairs((0, 20), (1, 2), (20, 21))
    kinship = find_kinship(images, Likeness(pairs=every, mirrored=set(every[:2])))
    assert kinship.groups == ((1, 2), (20, 21))
    assert kinship.near == ((1, 2), (20, 21))


@pytest.mark.parametrize("kind", [FindingKind.NEAR_DUPLICATES, FindingKind.IN_TWO_SPLITS])
def test_what_is_fine_binds_nothing(kind: FindingKind):
    """A group that was dismissed under either name parts; the other stays."""
    fine = group_key(kind, [hash_of(0), hash_of(1), hash_of(2)])
    likeness = Likeness(pairs=pairs((0, 1), (1, 2), (4, 5)), dismissed={fine})
    assert find_kinship(IMAGES, likeness).groups == ((4, 5),)


def test_renderings_that_are_fine_bind_nothing():
    """The same holds for photos that their names brought together."""
    images = [*IMAGES, image(50, name="leaf_01.jpg"), image(51, name="leaf_01_gray.jpg")]
    assert find_kinship(images, Likeness(pairs=())).groups == ((40, 41),)
    fine = group_key(FindingKind.RENDERINGS, [hash_of(50), hash_of(51)])
    assert find_kinship(images, Likeness(pairs=(), dismissed={fine})).groups == ()


def test_one_film_is_cut_into_blocks():
    """Frames of the only film of a class are no group that takes the class away from validation."""
    images = [image(number, name=f"frame_{number:03d}.jpg") for number in range(50)]
    assert len(find_kinship(images, Likeness(pairs=())).groups) == 10
    assert find_kinship(images, Likeness(pairs=()), Neighbours.NEVER).groups == ()


def test_an_empty_dataset():
    """Nothing belongs together."""
    assert find_kinship([], Likeness(pairs=()), Neighbours.ALWAYS).groups == ()
