"""What the queue hands out: frozen copies of rows, never live database objects."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.storage.schema import Task, TaskEvent, Worker

EventKind = Literal["progress", "status", "message", "result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTask:
    """A task that a worker has just been given."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempt: int  # 1 the first time
    worker_id: str
    space_id: int | None  # whose it is; None: of nobody in particular


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as it was when asked for; times in Unix seconds."""

    id: int
    kind: str
    payload: dict[str, Any]
    key: str | None
    status: TaskStatus
    attempts: int  # how often it was begun
    worker_id: str | None
    cancel_requested_at: float | None
    created_at: float
    started_at: float | None  # of the latest attempt
    finished_at: float | None
    error: str | None  # for people

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ACTIVE_STATUSES

    @classmethod
    def of(cls, task: Task) -> Self:
        """Copy a row."""
        return cls(
            id=task.id,
            kind=task.kind,
            payload=task.payload,
            key=task.key,
            status=TaskStatus(task.status),
            attempts=task.attempts,
            worker_id=task.worker_id,
            cancel_requested_at=task.cancel_requested_at,
            created_at=task.created_at,
            started_at=task.started_at,
            finished_at=task.finished_at,
            error=task.error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """Something that happened to a task.

    The payload of a progress event is `{"fraction": 0-1 or None, "message": str}`, of a status event
    `{"status": str, "attempt": int, "error": str or None}`, of a message `{"text": str}`; of a
    result it is what the kind of task says.
    """

    task_id: int
    sequence: int  # 1, 2, ... within the task
    kind: EventKind
    payload: dict[str, Any]
    created_at: float  # Unix seconds

    @classmethod
    def of(cls, event: TaskEvent) -> Self:
        """Copy a row."""
        return cls(
            task_id=event.task_id,
            sequence=event.sequence,
            kind=event.kind,  # type: ignore[arg-type]  # only EventKinds are ever written
            payload=event.payload,
            created_at=event.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the current attempt of a task has come."""

    fraction: float | None  # 0-1; None when that cannot be told
    message: str
    seconds_left: float | None  # as of the latest report, supposing the same pace


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Where a task stands that waits."""

    num_before: int  # tasks of the same lane that wait and will be begun before it
    num_running: int  # tasks of the same lane that workers have, whosever they are
    seconds: float | None  # that it is likely to wait, from how long such tasks took; None: none has ended yet
    trouble: str | None = None  # why nothing can be begun at present, in sentences for people; None: nothing is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker process as it was when asked for; times in Unix seconds."""

    id: str
    pid: int
    host: str  # as `core.jobs.processes.this_host` names it; empty until the process runs
    lane: str  # a `Lane`, or one that only another version of Bluetit knows
    started_at: float
    heartbeat_at: float

    @classmethod
    def of(cls, worker: Worker) -> Self:
        """Copy a row."""
        return cls(
            id=worker.id,
            pid=worker.pid,
            host=worker.host,
            lane=worker.lane,
            started_at=worker.started_at,
            heartbeat_at=worker.heartbeat_at,
        )
