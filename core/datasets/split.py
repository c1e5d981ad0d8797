"""Which photo is for training, which for validation, which for the test: stratified, seeded, honest.

Photos that belong together (one burst, near-duplicates, renderings of one photo, the same photo twice) form a *group*,
and a group goes to one split as a whole: a network that has seen one of them would find the others too easy.
Everything here is pure.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from core.datasets.checks.together import Neighbours, find_kinship
from core.datasets.records import ImageView, Likeness, Review, Split, SplitOrigin
from core.errors import ConfigError, DatasetError

FRACTION_TOLERANCE = 1e-6  # fractions from sliders add up to 1 only nearly
_EPSILON = 1e-9  # differences below are rounding errors of floating-point sums


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """How a dataset is to be split."""

    train: float = 0.7  # share of the photos, 0-1; the three shares add up to 1
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0  # another seed, another split
    keep_imported: bool = True  # photos stay in the split that they came with
    keep_by_hand: bool = True  # photos stay in the split that a person put them into
    neighbours: Neighbours = Neighbours.WHERE_ALIKE  # whether photos that follow each other stay together

    def __post_init__(self) -> None:
        for split in Split:
            value = getattr(self, split)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ConfigError(f"The share for {split} is {value!r}; a number from 0 to 1 is needed.")
        total = self.train + self.validation + self.test
        if abs(total - 1) > FRACTION_TOLERANCE:
            raise ConfigError(f"The shares for train, validation and test add up to {total:g}; they must add up to 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ConfigError(f"The seed is {self.seed!r}; a whole number is needed.")
        for name in ("keep_imported", "keep_by_hand"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; true or false is needed.")
        if self.neighbours not in list(Neighbours):
            raise ConfigError(f"neighbours is {self.neighbours!r}; one of {', '.join(Neighbours)} is needed.")
        object.__setattr__(self, "neighbours", Neighbours(self.neighbours))  # JSON has the bare word

    def fraction(self, split: Split) -> float:
        """Share of the photos that a split is to have, 0-1."""
        return {Split.TRAIN: self.train, Split.VALIDATION: self.validation, Split.TEST: self.test}[split]

    def to_json(self) -> dict[str, Any]:
        """As the database keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; what is missing has its default.

        Raises:
            ConfigError: a name is unknown, or a value cannot be used.
        """
        known = [spec.name for spec in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"A split knows no {', '.join(unknown)}; known are {', '.join(known)}.")
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitItem:
    """What the split needs to know of an image."""

    image_id: int
    class_id: int
    group: Hashable | None = None  # images with equal groups stay together; None: it belongs to no other
    fixed: Split | None = None  # where it stays whatever the fractions say


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
class LeakReport:
    """What a random split that ignores groups would leak, as the mean over all such splits."""

    num_held_out: float  # images for validation or test
    num_leaked: float  # those of them with at least one image of their group in training

    @property
    def share(self) -> float:
        """Leaked images per image held out, 0-1."""
        return self.num_leaked / self.num_held_out if self.num_held_out else 0.0


def split_items(items: Iterable[SplitItem], config: SplitConfig) -> SplitResult:
    """Give every image a split.

    The fractions hold in every class as closely as the groups allow: no split of a class gets more than the share asked
    for plus one group. A class with two groups or more has photos for training and for validation, unless no
    share was asked for them or its fixed images take that away. Large groups are placed first, where they
    disturb the fractions least, which is mostly training; validation and test then have many independent photos, and
    their accuracy means more.

    Images that are fixed stay; the rest of their group follows them, the majority if they disagree (then the group is
    among the conflicts).

    Args:
        items: the images, in any order: it makes no difference.
        config: the shares and the seed.

    Raises:
        DatasetError: an image is listed twice.
    """
    items = list(items)
    if len({item.image_id for item in items}) != len(items):
        raise DatasetError("An image is listed twice, so it cannot be given one split. Load the page again.")
    free: list[_Unit] = []
    conflicts: list[tuple[int, ...]] = []
    ledger = _Ledger(items, config)
    for members in _gather(items):
        unit = _Unit.of(members, config.seed)
        fixed = Counter(item.fixed for item in members if item.fixed is not None)
        if not fixed:
            free.append(unit)
            continue
        if len(fixed) > 1:
            conflicts.append(unit.image_ids)
        leader = fixed.most_common(1)[0][0]  # members are sorted, so a tie goes to the oldest image's split
        for item in members:
            ledger.place(item, item.fixed or leader)
    ledger.expect(free)
    for unit in sorted(free, key=_Unit.order):
        split = ledger.choose(unit)
        for item in unit.members:
            ledger.place(item, split)
    return ledger.result(tuple(sorted(conflicts)))


def items_of(images: Iterable[ImageView], groups: Mapping[int, Hashable], config: SplitConfig) -> list[SplitItem]:
    """What to give to `split_items` for images of a dataset; those marked as unsure are left out.

    Args:
        images: those to split, without the trash.
        groups: image id to group, as `groups_of` finds them.
        config: says whether imported splits and those by hand stay.
    """
    kept = {SplitOrigin.IMPORTED: config.keep_imported, SplitOrigin.PERSON: config.keep_by_hand}
    return [
        SplitItem(
            image_id=image.id,
            class_id=image.class_id,
            group=groups.get(image.id),
            fixed=image.split if image.split_origin is not None and kept.get(image.split_origin, False) else None,
        )
        for image in images
        if image.review is not Review.UNSURE
    ]


def groups_of(
    images: Sequence[ImageView], likeness: Likeness, neighbours: Neighbours = Neighbours.NEVER
) -> dict[int, int]:
    """Which images belong together, as `core.datasets.checks.together` finds it.

    Args:
        images: the images of a dataset, all those out of the trash.
        likeness: how alike their photos are, and which groups are fine; photos of other datasets do no harm.
        neighbours: whether photos that follow each other stay together too: that is for making a split, and no leak
            where a split was made otherwise.

    Returns:
        Image id to group, for every image; the group is its smallest image id.
    """
    images = sorted(images, key=lambda image: image.id)
    groups = {image.id: image.id for image in images}
    for group in find_kinship(images, likeness, neighbours).groups:
        for position in group:
            groups[images[position].id] = images[group[0]].id
    return groups


def count_leaks(items: Iterable[SplitItem], assignment: Mapping[int, Split | None]) -> int:
    """Images held out for validation or test with at least one image of their group in training.

    Args:
        items: the images with their groups.
        assignment: image id to split; images without a split count nowhere.
    """
    num_leaks = 0
    for members in _gather(items):
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
    for members in _gather(items):
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


def _gather(items: Iterable[SplitItem]) -> Collection[list[SplitItem]]:
    """The groups, an image without one being a group of its own; each sorted, in the order of their first images."""
    groups: defaultdict[Hashable, list[SplitItem]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.image_id):
        groups[("image", item.image_id) if item.group is None else ("group", item.group)].append(item)
    return groups.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
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
        return tuple(item.image_id for item in self.members)

    def order(self) -> tuple[bool, int, bytes]:
        """Key to sort by: what is hardest to place comes first, groups over several classes and then large ones."""
        return len(self.class_counts) == 1, -len(self.members), self.rank


class _Ledger:
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

    def expect(self, units: Iterable[_Unit]) -> None:
        """Count the units that `choose` will be asked for."""
        self._num_units.update(class_id for unit in units for class_id, _ in unit.class_counts)

    def choose(self, unit: _Unit) -> Split:
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

    def _demanded(self, unit: _Unit) -> list[Split]:
        """Splits that a class of the unit must have, when this is its last chance to get them."""
        votes = Counter[Split]()
        for class_id, _ in unit.class_counts:
            missing = [split for split in self._required if not self._counts[class_id][split]]
            if self._num_units[class_id] <= len(missing):
                votes.update(missing[: self._num_units[class_id]])
        return [split for split in Split if votes and votes[split] == max(votes.values())]

    def _need(self, unit: _Unit, split: Split) -> float:
        """How much the classes of the unit lack in a split, relative to their sizes; negative when they have enough."""
        fraction = self._config.fraction(split)
        return sum(
            count * (fraction - self._counts[class_id][split] / self._sizes[class_id])
            for class_id, count in unit.class_counts
        )

    def _need_of_all(self, unit: _Unit, split: Split) -> float:
        return len(unit.members) * (self._config.fraction(split) - self._total[split] / self._num_items)
