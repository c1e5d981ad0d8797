"""`core.datasets.split.groups`: what stays where it is, and what stays together."""

import random

import pytest

from core.datasets.records import Likeness, Review, Split, SplitOrigin
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import groups_of, items_of
from core.datasets.split.splitting import split_items
from tests.core.datasets.split.split_samples import image


@pytest.mark.parametrize(
    ("keep_imported", "keep_by_hand", "expected"),
    [
        (True, True, [Split.TEST, Split.TRAIN, None, None]),
        (False, True, [None, Split.TRAIN, None, None]),
        (True, False, [Split.TEST, None, None, None]),
        (False, False, [None, None, None, None]),
    ],
)
def test_which_splits_are_kept(keep_imported: bool, keep_by_hand: bool, expected: list[Split | None]):
    """Imported splits and those by hand stay when asked; an automatic one never does."""
    images = [
        image(1, split=Split.TEST, split_origin=SplitOrigin.IMPORTED),
        image(2, split=Split.TRAIN, split_origin=SplitOrigin.PERSON),
        image(3, split=Split.VALIDATION, split_origin=SplitOrigin.AUTOMATIC),
        image(4),
    ]
    config = SplitConfig(keep_imported=keep_imported, keep_by_hand=keep_by_hand)
    items = items_of(images, groups_of(images, Likeness(pairs=())), config)
    assert [item.fixed for item in items] == expected
    assert [item.group for item in items] == [1, 2, 3, 4]


def test_unsure_photos_are_not_split():
    """They get no split and count in no share, those that are right do."""
    images = [image(1, review=Review.UNSURE), image(2, review=Review.RIGHT), image(3)]
    result = split_items(items_of(images, groups_of(images, Likeness(pairs=())), SplitConfig()), SplitConfig())
    assert set(result.assignment) == {2, 3}
    assert split_items(items_of(images[:1], {}, SplitConfig()), SplitConfig()).assignment == {}


def test_groups_are_captures_photos_and_near_duplicates_together():
    """A burst, a photo that is in two classes, and a pair across them make one group; the rest stay alone."""
    images = [
        image(1, capture_id=9),
        image(2, capture_id=9),
        image(3, photo_hash="a"),
        image(4, photo_hash="a", class_id=2),
        image(5),
        image(6, photo_hash="b"),
    ]
    pairs = [(f"{2:064x}", "a"), ("b", "not in this dataset")]
    assert groups_of(images, Likeness(pairs=pairs)) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 5, 6: 6}


def test_long_chains_of_pairs_become_one_group():
    """A hundred of a thousand photos, each like the next, whatever the order of the pairs."""
    images = [image(number) for number in range(1000)]
    pairs = [(images[number].photo_hash, images[number + 1].photo_hash) for number in range(99)]
    random.Random(0).shuffle(pairs)
    groups = groups_of(images, Likeness(pairs=pairs))
    assert {groups[number] for number in range(100)} == {0}
    assert len(set(groups.values())) == 901


def test_a_fixed_camera_leaves_photos_to_judge_by():
    """Where all photos are alike, both classes have photos on every side, and neighbours stay together."""
    images = [
        image(number, class_id=1 + (number >= 40), name=f"part_{number:03d}.jpg", photo_hash=f"{number:064x}")
        for number in range(54)
    ]
    likeness = Likeness(pairs=[(images[0].photo_hash, other.photo_hash) for other in images[1:]])
    config = SplitConfig()
    items = items_of(images, groups_of(images, likeness, config.neighbours), config)
    result = split_items(items, config)
    assert all(counts[split] for counts in result.class_counts.values() for split in Split)
    assert result.deviation < 0.1
    assert sum(result.assignment[number] is result.assignment[number + 1] for number in range(39)) >= 32
    assert set(groups_of(images, likeness).values()) == set(range(54))  # nobody can say that they are twins
