"""Photos held out whose like is in training: how many there are, and how many a split without groups would have."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.datasets.records import Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem, gather


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """What a random split that ignores groups would leak, as the mean over all such splits."""

    num_held_out: float  # images for validation or test
    num_leaked: float  # those of them with at least one image of their group in training

    @property
    def share(self) -> float:
        """Leaked images per image held out, 0-1."""
        return self.num_leaked / self.num_held_out if self.num_held_out else 0.0


def count_leaks(items: Iterable[SplitItem], assignment: Mapping[int, Split | None]) -> int:
    """Images held out for validation or test with at least one image of their group in training.

    Args:
        items: the images with their groups.
        assignment: image id to split; images without a split count nowhere.
    """
    num_leaks = 0
    for members in gather(items):
        splits = Counter(assignment.get(item.image_id) for item in members)
        if splits[Split.TRAIN]:
            num_leaks += splits[Split.VALIDATION] + splits[Split.TEST]
    return num_leaks


def naive_leak(items: Iterable[SplitItem], config: SplitConfig) -> LeakReport:
    """What would leak if the images were dealt out at random, class by class, as most tools do it.

    Exact, no sample of seeds: an image is held out without leaking when it and all of its group are. Of a class with n
    images, T of them for training, none of k given ones is for training in C(n-k, T) of the C(n, T) ways to choose.

    Args:
        items: the images with their groups; fixed splits are ignored too.
        config: the shares.
    """
    items = list(items)
    sizes = Counter(item.class_id for item in items)
    num_trained = {class_id: round(config.train * size) for class_id, size in sizes.items()}
    num_safe = 0.0
    for members in gather(items):
        in_class = Counter(item.class_id for item in members)
        # Sorted: a product of floats depends on the order, and the order of the items must not matter.
        logarithms = (
            _log_choose(sizes[class_id] - k, num_trained[class_id])
            - _log_choose(sizes[class_id], num_trained[class_id])
            for class_id, k in sorted(in_class.items())
        )
        num_safe += len(members) * math.exp(sum(logarithms))
    num_held_out = float(len(items) - sum(num_trained.values()))
    return LeakReport(num_held_out=num_held_out, num_leaked=max(0.0, num_held_out - num_safe))


def _log_choose(n: int, k: int) -> float:
    """Logarithm of the binomial coefficient, minus infinity where it is 0."""
    if k > n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
