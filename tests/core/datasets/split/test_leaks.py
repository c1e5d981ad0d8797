"""`core.datasets.split.leaks`: how many photos held out have their like in training."""

import random

import pytest

from core.datasets.records import Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem
from core.datasets.split.leaks import count_leaks, naive_leak
from tests.core.datasets.split.split_samples import random_items, singles


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
