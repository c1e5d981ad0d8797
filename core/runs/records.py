"""What the library hands out about runs: frozen copies of rows, safe to keep and to share."""

import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Self

from core.config import TrainConfig
from core.jobs.status import TaskStatus
from core.storage.schema import Run, RunEvent

RunEventKind = Literal["phase", "batch", "epoch", "photos", "note"]

# Between noting a run and queueing its task there are milliseconds.
BEGIN_SECONDS = 60.0

_NEVER_BEGUN = "The run was never begun: the server stopped at that moment. Let it go on."
_CAME_UNFINISHED = "The run came here with a project, before its end. Let it go on from its last finished epoch."


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"
    STOPPING = "stopping"  # still running, but somebody asked for it to stop or to be cancelled
    DONE = "done"
    FAILED = "failed"  # `error` says why; it can go on from its last finished epoch
    CANCELLED = "cancelled"  # nothing of it is kept
    INTERRUPTED = "interrupted"  # its worker died; it can go on from its last finished epoch


ACTIVE_RUN_STATUSES = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.STOPPING)
RESUMABLE_RUN_STATUSES = (RunStatus.INTERRUPTED, RunStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """What a run needs to know about one of its tasks."""

    status: TaskStatus
    error: str | None
    cancel_requested_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run; times in Unix seconds."""

    id: int
    name: str
    note: str
    dataset_id: int | None  # None: its dataset was deleted for good, or never known
    snapshot_hash: str
    recipe: str | None
    config_values: dict[str, Any]  # as `TrainConfig.to_json` wrote them
    parent_id: int | None  # the run that it goes on from, or of which it is a changed copy
    race: str | None  # mark that the runs of one race of backbones, or of one sweep over a setting, have in common
    task_id: int | None  # the newest that trains it; None: not queued yet
    package_task_id: int | None  # the newest that packages it
    last_sequence: int  # of its events; 0: none yet
    num_rewinds: int  # who read events when it was another number reads them again from the first
    stop_requested_at: float | None
    created_at: float
    started_at: float | None  # the first time that a worker had it
    finished_at: float | None  # the last time that a worker let go of it, for whatever reason; None while active
    trashed_at: float | None
    outcome: dict[str, Any] | None  # the summary of a finished run
    status: RunStatus
    is_cancel_requested: bool  # whether it is to be discarded, not only stopped
    error: str | None  # for people: why it failed or was interrupted
    package_status: TaskStatus | None  # None: packaging was never asked for
    package_error: str | None  # for people

    @property
    def config(self) -> TrainConfig:
        """What it is trained with, read anew at each call.

        Raises:
            ConfigError: another version of Bluetit wrote it.
        """
        return TrainConfig.from_json(self.config_values)

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ACTIVE_RUN_STATUSES

    @property
    def can_go_on(self) -> bool:
        """Whether it has ended before its time and can be taken up again."""
        return self.status in RESUMABLE_RUN_STATUSES and self.trashed_at is None

    @classmethod
    def of(cls, run: Run, task: TaskState | None, package_task: TaskState | None) -> Self:
        """Copy a row, with what its tasks say."""
        status = derive_status(run, task)
        is_active = status in ACTIVE_RUN_STATUSES
        ended_at = None if task is None else task.finished_at
        return cls(
            id=run.id,
            name=run.name,
            note=run.note,
            dataset_id=run.dataset_id,
            snapshot_hash=run.snapshot_hash,
            recipe=run.recipe,
            config_values=run.config,
            parent_id=run.parent_id,
            race=run.race,
            task_id=run.task_id,
            package_task_id=run.package_task_id,
            last_sequence=run.last_sequence,
            num_rewinds=run.num_rewinds,
            stop_requested_at=run.stop_requested_at,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=None if is_active else run.finished_at or ended_at,
            trashed_at=run.trashed_at,
            outcome=run.outcome,
            status=status,
            is_cancel_requested=task is not None and task.cancel_requested_at is not None,
            error=_error_of(run, status, task),
            package_status=None if package_task is None else package_task.status,
            package_error=None if package_task is None else package_task.error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEventView:
    """Something that happened in a run; what the payload holds is the matter of `core.training`."""

    run_id: int
    sequence: int  # grows within the run; numbers of dropped events are missing
    kind: RunEventKind
    payload: dict[str, Any]
    created_at: float  # Unix seconds

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """Copy a row."""
        return cls(
            run_id=event.run_id,
            sequence=event.sequence,
            kind=event.kind,  # type: ignore[arg-type]  # only RunEventKinds are ever written
            payload=event.payload,
            created_at=event.created_at,
        )


def derive_status(run: Run, task: TaskState | None) -> RunStatus:
    """Where a run stands: the one place that decides it.

    Args:
        run: the row.
        task: the newest task that trains it; None when there is none.
    """
    if task is None:
        if run.outcome is not None:
            return RunStatus.DONE
        is_young = time.time() - run.created_at < BEGIN_SECONDS
        return RunStatus.QUEUED if is_young else RunStatus.INTERRUPTED
    is_to_end = run.stop_requested_at is not None or task.cancel_requested_at is not None
    if task.status is TaskStatus.RUNNING and is_to_end:
        return RunStatus.STOPPING
    return RunStatus(task.status)


def without_nan(value: Any) -> Any:
    """The same JSON with null in place of every number that is infinite or none, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def _error_of(run: Run, status: RunStatus, task: TaskState | None) -> str | None:
    if status not in RESUMABLE_RUN_STATUSES:
        return None
    if task is not None:
        return task.error
    return _NEVER_BEGUN if run.started_at is None else _CAME_UNFINISHED
