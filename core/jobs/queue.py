"""The queue of background tasks: with the rows below it the only code that writes their tables.

Pages, supervisor and workers use it alike, from any thread or process. Every change is one transaction.
Whoever changes a task locks its row first (on SQLite: is the only writer), so what was checked stays true.
"""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import IllegalTransitionError, JobError
from core.jobs.kinds import find_kind
from core.jobs.recovery import recover
from core.jobs.status import TaskStatus
from core.jobs.task_reader import TaskReader
from core.jobs.task_rows import (
    active_with,
    add_task,
    append_event_row,
    append_status,
    lock_owned_task,
    lock_task,
    move_task,
    owned_task,
    spaces_of_guests,
)
from core.jobs.turns import next_task, note_turn, party_of
from core.jobs.views import ClaimedTask, EventKind, TaskView, WorkerView
from core.jobs.worker_rows import is_open_worker, lock_if_silent, note_stopped
from core.storage.clock import database_now
from core.storage.db import Database
from core.storage.one_look import read_once
from core.storage.schema import Task, TaskEvent, Worker
from core.storage.told_paths import without_log

WORKER_DIED = "The worker stopped unexpectedly"

# Each try fails only when another process submits the same key and its task ends, all within milliseconds.
_SUBMIT_TRIES = 10


class TaskQueue(TaskReader):
    """The tasks and workers of one database, with everything that changes them."""

    def of_space(self, space_id: int | None) -> "TaskQueue":
        """The same queue for one space, whose tasks alone are seen; None: for everything in it."""
        return self.within(self.database.of_space(space_id))

    def within(self, database: Database) -> "TaskQueue":
        """The same queue as a database shows it, which is bound to a space."""
        return TaskQueue(database, self.kinds)

    # For pages

    def submit(self, kind: str, payload: dict[str, Any], *, key: str | None = None) -> int:
        """Queue a task, unless one with the same key is queued or running.

        Args:
            kind: name in the table of kinds.
            payload: what the handler needs to know; must be JSON.
            key: what the task is about; no key, no comparison.

        Returns:
            The number of the new task, or of the active one with the same key.

        Raises:
            UnknownTaskError: no such kind.
        """
        is_shared = find_kind(kind, self.kinds).is_shared
        for _ in range(_SUBMIT_TRIES):
            try:
                with self.database.session() as session:
                    active = None if key is None else session.scalar(active_with(key))
                    return active.id if active else add_task(session, kind, payload, key, is_shared=is_shared).id
            except IntegrityError:
                continue  # another process was faster: its task is the active one, unless it ended already
        raise JobError(f"The task {kind} for {key!r} could not be queued. Try again.")

    def request_cancel(self, task_id: int) -> None:
        """Ask for a task to stop: a queued one is cancelled at once, a running one by its worker.

        A task that is neither stays as it is.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            task = lock_task(session, task_id)
            if task.status == TaskStatus.QUEUED:
                move_task(session, task, TaskStatus.CANCELLED)
            elif task.status == TaskStatus.RUNNING and task.cancel_requested_at is None:
                task.cancel_requested_at = database_now()

    def cancel_queued(self, task_id: int) -> bool:
        """Cancel a task that waits, and say whether it did; one that a worker has or had stays as it is.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            task = lock_task(session, task_id)
            if task.status != TaskStatus.QUEUED:
                return False
            move_task(session, task, TaskStatus.CANCELLED)
            return True

    def requeue(self, task_id: int) -> None:
        """Queue an interrupted task again.

        Raises:
            UnknownTaskError: no such task.
            IllegalTransitionError: the task is not interrupted.
            JobError: another task with the same key is queued or running.
        """
        try:
            with self.database.session() as session:
                task = lock_task(session, task_id)
                if task.status != TaskStatus.INTERRUPTED:
                    raise IllegalTransitionError(
                        f"Task {task_id} is {task.status}; only an interrupted task can be queued again."
                    )
                move_task(session, task, TaskStatus.QUEUED)
        except IntegrityError as exc:
            raise JobError(
                f"Task {task_id} cannot be queued again: another one for the same thing is queued or running."
            ) from exc

    # For workers

    def claim(self, worker_id: str, kind_names: Collection[str]) -> ClaimedTask | None:
        """Give the queued task of these kinds whose turn it is to a registered worker; None when there is none.

        Kinds that give way come last; spaces take turns, as `core.jobs.turns` says.

        Idle workers ask several times a second: when there is none, no writer is kept waiting.
        """
        queued = select(Task.id).where(Task.status == TaskStatus.QUEUED, Task.kind.in_(kind_names))
        with self.database.read_session() as session:
            if session.scalar(queued.limit(1)) is None:
                return None
        statement = (
            update(Task)
            .where(Task.id == next_task(kind_names, self.kinds), Task.status == TaskStatus.QUEUED)
            .values(
                status=TaskStatus.RUNNING,
                worker_id=worker_id,
                attempts=Task.attempts + 1,
                started_at=database_now(),
            )
            .returning(Task.id, Task.kind, Task.payload, Task.attempts.label("attempt"), Task.space_id)
            .execution_options(synchronize_session=False)
        )
        with self.database.session() as session:
            row = session.execute(statement).one_or_none()
            if row is None:
                return None
            note_turn(session, party_of(row.space_id), self.kinds[row.kind].lane)
            append_status(session, row.id, TaskStatus.RUNNING, attempt=row.attempt)
            return ClaimedTask(worker_id=worker_id, **row._mapping)

    def finish(
        self,
        task_id: int,
        worker_id: str,
        *,
        status: TaskStatus,
        error: str | None = None,
        attempt: int | None = None,
    ) -> None:
        """Write how a task ended; of its reports of progress only the last is kept.

        Args:
            task_id: the task.
            worker_id: the worker that has it.
            status: how it ended.
            error: why it failed, for people.
            attempt: the attempt that ended; None: whichever the worker is at.

        Raises:
            TaskLostError: the task is no longer this worker's, or is in another attempt.
            IllegalTransitionError: a running task cannot get this status.
        """
        with self.database.session() as session:
            move_task(session, lock_owned_task(session, task_id, worker_id, attempt), status, error=error)
            # How far it once was interests nobody any more, and hours of work report a hundred thousand times.
            is_report = (TaskEvent.task_id == task_id) & (TaskEvent.kind == "progress")
            last = session.scalar(select(func.max(TaskEvent.sequence)).where(is_report))
            session.execute(delete(TaskEvent).where(is_report, TaskEvent.sequence < (last or 0)))

    def append_event(
        self,
        task_id: int,
        worker_id: str | None,
        *,
        kind: EventKind,
        payload: dict[str, Any],
        attempt: int | None = None,
    ) -> int:
        """Add an event to a task and return its sequence number.

        Args:
            task_id: the task.
            worker_id: the worker that the task must belong to; None when it is not a worker that writes.
            kind: what sort of event.
            payload: as `EventView` says.
            attempt: the worker's attempt; None: whichever it is at.

        Raises:
            TaskLostError: the task is no longer this worker's, or is in another attempt.
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            if worker_id is None:
                lock_task(session, task_id)
            else:
                lock_owned_task(session, task_id, worker_id, attempt)
            return append_event_row(session, task_id, kind=kind, payload=payload)

    def register_worker(self, worker_id: str, *, pid: int, host: str, lane: str) -> None:
        """Make a worker known, before its first claim; `lane` as in its row."""
        with self.database.session() as session:
            now = session.scalar(select(database_now()))
            # It may have been announced, and even been taken for dead since then.
            session.merge(
                Worker(id=worker_id, pid=pid, host=host, lane=lane, started_at=now, heartbeat_at=now, stopped_at=None)
            )

    def heartbeat(self, worker_id: str) -> None:
        """Say that a worker is alive; one that was taken for dead counts again."""
        self._set_worker(worker_id, heartbeat_at=database_now(), stopped_at=None)

    def unregister_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped."""
        self._set_worker(worker_id, stopped_at=database_now())

    def note_trouble(self, worker_id: str, trouble: str | None) -> None:
        """Say what keeps a worker, or whoever places workers, from working; for people who wait. None: nothing."""
        self._set_worker(worker_id, trouble=trouble)

    # For the supervisor

    def announce_worker(self, worker_id: str, lane: str) -> None:
        """Make a worker known before its process is begun, so that other servers start none in its place."""
        # Until it registers no process can be looked up, only the age of this row tells.
        self.register_worker(worker_id, pid=0, host="", lane=lane)

    @read_once
    def live_workers(self, dead_after_seconds: float) -> list[WorkerView]:
        """The workers that said within this time that they are alive."""
        statement = select(Worker).where(is_open_worker(), Worker.heartbeat_at >= database_now() - dead_after_seconds)
        return self._workers(statement)

    @read_once
    def dead_workers(self, dead_after_seconds: float) -> list[WorkerView]:
        """The workers that fell silent this long ago without a word, or left a running task behind."""
        statement = select(Worker).where(is_open_worker(), Worker.heartbeat_at < database_now() - dead_after_seconds)
        return self._workers(statement)

    def overdue_tasks(self, grace_seconds: float) -> list[TaskView]:
        """The running tasks that were asked to stop so long ago, oldest first."""
        overdue = select(Task).where(
            Task.status == TaskStatus.RUNNING, Task.cancel_requested_at <= database_now() - grace_seconds
        )
        return self._all(overdue.order_by(Task.id))

    def end_by_force(self, task: TaskView, end_worker: Callable[[], bool]) -> bool:
        """Cancel a task that was asked to stop by ending its worker.

        A worker that stops by itself at this very moment may have the next task a moment later, which nobody wants to
        end. So the task is locked while its worker is ended: the worker can neither finish it nor take another.

        Args:
            task: as it was read; only this attempt of this worker is ended.
            end_worker: ends the worker's process, and says whether it is gone; called once at most.

        Returns:
            Whether the task is cancelled now; False when it has ended before, or its worker could not be ended.
        """
        owned = owned_task(task.id, task.worker_id, task.attempts).where(Task.cancel_requested_at.is_not(None))
        with self.database.session() as session:
            locked = session.scalar(owned.with_for_update())
            if locked is None or not end_worker():
                return False
            move_task(session, locked, TaskStatus.CANCELLED)
            note_stopped(session, locked.worker_id)
            return True

    def recover_tasks_of(
        self,
        worker_id: str,
        reason: str = WORKER_DIED,
        *,
        log_name: str | None = None,
        silent_seconds: float | None = None,
        goes_on: bool = False,
    ) -> list[TaskView]:
        """Decide what becomes of the tasks that a worker left running, and note that it has stopped.

        Args:
            worker_id: the worker; one that never registered left nothing.
            reason: why it left them, a sentence without its full stop.
            log_name: where the details are, when that is known.
            silent_seconds: how long the worker must have said nothing, where only that tells that it is dead; one that
                has said something in the meantime keeps its tasks.
            goes_on: whether what a person would continue goes on by itself, as where computers come and go.

        Returns:
            The tasks with their new status: cancelled when that was asked for; queued again or failed when
            the kind says "retry"; interrupted when it says "interrupt".
        """
        left = select(Task).where(Task.worker_id == worker_id, Task.status == TaskStatus.RUNNING)
        details = f" The details are in {log_name}." if log_name else ""
        with self.database.session() as session:
            if silent_seconds is not None and not lock_if_silent(session, worker_id, silent_seconds):
                return []
            tasks = session.scalars(left.order_by(Task.id).with_for_update()).all()
            guests = spaces_of_guests(session)
            for task in tasks:
                told = "" if task.space_id in guests else details
                recover(session, task, self.kinds, reason, details=told, goes_on=goes_on)
            note_stopped(session, worker_id)
            return [TaskView.of(task) for task in tasks]

    def fail_queued(self, kind_names: Collection[str], error: str) -> None:
        """Give up on every queued task of these kinds, because no worker can be started for them."""
        queued = select(Task).where(Task.status == TaskStatus.QUEUED, Task.kind.in_(kind_names))
        with self.database.session() as session:
            guests = spaces_of_guests(session)
            for task in session.scalars(queued.order_by(Task.id).with_for_update()).all():
                told = without_log(error) if task.space_id in guests else error
                move_task(session, task, TaskStatus.FAILED, error=told)

    def _workers(self, statement: Select[Worker]) -> list[WorkerView]:
        with self.database.read_session() as session:
            workers = session.scalars(statement.order_by(Worker.started_at))
            return [WorkerView.of(worker) for worker in workers]

    def _set_worker(self, worker_id: str, **values: database_now | str | None) -> None:
        with self.database.session() as session:
            session.execute(update(Worker).where(Worker.id == worker_id).values(values))
