"""What is asked when photos are sorted, and what is answered."""

from dataclasses import dataclass
from enum import StrEnum

from core.datasets.records import ImageView


class Adviser(StrEnum):
    """Who says where photos may belong."""

    MODEL = "model"  # the newest model of the dataset
    EXAMPLES = "examples"  # the photos that are in the classes already


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A person looks for photos of a class; all are numbers of the dataset."""

    into: int  # the class
    among: int | None = None  # the class whose photos are looked through; None: all others
    examples: tuple[int, ...] = ()  # images that it begins with; none: the photos of the class
    wanted: tuple[int, ...] = ()  # images that the person said yes to
    unwanted: tuple[int, ...] = ()  # no
    passed: tuple[int, ...] = ()  # neither; not shown again in this search


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What fits a search best."""

    images: tuple[ImageView, ...]  # best first
    num_left: int  # photos that were looked through, those above among them
    num_unknown: int  # more of them that the network has not looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Where one photo may belong."""

    image: ImageView
    class_id: int
    certainty: float  # 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """Where the photos of a class may belong."""

    suggestions: tuple[Suggestion, ...]  # most certain first
    num_photos: int  # of the class
    num_staying: int  # look as if they were right where they are
    num_refused: int  # the model says that it does not know
    num_without_class: int  # look like a class of the model that the dataset does not have any more
    num_unknown: int  # have not been looked at
