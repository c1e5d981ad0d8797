"""What a task handler is given: its payload, and ways to report and to be stopped."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from core.errors import BluetitError, StorageError, TaskCancelledError, TaskLostError
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.views import ClaimedTask, EventKind
from core.settings import Settings

logger = logging.getLogger(__name__)

REPORT_INTERVAL_SECONDS = 0.2  # progress is written at most this often, whatever the handler does
CANCEL_CHECK_SECONDS = 0.5  # the database is asked at most this often


class TaskContext:
    """One attempt at one task, seen from inside its handler."""

    def __init__(self, queue: TaskQueue, settings: Settings, task: ClaimedTask, *, is_guest: bool = False) -> None:
        self.settings = settings
        self.is_guest = is_guest  # whether it is for somebody who must not learn what is on this computer
        self.task_id = task.id
        self.payload: dict[str, Any] = task.payload
        self.attempt = task.attempt  # 1 the first time, 2 when a worker died before
        self.queue = queue
        self.database = queue.database
        self._worker_id = task.worker_id
        self._lock = threading.RLock()
        self._pending: dict[str, Any] | None = None  # the latest progress, not written yet
        self._timer: threading.Timer | None = None  # runs while something is pending
        self._written_at = -REPORT_INTERVAL_SECONDS
        self._checked_at = -CANCEL_CHECK_SECONDS
        self._afterwards: list[Callable[[], object]] = []
        self._when_done: list[Callable[[], object]] = []
        self._late_error: TaskLostError | None = None  # of the timer's thread, raised in the handler's

    def call_afterwards(self, work: Callable[[], object]) -> None:
        """Have something done once the end of the task has been told, such as giving memory back."""
        self._afterwards.append(work)

    def call_when_done(self, work: Callable[[], object]) -> None:
        """Have something done once the queue knows that the task is done, such as deleting what a retry would need.

        It is not done when the task ends in any other way. It may fail with a `BluetitError`: the task is done anyway.
        """
        self._when_done.append(work)

    def end(self, *, is_done: bool) -> None:
        """Do what was left for afterwards; the worker calls it when it has let go of the task.

        Args:
            is_done: whether the queue knows that the task is done.
        """
        for work in self._when_done if is_done else ():
            try:
                work()
            except BluetitError as exc:
                logger.warning("Task %d is done, but could not clear up: %s", self.task_id, exc)
        for work in self._afterwards:
            work()

    def report(self, fraction: float | None, message: str) -> None:
        """Say how far the work has come; call it as often as you like.

        Args:
            fraction: part done, 0-1; None when that cannot be told.
            message: what is being done, for people.

        Raises:
            TaskLostError: the task was given to another worker.
        """
        if fraction is not None:
            fraction = min(fraction, 1.0) if fraction > 0 else 0.0  # NaN becomes 0: it is no JSON
        with self._lock:
            self._raise_late_error()
            self._pending = {"fraction": fraction, "message": message}
            wait_seconds = self._written_at + REPORT_INTERVAL_SECONDS - time.monotonic()
            if wait_seconds <= 0:
                self.flush()
            elif self._timer is None:
                # The last report before a long silence must get through too.
                self._timer = threading.Timer(wait_seconds, self._flush_late)
                self._timer.daemon = True
                self._timer.start()

    def message(self, text: str) -> None:
        """Tell people something that stays in the task's history.

        Raises:
            TaskLostError: the task was given to another worker.
        """
        with self._lock:
            self.flush()
            self._write("message", {"text": text})

    def tell_result(self, values: dict[str, Any]) -> None:
        """Tell whoever asked for the task what came of it; the last one counts, `TaskQueue.result` reads it.

        Raises:
            TaskLostError: the task was given to another worker.
            StorageError: the database failed; without its result a task of this sort is not done.
        """
        self.queue.append_event(self.task_id, self._worker_id, kind="result", payload=values, attempt=self.attempt)

    def check_cancelled(self) -> None:
        """Stop here when somebody asked for it; call it between steps, as often as you like.

        Raises:
            TaskCancelledError: somebody asked for the task to stop.
            TaskLostError: the task was given to another worker.
        """
        with self._lock:
            self._raise_late_error()
        now = time.monotonic()
        if now - self._checked_at < CANCEL_CHECK_SECONDS:
            return
        self._checked_at = now
        try:
            task = self.queue.get(self.task_id)
        except StorageError as exc:
            logger.warning("Task %d could not ask whether to stop: %s", self.task_id, exc)
            return
        if (task.worker_id, task.attempts, task.status) != (self._worker_id, self.attempt, TaskStatus.RUNNING):
            raise TaskLostError(f"Task {self.task_id} no longer belongs to this worker.")
        if task.cancel_requested_at is not None:
            raise TaskCancelledError(f"Somebody asked for task {self.task_id} to stop.")

    def flush(self) -> None:
        """Write the progress that still waits; the worker calls it when the handler has returned.

        Raises:
            TaskLostError: the task was given to another worker.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._raise_late_error()
            pending, self._pending = self._pending, None
            if pending is not None:
                self._write("progress", pending)
                self._written_at = time.monotonic()

    def _flush_late(self) -> None:
        with self._lock:
            try:
                self.flush()
            except TaskLostError as exc:
                self._late_error = exc

    def _write(self, kind: EventKind, payload: dict[str, Any]) -> None:
        try:
            self.queue.append_event(self.task_id, self._worker_id, kind=kind, payload=payload, attempt=self.attempt)
        except StorageError as exc:
            # Hours of work must not end because the database was away for a moment.
            logger.warning("Task %d could not report %s: %s", self.task_id, payload, exc)

    def _raise_late_error(self) -> None:
        error, self._late_error = self._late_error, None
        if error is not None:
            raise error
