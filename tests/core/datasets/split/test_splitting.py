"""The split: what holds for every dataset, tried on many random ones, and the extremes."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from core.datasets.records import Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem
from core.datasets.split.leaks import count_leaks
from core.datasets.split.ledger import SplitResult
from core.datasets.split.splitting import split_items
from core.errors import DatasetError
from tests.core.datasets.split.split_samples import CONFIGS, SEEDS, random_items, singles


def groups_by_class(items: list[SplitItem]) -> dict[int, Counter[object]]:
    """Class to group to number of images."""
    groups: defaultdict[int, Counter[object]] = defaultdict(Counter)
    for item in items:
        groups[item.class_id][item.group] += 1
    return groups


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("mixed", [False, True])
def test_every_image_once_and_no_group_in_two_splits(config: SplitConfig, mixed: bool):
    """Whatever the dataset: each image has one split, the counts add up, a group stays together, nothing leaks."""
    for seed in SEEDS:
        items = random_items(seed, mixed=mixed)
        result = split_items(items, config)
        assert set(result.assignment) == {item.image_id for item in items}
        assert sum(result.counts.values()) == len(items)
        assert result.counts == {split: list(result.assignment.values()).count(split) for split in Split}
        for split in Split:
            assert sum(counts[split] for counts in result.class_counts.values()) == result.counts[split]
        splits_of = defaultdict(set)
        for item in items:
            splits_of[item.group].add(result.assignment[item.image_id])
        assert {len(splits) for splits in splits_of.values()} == {1}
        assert count_leaks(items, result.assignment) == 0
        assert result.conflicts == ()


@pytest.mark.parametrize("config", CONFIGS)
def test_the_order_of_the_items_makes_no_difference(config: SplitConfig):
    """The same images and seed give the same split, shuffled or not, with fixed ones and mixed groups too."""
    for seed in SEEDS:
        items = random_items(seed, fixed_share=0.2 * (seed % 2), mixed=seed % 3 == 0)
        expected = split_items(items, config)
        assert split_items(items, config) == expected
        assert split_items(random.Random(seed).sample(items, len(items)), config) == expected


def test_another_seed_gives_another_split():
    """The seed decides which photos go where, not how many."""
    first, second = (split_items(singles(100), SplitConfig(seed=seed)) for seed in (0, 1))
    assert first.assignment != second.assignment
    assert first.counts == second.counts


@pytest.mark.parametrize("config", CONFIGS)
def test_fractions_are_as_close_as_the_groups_allow(config: SplitConfig):
    """In every class a split exceeds its share by less than the class' largest group, and a share of 0 stays empty."""
    for seed in SEEDS:
        items = random_items(seed)
        result = split_items(items, config)
        for class_id, groups in groups_by_class(items).items():
            for split in Split:
                surplus = result.class_counts[class_id][split] - config.fraction(split) * groups.total()
                assert surplus < max(groups.values()) + 1e-6
                if config.fraction(split) == 0:
                    assert result.class_counts[class_id][split] == 0


@pytest.mark.parametrize("config", CONFIGS)
def test_a_class_with_two_groups_has_photos_for_training_and_validation(config: SplitConfig):
    """Every class with enough groups has both, as far as shares were asked for them; with one group it has training."""
    required = [split for split in (Split.TRAIN, Split.VALIDATION) if config.fraction(split) > 0]
    for seed in SEEDS:
        items = random_items(seed)
        result = split_items(items, config)
        for class_id, groups in groups_by_class(items).items():
            for split in required[: len(groups)]:
                assert result.class_counts[class_id][split] > 0


def test_free_groups_fill_what_the_fixed_ones_left_empty():
    """A class whose fixed photos are all for training gets its validation photo from the two that are free."""
    items = [replace(item, fixed=Split.TRAIN) for item in singles(50)[:48]] + singles(50)[48:]
    result = split_items(items, SplitConfig(train=0.99, validation=0.01, test=0.0))
    assert result.counts[Split.VALIDATION] >= 1


@pytest.mark.parametrize("config", CONFIGS)
def test_fixed_images_stay_and_their_groups_follow(config: SplitConfig):
    """A fixed image keeps its split and is not assigned; the others of its group are where a fixed one is."""
    for seed in SEEDS:
        items = random_items(seed, fixed_share=0.3, mixed=seed % 2 == 0)
        result = split_items(items, config)
        fixed_of = defaultdict(set)
        images_of = defaultdict(list)
        for item in items:
            images_of[item.group].append(item.image_id)
            assert result.to_assign.get(item.image_id) == (None if item.fixed else result.assignment[item.image_id])
            if item.fixed is not None:
                assert result.assignment[item.image_id] == item.fixed
                fixed_of[item.group].add(item.fixed)
        for item in items:
            assert item.group not in fixed_of or result.assignment[item.image_id] in fixed_of[item.group]
        disagreeing = {tuple(sorted(images_of[group])) for group, splits in fixed_of.items() if len(splits) > 1}
        assert set(result.conflicts) == disagreeing


def test_the_rest_of_a_disagreeing_group_follows_the_majority():
    """Two images fixed in test and one in training: the fourth goes to test, and the group is reported."""
    fixed = (Split.TRAIN, Split.TEST, Split.TEST, None)
    items = [SplitItem(image_id=number, class_id=0, group="burst", fixed=split) for number, split in enumerate(fixed)]
    result = split_items(items, SplitConfig())
    assert result.assignment[3] is Split.TEST
    assert result.conflicts == ((0, 1, 2, 3),)
    assert count_leaks(items, result.assignment) == 3


@pytest.mark.parametrize(
    ("num_images", "config", "expected"),
    [
        (1000, SplitConfig(), (700, 150, 150)),
        (10, SplitConfig(train=0.6, validation=0.2, test=0.2), (6, 2, 2)),
        (1, SplitConfig(), (1, 0, 0)),
        (2, SplitConfig(), (1, 1, 0)),
        (3, SplitConfig(), (2, 1, 0)),
        (4, SplitConfig(), (3, 1, 0)),
        (5, SplitConfig(train=1.0, validation=0.0, test=0.0), (5, 0, 0)),
        (5, SplitConfig(train=0.0, validation=0.0, test=1.0), (0, 0, 5)),
        (0, SplitConfig(), (0, 0, 0)),
    ],
)
def test_known_counts(num_images: int, config: SplitConfig, expected: tuple[int, int, int]):
    """Single photos of one class are shared out as a person would."""
    assert tuple(split_items(singles(num_images), config).counts.values()) == expected


def test_many_small_classes_still_fill_the_test_split():
    """A hundred classes of four photos: each alone would round the test split away, together they fill half of it."""
    items = [item for class_id in range(100) for item in singles(4, class_id)]
    result = split_items(items, SplitConfig())
    assert all(counts[Split.VALIDATION] == 1 for counts in result.class_counts.values())
    assert result.fractions()[Split.TEST] >= 0.075


def test_one_huge_group_goes_to_training():
    """All photos of one burst: they stay together, and the deviation says how far off that is."""
    items = [SplitItem(image_id=number, class_id=0, group="burst") for number in range(500)]
    result = split_items(items, SplitConfig())
    assert result.counts == {Split.TRAIN: 500, Split.VALIDATION: 0, Split.TEST: 0}
    assert result.deviation == pytest.approx(0.3)
    assert result.fractions(0) == {Split.TRAIN: 1.0, Split.VALIDATION: 0.0, Split.TEST: 0.0}


def test_everything_fixed_stays():
    """With nothing free the split is what it was, and the deviation is measured all the same."""
    items = [replace(item, fixed=Split.TEST) for item in singles(4)]
    result = split_items(items, SplitConfig())
    assert set(result.assignment.values()) == {Split.TEST}
    assert result.deviation == pytest.approx(0.85)


def test_an_empty_dataset_has_an_empty_split():
    """No images: nothing to divide by, nothing to raise."""
    result = split_items([], SplitConfig())
    assert result == SplitResult(
        assignment={}, to_assign={}, counts=dict.fromkeys(Split, 0), class_counts={}, deviation=0.0, conflicts=()
    )
    assert result.fractions() == dict.fromkeys(Split, 0.0)


def test_an_image_listed_twice_is_refused():
    """It could be given two splits."""
    with pytest.raises(DatasetError, match="twice"):
        split_items(singles(2) + singles(2), SplitConfig())
