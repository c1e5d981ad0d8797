"""The queue of background tasks: the only code that writes their tables.

Pages, supervisor and workers use it alike, from any thread or process. Every change is one transaction.
Whoever changes a task locks its row first (on SQLite: is the only writer), so what was checked stays true.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.errors import IllegalTransitionError, JobError, TaskLostError, UnknownTaskError
from core.jobs.kinds import Lane, TaskKind, find_kind, kinds_of
from core.jobs.status import ACTIVE_STATUSES, TaskStatus, check_transition
from core.jobs.views import ClaimedTask, EventKind, EventView, Progress, TaskView, WorkerView
from core.storage.db import Database
from core.storage.schema import Task, TaskEvent, Worker

WORKER_DIED = "The worker stopped unexpectedly"

# Each try fails only when another process submits the same key and its task ends, all within milliseconds.
_SUBMIT_TRIES = 10


class TaskQueue:
    """The tasks and workers of one database."""

    def __init__(self, database: Database, kinds: Mapping[str, TaskKind]) -> None:
        self.database = database
        self.kinds = kinds

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
        find_kind(kind, self.kinds)
        for _ in range(_SUBMIT_TRIES):
            try:
                with self.database.session() as session:
                    active = None if key is None else session.scalar(_active_with(key))
                    return active.id if active else _add_task(session, kind, payload, key).id
            except IntegrityError:
                continue  # another process was faster: its task is the active one, unless it ended already
        raise JobError(f"The task {kind} for {key!r} could not be queued. Try again.")

    def get(self, task_id: int) -> TaskView:
        """One task.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.read_session() as session:
            task = session.get(Task, task_id)
            if task is None:
                raise _unknown(task_id)
            return TaskView.of(task)

    def find_active(self, key: str) -> TaskView | None:
        """The queued or running task with this key."""
        return self._first(_active_with(key))

    def latest(self, key: str) -> TaskView | None:
        """The newest task with this key, whatever its status."""
        return self._first(select(Task).where(Task.key == key).order_by(Task.id.desc()).limit(1))

    def list_tasks(self, limit: int) -> list[TaskView]:
        """The newest tasks, newest first."""
        return self._all(select(Task).order_by(Task.id.desc()).limit(limit))

    def events_after(self, task_id: int, sequence: int) -> list[EventView]:
        """The events of a task with a greater sequence number, in order; 0 gives all."""
        statement = (
            select(TaskEvent)
            .where(TaskEvent.task_id == task_id, TaskEvent.sequence > sequence)
            .order_by(TaskEvent.sequence)
        )
        with self.database.read_session() as session:
            return [EventView.of(event) for event in session.scalars(statement)]

    def messages(self, task_id: int) -> list[str]:
        """What the task had to tell people besides its progress, in order."""
        statement = (
            select(TaskEvent)
            .where(TaskEvent.task_id == task_id, TaskEvent.kind == "message")
            .order_by(TaskEvent.sequence)
        )
        with self.database.read_session() as session:
            return [event.payload["text"] for event in session.scalars(statement)]

    def progress(self, task_id: int) -> Progress | None:
        """What the current attempt of a task reported last; None before its first report."""
        statement = (
            select(TaskEvent, Task.started_at)
            .join(Task, Task.id == TaskEvent.task_id)
            .where(
                TaskEvent.task_id == task_id,
                TaskEvent.kind == "progress",
                TaskEvent.created_at >= Task.started_at,  # leaves out earlier attempts
            )
            .order_by(TaskEvent.sequence.desc())
            .limit(1)
        )
        with self.database.read_session() as session:
            row = session.execute(statement).one_or_none()
            if row is None:
                return None
            event, started_at = row
            fraction = event.payload["fraction"]
            elapsed_seconds = event.created_at - (started_at or event.created_at)
            return Progress(
                fraction=fraction,
                message=event.payload["message"],
                seconds_left=elapsed_seconds * (1 - fraction) / fraction if fraction else None,
            )

    def request_cancel(self, task_id: int) -> None:
        """Ask for a task to stop: a queued one is cancelled at once, a running one by its worker.

        A task that is neither stays as it is.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            task = _lock(session, task_id)
            if task.status == TaskStatus.QUEUED:
                _move(session, task, TaskStatus.CANCELLED)
            elif task.status == TaskStatus.RUNNING and task.cancel_requested_at is None:
                task.cancel_requested_at = time.time()

    def cancel_queued(self, task_id: int) -> bool:
        """Cancel a task that waits, and say whether it did; one that a worker has or had stays as it is.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            task = _lock(session, task_id)
            if task.status != TaskStatus.QUEUED:
                return False
            _move(session, task, TaskStatus.CANCELLED)
            return True

    def place_in_queue(self, task_id: int) -> int | None:
        """How many waiting tasks of the same lane will be begun before this one; None when it does not wait.

        Raises:
            UnknownTaskError: no such task, or no such kind of task.
        """
        task = self.get(task_id)
        if task.status is not TaskStatus.QUEUED:
            return None
        kind_names = kinds_of(find_kind(task.kind, self.kinds).lane, self.kinds)
        turn, own_turn = self._turn(Task.kind), int(find_kind(task.kind, self.kinds).gives_way)
        before = select(func.count()).where(
            Task.status == TaskStatus.QUEUED,
            Task.kind.in_(kind_names),
            (turn < own_turn) | ((turn == own_turn) & (Task.id < task_id)),
        )
        with self.database.read_session() as session:
            return session.scalar(before) or 0

    def requeue(self, task_id: int) -> None:
        """Queue an interrupted task again.

        Raises:
            UnknownTaskError: no such task.
            IllegalTransitionError: the task is not interrupted.
            JobError: another task with the same key is queued or running.
        """
        try:
            with self.database.session() as session:
                task = _lock(session, task_id)
                if task.status != TaskStatus.INTERRUPTED:
                    raise IllegalTransitionError(
                        f"Task {task_id} is {task.status}; only an interrupted task can be queued again."
                    )
                _move(session, task, TaskStatus.QUEUED)
        except IntegrityError as exc:
            raise JobError(
                f"Task {task_id} cannot be queued again: another one for the same thing is queued or running."
            ) from exc

    # For workers

    def claim(self, worker_id: str, kind_names: Collection[str]) -> ClaimedTask | None:
        """Give the oldest queued task of these kinds to a registered worker; None when there is none.

        Kinds that give way come last.

        Idle workers ask several times a second: when there is none, no writer is kept waiting.
        """
        queued = select(Task.id).where(Task.status == TaskStatus.QUEUED, Task.kind.in_(kind_names))
        with self.database.read_session() as session:
            if session.scalar(queued.limit(1)) is None:
                return None
        candidate = aliased(Task)
        oldest = (
            select(candidate.id)
            .where(candidate.status == TaskStatus.QUEUED, candidate.kind.in_(kind_names))
            .order_by(self._turn(candidate.kind), candidate.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # PostgreSQL: two claimers look at different rows
            .scalar_subquery()
        )
        statement = (
            update(Task)
            .where(Task.id == oldest, Task.status == TaskStatus.QUEUED)
            .values(
                status=TaskStatus.RUNNING,
                worker_id=worker_id,
                attempts=Task.attempts + 1,
                started_at=time.time(),
            )
            .returning(Task.id, Task.kind, Task.payload, Task.attempts)
            .execution_options(synchronize_session=False)
        )
        with self.database.session() as session:
            row = session.execute(statement).one_or_none()
            if row is None:
                return None
            _append_status(session, row.id, TaskStatus.RUNNING, attempt=row.attempts)
            return ClaimedTask(id=row.id, kind=row.kind, payload=row.payload, attempt=row.attempts, worker_id=worker_id)

    def _turn(self, kind: InstrumentedAttribute[str]) -> ColumnElement[int]:
        """0 for kinds that are begun first, 1 for those that give way."""
        return case((kind.in_([name for name, row in self.kinds.items() if row.gives_way]), 1), else_=0)

    def finish(self, task_id: int, worker_id: str, *, status: TaskStatus, error: str | None = None) -> None:
        """Write how a task ended; of its reports of progress only the last is kept.

        Raises:
            TaskLostError: the task is no longer this worker's.
            IllegalTransitionError: a running task cannot get this status.
        """
        with self.database.session() as session:
            _move(session, _lock_owned(session, task_id, worker_id), status, error=error)
            # How far it once was interests nobody any more, and hours of work report a hundred thousand times.
            is_report = (TaskEvent.task_id == task_id) & (TaskEvent.kind == "progress")
            last = session.scalar(select(func.max(TaskEvent.sequence)).where(is_report))
            session.execute(delete(TaskEvent).where(is_report, TaskEvent.sequence < (last or 0)))

    def append_event(self, task_id: int, worker_id: str | None, *, kind: EventKind, payload: dict[str, Any]) -> int:
        """Add an event to a task and return its sequence number.

        Args:
            task_id: the task.
            worker_id: the worker that the task must belong to; None when it is not a worker that writes.
            kind: what sort of event.
            payload: as `EventView` says.

        Raises:
            TaskLostError: the task is no longer this worker's.
            UnknownTaskError: no such task.
        """
        with self.database.session() as session:
            if worker_id is None:
                _lock(session, task_id)
            else:
                _lock_owned(session, task_id, worker_id)
            return _append(session, task_id, kind=kind, payload=payload)

    def is_cancel_requested(self, task_id: int) -> bool:
        """Whether somebody asked for a task to stop.

        Raises:
            UnknownTaskError: no such task.
        """
        return self.get(task_id).cancel_requested_at is not None

    def register_worker(self, worker_id: str, *, pid: int, host: str, lane: Lane) -> None:
        """Make a worker known, before its first claim."""
        now = time.time()
        with self.database.session() as session:
            # It may have been announced, and even been taken for dead since then.
            session.merge(
                Worker(id=worker_id, pid=pid, host=host, lane=lane, started_at=now, heartbeat_at=now, stopped_at=None)
            )

    def heartbeat(self, worker_id: str) -> None:
        """Say that a worker is alive; one that was taken for dead counts again."""
        self._set_worker(worker_id, heartbeat_at=time.time(), stopped_at=None)

    def unregister_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped."""
        self._set_worker(worker_id, stopped_at=time.time())

    # For the supervisor

    def announce_worker(self, worker_id: str, lane: Lane) -> None:
        """Make a worker known before its process is begun, so that other servers start none in its place."""
        # Until it registers no process can be looked up, only the age of this row tells.
        self.register_worker(worker_id, pid=0, host="", lane=lane)

    def live_workers(self, dead_after_seconds: float) -> list[WorkerView]:
        """The workers that said within this time that they are alive."""
        statement = select(Worker).where(_is_open(), Worker.heartbeat_at >= time.time() - dead_after_seconds)
        return self._workers(statement)

    def dead_workers(self, dead_after_seconds: float) -> list[WorkerView]:
        """The workers that fell silent this long ago without a word, or left a running task behind."""
        statement = select(Worker).where(_is_open(), Worker.heartbeat_at < time.time() - dead_after_seconds)
        return self._workers(statement)

    def count_queued(self) -> dict[str, int]:
        """How many tasks of each kind wait for a worker; kinds of which none waits are left out."""
        statement = select(Task.kind, func.count().label("number")).where(Task.status == TaskStatus.QUEUED)
        with self.database.read_session() as session:
            return {row.kind: row.number for row in session.execute(statement.group_by(Task.kind))}

    def running_tasks(self) -> list[TaskView]:
        """The tasks that workers have, oldest first."""
        return self._all(select(Task).where(Task.status == TaskStatus.RUNNING).order_by(Task.id))

    def has_worked(self, worker_id: str) -> bool:
        """Whether any task belongs or belonged to this worker last."""
        with self.database.read_session() as session:
            return bool(session.scalar(select(exists().where(Task.worker_id == worker_id))))

    def recover_tasks_of(
        self, worker_id: str, reason: str = WORKER_DIED, *, log_name: str | None = None
    ) -> list[TaskView]:
        """Decide what becomes of the tasks that a worker left running, and note that it has stopped.

        Args:
            worker_id: the worker; one that never registered left nothing.
            reason: why it left them, a sentence without its full stop.
            log_name: where the details are, when that is known.

        Returns:
            The tasks with their new status: cancelled when that was asked for; queued again or failed when
            the kind says "retry"; interrupted when it says "interrupt".
        """
        left = select(Task).where(Task.worker_id == worker_id, Task.status == TaskStatus.RUNNING)
        details = f" The details are in {log_name}." if log_name else ""
        with self.database.session() as session:
            tasks = session.scalars(left.order_by(Task.id).with_for_update()).all()
            for task in tasks:
                self._recover(session, task, reason, details)
            session.execute(
                update(Worker).where(Worker.id == worker_id, Worker.stopped_at.is_(None)).values(stopped_at=time.time())
            )
            return [TaskView.of(task) for task in tasks]

    def fail_queued(self, kind_names: Collection[str], error: str) -> None:
        """Give up on every queued task of these kinds, because no worker can be started for them."""
        queued = select(Task).where(Task.status == TaskStatus.QUEUED, Task.kind.in_(kind_names))
        with self.database.session() as session:
            for task in session.scalars(queued.order_by(Task.id).with_for_update()).all():
                _move(session, task, TaskStatus.FAILED, error=error)

    def _recover(self, session: Session, task: Task, reason: str, details: str) -> None:
        if task.cancel_requested_at is not None:
            _move(session, task, TaskStatus.CANCELLED)
            return
        kind = self.kinds.get(task.kind)
        if kind is None:
            _move(session, task, TaskStatus.FAILED, error=f"{reason}.{details}")
        elif kind.on_worker_death == "interrupt":
            error = f"{reason}; the task can be continued.{details}"
            _move(session, task, TaskStatus.INTERRUPTED, error=error)
        elif task.attempts >= kind.max_attempts:
            error = f"{reason} in attempt {task.attempts} of {kind.max_attempts}, the last one.{details}"
            _move(session, task, TaskStatus.FAILED, error=error)
        else:
            text = f"{reason}; trying again (attempt {task.attempts + 1} of {kind.max_attempts})."
            _append(session, task.id, kind="message", payload={"text": text})
            _move(session, task, TaskStatus.QUEUED)

    def _first(self, statement: Select[Task]) -> TaskView | None:
        tasks = self._all(statement)
        return tasks[0] if tasks else None

    def _all(self, statement: Select[Task]) -> list[TaskView]:
        with self.database.read_session() as session:
            return [TaskView.of(task) for task in session.scalars(statement)]

    def _workers(self, statement: Select[Worker]) -> list[WorkerView]:
        with self.database.read_session() as session:
            workers = session.scalars(statement.order_by(Worker.started_at))
            return [WorkerView.of(worker) for worker in workers]

    def _set_worker(self, worker_id: str, **values: float | None) -> None:
        with self.database.session() as session:
            session.execute(update(Worker).where(Worker.id == worker_id).values(values))


def _active_with(key: str) -> Select[Task]:
    return select(Task).where(Task.key == key, Task.status.in_(ACTIVE_STATUSES))


def _is_open() -> Any:
    # One that signed off but still has a task counts too, or nobody would ever recover the task.
    has_task = exists().where(Task.worker_id == Worker.id, Task.status == TaskStatus.RUNNING)
    return or_(Worker.stopped_at.is_(None), has_task)


def _unknown(task_id: int) -> UnknownTaskError:
    return UnknownTaskError(f"No task has the number {task_id}.")


def _add_task(session: Session, kind: str, payload: dict[str, Any], key: str | None) -> Task:
    task = Task(kind=kind, payload=payload, key=key, status=TaskStatus.QUEUED, attempts=0, created_at=time.time())
    session.add(task)
    session.flush()
    _append_status(session, task.id, TaskStatus.QUEUED, attempt=0)
    return task


def _lock(session: Session, task_id: int) -> Task:
    task = session.get(Task, task_id, with_for_update=True)
    if task is None:
        raise _unknown(task_id)
    return task


def _lock_owned(session: Session, task_id: int, worker_id: str) -> Task:
    """Lock a task for a write by its worker; a worker that lost the task must not write."""
    owned = select(Task).where(Task.id == task_id, Task.worker_id == worker_id, Task.status == TaskStatus.RUNNING)
    task = session.scalar(owned.with_for_update())
    if task is None:
        raise TaskLostError(f"Task {task_id} no longer belongs to worker {worker_id}; its result is dropped.")
    return task


def _move(session: Session, task: Task, status: TaskStatus, *, error: str | None = None) -> None:
    check_transition(TaskStatus(task.status), status)
    task.status = status
    task.error = error
    if status == TaskStatus.QUEUED:
        task.worker_id = task.cancel_requested_at = task.started_at = task.finished_at = None
    else:
        task.finished_at = time.time()
    _append_status(session, task.id, status, attempt=task.attempts, error=error)


def _append_status(
    session: Session, task_id: int, status: TaskStatus, *, attempt: int, error: str | None = None
) -> None:
    payload = {"status": status.value, "attempt": attempt, "error": error}
    _append(session, task_id, kind="status", payload=payload)


def _append(session: Session, task_id: int, *, kind: EventKind, payload: dict[str, Any]) -> int:
    last = session.scalar(select(func.max(TaskEvent.sequence)).where(TaskEvent.task_id == task_id))
    event = TaskEvent(task_id=task_id, sequence=(last or 0) + 1, kind=kind, payload=payload, created_at=time.time())
    session.add(event)
    session.flush()
    return event.sequence
