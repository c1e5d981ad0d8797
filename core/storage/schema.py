"""The tables, as SQLAlchemy classes; a change here needs a new file in `migrations/versions`.

Times are Unix seconds (UTC) in double precision: the same number in every database and on every machine, with
no time zone to lose on the way; pages turn them into local time.
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, Float, ForeignKey, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ACTIVE = text("status IN ('queued', 'running')")


class Base(DeclarativeBase):
    """Base of every table."""

    # Constraints have names, because SQLite can only alter a constraint that has one.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        float: Float(),
        str: Text(),
        dict[str, Any]: JSON(),
    }


class Worker(Base):
    """A worker process, living or gone."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int]
    host: Mapped[str]
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]
    stopped_at: Mapped[float | None]


class Task(Base):
    """A piece of work for a worker process; `core.jobs.status` says which statuses follow which."""

    __tablename__ = "tasks"
    __table_args__ = (
        # Two active tasks with one key are impossible, whoever submits them and however fast.
        Index("uq_tasks_active_key", "key", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_tasks_key", "key", "id"),
        Index("ix_tasks_status", "status", "id"),
        {"sqlite_autoincrement": True},  # a number is never given again, not even after a deletion
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    status: Mapped[str]
    attempts: Mapped[int]
    worker_id: Mapped[str | None] = mapped_column(ForeignKey("workers.id"), index=True)
    cancel_requested_at: Mapped[float | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    error: Mapped[str | None]


class TaskEvent(Base):
    """Something that happened to a task, in the order of `sequence` (1, 2, ... within the task)."""

    __tablename__ = "task_events"
    __table_args__ = (UniqueConstraint("task_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[float]
