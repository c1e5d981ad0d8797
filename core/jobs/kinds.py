"""What a kind of background task is; which kinds there are is told by whoever makes a queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.errors import UnknownTaskError


class Lane(StrEnum):
    """Tasks of different lanes have workers of their own, so that photos never wait for a training."""

    NETWORKS = "networks"  # `max_workers` of them; they load TensorFlow
    PHOTOS = "photos"  # one worker; it loads no more than its handlers do


def placer_lane(lane: str) -> str:
    """The lane, in their rows, of those who have others run the workers of a lane and work at no task themselves."""
    return f"{lane} placer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind of task."""

    name: str
    title: str  # for people
    handler: str  # "module:function", imported in the worker only: it may need TensorFlow
    lane: Lane
    max_attempts: int  # how often a task is begun in all, when its worker dies each time
    # What happens to a task whose worker died: begun again by itself, or left for a person to continue.
    on_worker_death: Literal["retry", "interrupt"]
    # Whether it is of nobody in particular: everybody sees it, and it sees everything.
    is_shared: bool = False
    gives_way: bool = False  # whether tasks of other kinds are begun first, even if they came later


def kinds_of(lane: Lane, kinds: Mapping[str, TaskKind]) -> frozenset[str]:
    """The names of a lane's kinds."""
    return frozenset(kind.name for kind in kinds.values() if kind.lane == lane)


def find_kind(name: str, kinds: Mapping[str, TaskKind]) -> TaskKind:
    """The row of a kind.

    Raises:
        UnknownTaskError: no kind has this name.
    """
    try:
        return kinds[name]
    except KeyError as exc:
        raise UnknownTaskError(f"No kind of task is named {name!r}; known are {', '.join(kinds)}.") from exc
