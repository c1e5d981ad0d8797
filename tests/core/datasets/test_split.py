"""The split: what holds for every dataset, tried on many random ones, and the extremes."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from core.datasets.records import ImageView, Likeness, Review, Split, SplitOrigin
from core.datasets.split import (
    SplitConfig,
    SplitItem,
    SplitResult,
    count_leaks,
    groups_of,
    items_of,
    naive_leak,
    split_items,
)
from core.errors import ConfigError, DatasetError

CONFIGS = (
    SplitConfig(),
    SplitConfig(train=0.8, validation=0.2, test=0.0, seed=3),
    SplitConfig(train=1 / 3, validation=1 / 3, test=1 / 3, seed=-1),
    SplitConfig(train=0.1, validation=0.1, test=0.8),
    SplitConfig(train=0.98, validation=0.01, test=0.01),
    SplitConfig(train=0.0, validation=0.5, test=0.5),
)
SEEDS = range(60)


def random_items(seed: int, *, fixed_share: float = 0.0, mixed: bool = False) -> list[SplitItem]:
    """A dataset of 1 to 8 classes, from all single photos to few large groups; `mixed` groups span classes."""
    chance = random.Random(seed)
    num_classes = chance.randint(1, 8)
    largest_group = chance.choice((1, 2, 5, 40))
    items: list[SplitItem] = []
    for class_id in range(num_classes):
        for number in range(chance.randint(1, 30)):
            for _ in range(chance.randint(1, largest_group)):
                fixed = chance.choice(list(Split)) if chance.random() < fixed_share else None
                group = number if mixed else (class_id, number)
                items.append(SplitItem(image_id=len(items) * 7 + 1, class_id=class_id, group=group, fixed=fixed))
    chance.shuffle(items)
    return items


def groups_by_class(items: list[SplitItem]) -> dict[int, Counter[object]]:
    """Class to group to number of images."""
    groups: defaultdict[int, Counter[object]] = defaultdict(Counter)
    for item in items:
        groups[item.class_id][item.group] += 1
    return groups


def image(image_id: int, **changes: object) -> ImageView:
    view = ImageView(
        id=image_id,
        dataset_id=1,
        class_id=1,
        photo_hash=f"{image_id:064x}",
        name="photo.jpg",
        split=None,
        split_origin=None,
        capture_id=None,
        source_url=None,
        added_at=0.0,
        trashed_at=None,
    )
    return replace(view, **changes)


def singles(num_images: int, class_id: int = 0) -> list[SplitItem]:
    return [SplitItem(image_id=class_id * 10_000 + number, class_id=class_id) for number in range(num_images)]


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


def random_split(items: list[SplitItem], config: SplitConfig, chance: random.Random) -> dict[int, Split]:
    """The split that most tools make: each class shuffled and cut, groups ignored."""
    assignment = {}
    for class_id in {item.class_id for item in items}:
        ids = [item.image_id for item in items if item.class_id == class_id]
        chance.shuffle(ids)
        cut = round(config.train * len(ids))
        assignment |= dict.fromkeys(ids[:cut], Split.TRAIN) | dict.fromkeys(ids[cut:], Split.TEST)
    return assignment


@pytest.mark.parametrize("seed", range(4))
def test_the_naive_leak_is_the_mean_over_random_splits(seed: int):
    """The formula agrees with five hundred real random splits, with groups over several classes too."""
    items = random_items(seed, mixed=seed % 2 == 1)
    chance = random.Random(1)
    leaks = [count_leaks(items, random_split(items, SplitConfig(), chance)) for _ in range(500)]
    report = naive_leak(items, SplitConfig())
    assert report.num_leaked == pytest.approx(sum(leaks) / len(leaks), rel=0.05, abs=0.3)
    assert naive_leak(items[::-1], SplitConfig()).num_leaked == pytest.approx(report.num_leaked)


def test_known_leaks():
    """Two photos of one group, one of them held out: that one leaks for sure; photos without groups never do."""
    pair = [SplitItem(image_id=number, class_id=0, group="pair") for number in range(2)]
    report = naive_leak(pair, SplitConfig(train=0.5, validation=0.5, test=0.0))
    assert (report.num_held_out, report.num_leaked, report.share) == (1.0, pytest.approx(1.0), pytest.approx(1.0))
    assert naive_leak(singles(100), SplitConfig()).num_leaked == pytest.approx(0.0, abs=1e-6)
    assert naive_leak([], SplitConfig()).share == 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": 0.5}, "add up to 0.8"),
        ({"train": -0.1, "validation": 1.0, "test": 0.1}, "share for train is -0.1"),
        ({"train": float("nan")}, "share for train is nan"),
        ({"test": "0.15"}, "share for test is '0.15'"),
        ({"test": True}, "share for test is True"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"keep_imported": 1}, "keep_imported is 1"),
        ({"shuffle": True}, "knows no shuffle"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(values: dict[str, object], message: str):
    """The message names the value and what was expected."""
    with pytest.raises(ConfigError, match=message):
        SplitConfig.from_json(values)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_survives_json(config: SplitConfig):
    """What is written is read back equal."""
    assert SplitConfig.from_json(config.to_json()) == config
