"""The statuses of a task, and which may follow which."""

from enum import StrEnum
from types import MappingProxyType

from core.errors import IllegalTransitionError


class TaskStatus(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # a worker has it
    DONE = "done"
    FAILED = "failed"  # `error` says why
    CANCELLED = "cancelled"  # somebody asked for it to stop
    INTERRUPTED = "interrupted"  # its worker died; it can be queued again


LEGAL_TRANSITIONS = MappingProxyType(
    {
        # Failed without running: when no worker can be started at all.
        TaskStatus.QUEUED: (TaskStatus.RUNNING, TaskStatus.CANCELLED, TaskStatus.FAILED),
        TaskStatus.RUNNING: (
            TaskStatus.DONE,
            TaskStatus.FAILED,
            TaskStatus.CANCELLED,
            TaskStatus.INTERRUPTED,
            TaskStatus.QUEUED,
        ),
        TaskStatus.INTERRUPTED: (TaskStatus.QUEUED,),
        TaskStatus.DONE: (),
        TaskStatus.FAILED: (),
        TaskStatus.CANCELLED: (),
    }
)

ACTIVE_STATUSES = (TaskStatus.QUEUED, TaskStatus.RUNNING)


def check_transition(old: TaskStatus, new: TaskStatus) -> None:
    """Refuse a change of status that the table does not have.

    Raises:
        IllegalTransitionError: `new` may not follow `old`.
    """
    legal = LEGAL_TRANSITIONS[old]
    if new not in legal:
        allowed = f"it can become {', '.join(legal)}" if legal else "that is final"
        raise IllegalTransitionError(f"A task that is {old} cannot become {new}; {allowed}.")
