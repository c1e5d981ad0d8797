"""What every class has in each split so far, and where the next group of photos is missed most."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from core.datasets.records import Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem

_EPSILON = 1e-9  # differences below are rounding errors of floating-point sums


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """A split, and how close it came to what was asked for."""

    assignment: dict[int, Split]  # image id to split, every image once
    to_assign: dict[int, Split]  # those of them that are not fixed: what is to be written
    counts: dict[Split, int]  # images
    class_counts: dict[int, dict[Split, int]]  # class id to images
    deviation: float  # largest difference between the share asked for and the share achieved of any split, 0-1
    conflicts: tuple[tuple[int, ...], ...]  # image ids of each group whose images are fixed in different splits

    def fractions(self, class_id: int | None = None) -> dict[Split, float]:
        """Share of the images in each split, 0-1: of a class, or of all classes when none is given."""
        counts = self.counts if class_id is None else self.class_counts[class_id]
        num_images = sum(counts.values())
        return {split: count / num_images if num_images else 0.0 for split, count in counts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitUnit:
    """A group on its way to a split."""

    members: tuple[SplitItem, ...]
    class_counts: tuple[tuple[int, int], ...]  # (class id, images), sorted
    rank: bytes  # random for a seed, and the same whatever other images there are

    @classmethod
    def of(cls, members: Sequence[SplitItem], seed: int) -> Self:
        """The unit of a group."""
        return cls(
            members=tuple(members),
            class_counts=tuple(sorted(Counter(item.class_id for item in members).items())),
            rank=hashlib.sha256(f"{seed}/{members[0].image_id}".encode()).digest(),
        )

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Its images, the oldest first."""
        return tuple(item.image_id for item in self.members)

    def order(self) -> tuple[bool, int, bytes]:
        """Key to sort by: what is hardest to place comes first, groups over several classes and then large ones."""
        return len(self.class_counts) == 1, -len(self.members), self.rank


class SplitLedger:
    """What every class and the whole dataset have in each split so far, and what they lack."""

    def __init__(self, items: Iterable[SplitItem], config: SplitConfig) -> None:
        self._config = config
        self._sizes = Counter(item.class_id for item in items)
        self._num_items = self._sizes.total()
        self._assignment: dict[int, Split] = {}
        self._to_assign: dict[int, Split] = {}
        self._counts = {class_id: dict.fromkeys(Split, 0) for class_id in sorted(self._sizes)}
        self._total = dict.fromkeys(Split, 0)
        self._num_units = Counter[int]()  # still to come, for each class
        # What a class cannot do without, the more important first.
        self._required = [split for split in (Split.TRAIN, Split.VALIDATION) if config.fraction(split) > 0]

    def place(self, item: SplitItem, split: Split) -> None:
        """Put one image into a split."""
        self._assignment[item.image_id] = split
        if item.fixed is None:
            self._to_assign[item.image_id] = split
        self._counts[item.class_id][split] += 1
        self._total[split] += 1

    def expect(self, units: Iterable[SplitUnit]) -> None:
        """Count the units that `choose` will be asked for."""
        self._num_units.update(class_id for unit in units for class_id, _ in unit.class_counts)

    def choose(self, unit: SplitUnit) -> Split:
        """The split where a unit is missed most."""
        candidates = self._demanded(unit) or [split for split in Split if self._need(unit, split) > _EPSILON]
        self._num_units.subtract(class_id for class_id, _ in unit.class_counts)
        # The whole dataset counts as much as the class: in a hundred classes of three photos, each class alone would
        # round the test split away.
        return max(
            candidates, key=lambda split: round(self._need(unit, split) + self._need_of_all(unit, split), ndigits=9)
        )

    def result(self, conflicts: tuple[tuple[int, ...], ...]) -> SplitResult:
        """What came of it."""
        gaps = (abs(self._total[split] / self._num_items - self._config.fraction(split)) for split in Split)
        return SplitResult(
            assignment=dict(sorted(self._assignment.items())),
            to_assign=dict(sorted(self._to_assign.items())),
            counts=self._total,
            class_counts=self._counts,
            deviation=max(gaps) if self._num_items else 0.0,
            conflicts=conflicts,
        )

    def _demanded(self, unit: SplitUnit) -> list[Split]:
        """Splits that a class of the unit must have, when this is its last chance to get them."""
        votes = Counter[Split]()
        for class_id, _ in unit.class_counts:
            missing = [split for split in self._required if not self._counts[class_id][split]]
            if self._num_units[class_id] <= len(missing):
                votes.update(missing[: self._num_units[class_id]])
        return [split for split in Split if votes and votes[split] == max(votes.values())]

    def _need(self, unit: SplitUnit, split: Split) -> float:
        """How much the classes of the unit lack in a split, relative to their sizes; negative when they have enough."""
        fraction = self._config.fraction(split)
        return sum(
            count * (fraction - self._counts[class_id][split] / self._sizes[class_id])
            for class_id, count in unit.class_counts
        )

    def _need_of_all(self, unit: SplitUnit, split: Split) -> float:
        return len(unit.members) * (self._config.fraction(split) - self._total[split] / self._num_items)
