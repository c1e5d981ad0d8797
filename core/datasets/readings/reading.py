"""What a reading is: one way to understand what has arrived."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.datasets.records import Split
from core.records import Record

# From here on a reading may well be what the person means. Where more than one is, the person is asked.
PLAUSIBLE_FROM = 0.5
# Why a reading leaves out a photo that lies with those that nobody has sorted; `onto_pile` has a place for it.
NOT_SAID = "It lies in a folder of photos without classes, so its class is not known."


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photo belongs."""

    class_name: str
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount(Record):
    """A class's name as written, with its photos per split; "" stands for no split."""

    name: str
    counts: dict[str, int]

    @property
    def num_photos(self) -> int:
        """Photos in all splits."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to understand what has arrived: every photo has a place, or a reason why it is left out."""

    key: str  # the same whenever the same files arrive; the person's answer names it
    title: str  # a few words, for the person who chooses
    explanation: str  # one sentence on where the classes are taken from
    placements: dict[str, Placement]  # by path, as given
    left_out: dict[str, str]  # path of a photo to the reason, for people
    plausibility: float  # 0-1; `PLAUSIBLE_FROM` counts
    is_plain: bool = False  # whether it is what anybody would see at once, so that the report need not tell
    remark: str = ""  # a sentence on some of the photos that the report tells in any case
    used_beside: frozenset[str] = field(default_factory=frozenset)  # paths of files that are no photos and were used

    @property
    def class_names(self) -> set[str]:
        """The classes that have photos."""
        return {placement.class_name for placement in self.placements.values()}

    @property
    def note(self) -> str:
        """The sentence for the report; empty where nobody needs one."""
        return self.remark if self.is_plain else self.full_explanation

    @property
    def full_explanation(self) -> str:
        """Where the classes are taken from, and what is said of some of the photos."""
        return f"{self.explanation} {self.remark}".rstrip()


def count_classes(placements: Iterable[Placement]) -> tuple[ClassCount, ...]:
    """Photos of every class per split, by name."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for placement in placements:
        counts[placement.class_name][placement.split or ""] += 1
    return tuple(ClassCount(name=name, counts=dict(counts[name])) for name in sorted(counts))


def is_same_partition(one: Mapping[str, Placement], other: Mapping[str, Placement]) -> bool:
    """Whether two readings put the same photos together, whatever they call the classes."""
    if one.keys() != other.keys():
        return False
    names: dict[str, str] = {}
    back: dict[str, str] = {}
    for path, placement in one.items():
        name, twin = placement.class_name, other[path].class_name
        if names.setdefault(name, twin) != twin or back.setdefault(twin, name) != name:
            return False
    return True
