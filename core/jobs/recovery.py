"""What becomes of a task whose worker is gone."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from core.jobs.kinds import TaskKind
from core.jobs.status import TaskStatus
from core.jobs.task_rows import append_event_row, move_task
from core.storage.schema import Task

# How often a task that goes on by itself is begun in all, before somebody is asked: one that brings down the computer
# it runs on would go through the whole cluster.
MOST_GOINGS_ON = 3


def recover(
    session: Session, task: Task, kinds: Mapping[str, TaskKind], reason: str, *, details: str, goes_on: bool
) -> None:
    """Give a locked task that its worker has left the status that its kind says.

    Args:
        session: that has locked it.
        task: running, of a worker that is gone.
        kinds: all there are.
        reason: why it was left, a sentence without its full stop.
        details: a sentence with a space before it that is put behind an error, or nothing.
        goes_on: whether what a person would continue goes on by itself, because the worker's computer is gone and
            not the task's fault; a few times.
    """
    if task.cancel_requested_at is not None:
        move_task(session, task, TaskStatus.CANCELLED)
        return
    kind = kinds.get(task.kind)
    if kind is None:
        move_task(session, task, TaskStatus.FAILED, error=f"{reason}.{details}")
        return
    most = max(kind.max_attempts, MOST_GOINGS_ON) if goes_on else kind.max_attempts
    is_interrupting = kind.on_worker_death == "interrupt"
    if task.attempts < most and (goes_on or not is_interrupting):
        text = f"{reason}; trying again (attempt {task.attempts + 1} of {most})."
        append_event_row(session, task.id, kind="message", payload={"text": text})
        move_task(session, task, TaskStatus.QUEUED)
    elif is_interrupting:
        error = f"{reason}; the task can be continued.{details}"
        move_task(session, task, TaskStatus.INTERRUPTED, error=error)
    else:
        error = f"{reason} in attempt {task.attempts} of {most}, the last one.{details}"
        move_task(session, task, TaskStatus.FAILED, error=error)
