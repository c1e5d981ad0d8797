"""Rows of tasks and their events: locked before they change, moved along the table of legal transitions."""

from typing import Any

from sqlalchemy import Select, func, null, select
from sqlalchemy.orm import Session

from core.errors import TaskLostError, UnknownTaskError
from core.jobs.status import ACTIVE_STATUSES, TaskStatus, check_transition
from core.jobs.task_bell import ring
from core.jobs.views import EventKind
from core.storage.clock import database_now
from core.storage.limits import GUEST_KINDS
from core.storage.own_rows import space_of
from core.storage.schema import Space, Task, TaskEvent


def active_with(key: str) -> Select[Task]:
    """Finds the queued or running task with a key, of which there is at most one."""
    return select(Task).where(Task.key == key, Task.status.in_(ACTIVE_STATUSES))


def unknown_task(task_id: int) -> UnknownTaskError:
    """The error for a number that no task has."""
    return UnknownTaskError(f"No task has the number {task_id}.")


def add_task(session: Session, kind: str, payload: dict[str, Any], key: str | None, *, is_shared: bool = False) -> Task:
    """Queue a task, of the space that the session is bound to or of nobody in particular.

    Raises:
        IntegrityError: one with the same key is queued or running.
    """
    task = Task(
        kind=kind,
        payload=payload,
        key=key,
        status=TaskStatus.QUEUED,
        attempts=0,
        created_at=database_now(),
        space_id=null() if is_shared else space_of(session),
    )
    session.add(task)
    session.flush()
    append_status(session, task.id, TaskStatus.QUEUED, attempt=0)
    return task


def lock_task(session: Session, task_id: int) -> Task:
    """The row of a task, which nobody else changes until the transaction ends.

    Raises:
        UnknownTaskError: no such task.
    """
    task = session.get(Task, task_id, with_for_update=True)
    if task is None:
        raise unknown_task(task_id)
    return task


def owned_task(task_id: int, worker_id: str | None, attempt: int | None) -> Select[Task]:
    """Finds a task while a worker has it, in this attempt; None: in whichever."""
    owned = select(Task).where(Task.id == task_id, Task.worker_id == worker_id, Task.status == TaskStatus.RUNNING)
    return owned if attempt is None else owned.where(Task.attempts == attempt)


def lock_owned_task(session: Session, task_id: int, worker_id: str, attempt: int | None = None) -> Task:
    """Lock a task for a write by its worker; a worker that lost the task must not write.

    Raises:
        TaskLostError: the task is no longer this worker's, or is in another attempt.
    """
    task = session.scalar(owned_task(task_id, worker_id, attempt).with_for_update())
    if task is None:
        raise TaskLostError(f"Task {task_id} no longer belongs to worker {worker_id}; its result is dropped.")
    return task


def move_task(session: Session, task: Task, status: TaskStatus, *, error: str | None = None) -> None:
    """Give a task that is locked another status, and note that.

    Raises:
        IllegalTransitionError: it cannot get this status.
    """
    check_transition(TaskStatus(task.status), status)
    task.status = status
    task.error = error
    if status == TaskStatus.QUEUED:
        task.worker_id = task.cancel_requested_at = task.started_at = task.finished_at = None
    else:
        task.finished_at = database_now()
    append_status(session, task.id, status, attempt=task.attempts, error=error)


def spaces_of_guests(session: Session) -> set[int]:
    """The spaces of those who need not know what logs are called on this computer."""
    return set(session.scalars(select(Space.id).where(Space.kind.in_(GUEST_KINDS))))


def append_status(
    session: Session, task_id: int, status: TaskStatus, *, attempt: int, error: str | None = None
) -> None:
    """Note that a task has got a status."""
    payload = {"status": status.value, "attempt": attempt, "error": error}
    append_event_row(session, task_id, kind="status", payload=payload)
    if status == TaskStatus.QUEUED:
        ring(session)


def append_event_row(session: Session, task_id: int, *, kind: EventKind, payload: dict[str, Any]) -> int:
    """Add an event to a task that is locked, and return its sequence number."""
    last = session.scalar(select(func.max(TaskEvent.sequence)).where(TaskEvent.task_id == task_id))
    event = TaskEvent(task_id=task_id, sequence=(last or 0) + 1, kind=kind, payload=payload, created_at=database_now())
    session.add(event)
    session.flush()
    return event.sequence
