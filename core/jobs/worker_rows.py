"""Rows of workers: which of them count, which have fallen silent, and that one has stopped."""

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from core.jobs.status import TaskStatus
from core.storage.clock import database_now
from core.storage.schema import Task, Worker


def is_open_worker() -> ColumnElement[bool]:
    """Whether a worker has not signed off, or has left a running task behind."""
    # One that signed off but still has a task counts too, or nobody would ever recover the task.
    has_task = exists().where(Task.worker_id == Worker.id, Task.status == TaskStatus.RUNNING)
    return or_(Worker.stopped_at.is_(None), has_task)


def lock_if_silent(session: Session, worker_id: str, silent_seconds: float) -> bool:
    """Lock the row of a worker that has said nothing for so long; False when it has, or there is none."""
    silent = select(Worker.id).where(Worker.id == worker_id, Worker.heartbeat_at < database_now() - silent_seconds)
    return session.scalar(silent.with_for_update()) is not None


def note_stopped(session: Session, worker_id: str | None) -> None:
    """Note that a worker has stopped, unless that is known."""
    session.execute(
        update(Worker).where(Worker.id == worker_id, Worker.stopped_at.is_(None)).values(stopped_at=database_now())
    )
