"""Runs for tests: their configs, and a worker that lets the test decide what becomes of them."""

from typing import Any

from core.config import TrainConfig
from core.datasets.library import Library
from core.datasets.snapshots import take_snapshot
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.runs.desk import TRAIN_KIND
from core.runs.library import RunLibrary
from core.runs.records import RunEventKind, RunStatus, RunView
from core.storage.db import Database
from core.task_kinds import TASK_KINDS
from tests.core.datasets.library_samples import add


def take(database: Database, name: str, numbers: range) -> tuple[int, str]:
    """Make a dataset with one class of these photos and freeze it; the dataset's number and the snapshot's hash."""
    library = Library(database)
    dataset_id = library.datasets.create(name).id
    add(library, dataset_id, "crow", numbers)
    return dataset_id, take_snapshot(database, dataset_id).hash


def config(snapshot: str, backbone: str = "MobileNetV2", **values: Any) -> TrainConfig:
    return TrainConfig(snapshot=snapshot, backbone=backbone, **values)


class HandWorker:
    """A worker without a process: the test claims and ends tasks of the runs by itself."""

    def __init__(self, queue: TaskQueue, library: RunLibrary, worker_id: str = "w1") -> None:
        self._queue = queue
        self._library = library
        self._worker_id = worker_id
        queue.register_worker(worker_id, pid=1, host="elsewhere", lane=Lane.NETWORKS)

    def begin(self) -> int:
        """Take the oldest task and begin its run, as a handler does; the task's number."""
        task = self._queue.claim(self._worker_id, list(TASK_KINDS))
        assert task is not None
        if task.kind == TRAIN_KIND:
            self._library.set_started(task.payload["run_id"], task_id=task.id)
        return task.id

    def end(self, status: TaskStatus = TaskStatus.DONE, error: str | None = None) -> None:
        """Take the oldest task and end it like this."""
        self._queue.finish(self.begin(), self._worker_id, status=status, error=error)

    def finish(self, task_id: int, status: TaskStatus = TaskStatus.DONE) -> None:
        self._queue.finish(task_id, self._worker_id, status=status)

    def die(self) -> None:
        """Stop without a word; what it had is interrupted."""
        self._queue.recover_tasks_of(self._worker_id)


def bring_to(status: RunStatus, view: RunView, worker: HandWorker, queue: TaskQueue, library: RunLibrary) -> None:
    """Let the only queued run come to this status."""
    assert view.task_id is not None
    match status:
        case RunStatus.QUEUED:
            return
        case RunStatus.CANCELLED:
            assert queue.cancel_queued(view.task_id)
        case RunStatus.FAILED:
            worker.end(TaskStatus.FAILED, "No luck.")
        case RunStatus.DONE:
            worker.end()
        case _:
            worker.begin()
            if status is RunStatus.STOPPING:
                library.request_stop(view.id)
            elif status is RunStatus.INTERRUPTED:
                worker.die()
    assert library.get_run(view.id).status is status


def batches(first: int, last: int) -> list[tuple[RunEventKind, dict[str, int]]]:
    return [("batch", {"step": step}) for step in range(first, last + 1)]


def sequences(runs: RunLibrary, run_id: int, after: int = 0) -> list[int]:
    return [found.sequence for found in runs.events_after(run_id, after)]
