"""How long a task that waits is likely to wait, from how long such tasks have taken lately."""

from collections.abc import Mapping, Sequence
from statistics import median

from core.jobs.turns import WaitingTask
from core.jobs.views import QueuePlace

_LONGEST_SECONDS = 24 * 3600.0  # what took longer, or less than nothing, was measured by a clock that somebody set


def usual_seconds(recent: Sequence[float | None]) -> float | None:
    """How long a task of a kind usually takes; None where that is not known yet.

    Args:
        recent: how long the last ones took, by the clock of the database.
    """
    believable = [seconds for seconds in recent if seconds is not None and 0 <= seconds <= _LONGEST_SECONDS]
    return median(believable) if believable else None


def tell_places(
    order: Sequence[WaitingTask],
    running: Sequence[tuple[str, float]],
    usual: Mapping[str, float | None],
    *,
    num_workers: int,
) -> dict[int, QueuePlace]:
    """Where each task of a lane stands that waits, by its number.

    Args:
        order: the tasks that wait, in the order in which they will be begun.
        running: kind and seconds so far of each task that a worker has.
        usual: how long tasks of each kind usually take, in seconds; None: that is not known.
        num_workers: that share the work, at least 1.
    """
    places: dict[int, QueuePlace] = {}
    seconds: float | None = 0.0
    for kind, so_far in running:
        whole = usual[kind]
        # By a clock that was set it may have run for less than nothing, or for a day.
        left = None if whole is None else min(whole, max(0.0, whole - so_far))
        seconds = None if seconds is None or left is None else seconds + left
    for num_before, task in enumerate(order):
        places[task.id] = QueuePlace(
            num_before=num_before,
            num_running=len(running),
            seconds=None if seconds is None else seconds / num_workers,
        )
        whole = usual[task.kind]
        seconds = None if seconds is None or whole is None else seconds + whole
    return places
