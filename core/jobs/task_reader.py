"""What tasks are at, for whoever watches them."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from core.jobs.kinds import TaskKind, find_kind, kinds_of
from core.jobs.status import TaskStatus
from core.jobs.task_rows import active_with, unknown_task
from core.jobs.views import EventView, Progress, TaskView
from core.storage.db import Database
from core.storage.schema import Task, TaskEvent

# Asked again and again while people watch: putting a statement together takes longer than reading its answer.
_beginning = aliased(TaskEvent)
_begun_with = select(func.max(_beginning.sequence)).where(
    _beginning.task_id == bindparam("task_id"),
    _beginning.kind == "status",
    _beginning.payload["status"].as_string() == TaskStatus.RUNNING,
)
_PROGRESS = (
    select(TaskEvent, Task.started_at)
    .join(Task, Task.id == TaskEvent.task_id)
    .where(
        TaskEvent.task_id == bindparam("task_id"),
        TaskEvent.kind == "progress",
        Task.started_at.is_not(None),
        TaskEvent.sequence > _begun_with.scalar_subquery(),  # leaves out earlier attempts
    )
    .order_by(TaskEvent.sequence.desc())
    .limit(1)
)
_NUM_BEFORE = select(func.count()).where(
    Task.status == TaskStatus.QUEUED,
    Task.kind.in_(bindparam("earlier", expanding=True))
    | (Task.kind.in_(bindparam("alike", expanding=True)) & (Task.id < bindparam("task_id"))),
)


class TaskReader:
    """What the tasks of one database are at; nothing here changes them."""

    def __init__(self, database: Database, kinds: Mapping[str, TaskKind]) -> None:
        self.database = database
        self.kinds = kinds

    def get(self, task_id: int) -> TaskView:
        """One task.

        Raises:
            UnknownTaskError: no such task.
        """
        with self.database.read_session() as session:
            task = session.get(Task, task_id)
            if task is None:
                raise unknown_task(task_id)
            return TaskView.of(task)

    def find_active(self, key: str) -> TaskView | None:
        """The queued or running task with this key."""
        return self._first(active_with(key))

    def latest(self, key: str) -> TaskView | None:
        """The newest task with this key, whatever its status."""
        return self._first(select(Task).where(Task.key == key).order_by(Task.id.desc()).limit(1))

    def latest_of(self, keys: Collection[str]) -> dict[str, TaskView]:
        """The newest task of each of these keys, whatever its status; keys without one are left out."""
        newest = select(func.max(Task.id)).where(Task.key.in_(keys)).group_by(Task.key)
        return {str(task.key): task for task in self._all(select(Task).where(Task.id.in_(newest)))}

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
        with self.database.read_session() as session:
            row = session.execute(_PROGRESS, {"task_id": task_id}).one_or_none()
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

    def place_in_queue(self, task_id: int) -> int | None:
        """How many waiting tasks of the same lane will be begun before this one; None when it does not wait.

        Raises:
            UnknownTaskError: no such task, or no such kind of task.
        """
        task = self.get(task_id)
        if task.status is not TaskStatus.QUEUED:
            return None
        kind = find_kind(task.kind, self.kinds)
        yielding = {name for name, row in self.kinds.items() if row.gives_way}
        waiting = kinds_of(kind.lane, self.kinds)
        earlier = waiting - yielding if kind.gives_way else frozenset()
        alike = waiting & yielding if kind.gives_way else waiting - yielding
        values = {"task_id": task_id, "earlier": sorted(earlier), "alike": sorted(alike)}
        with self.database.of_space(None).read_session() as session:  # everybody waits in one queue
            return session.scalar(_NUM_BEFORE, values) or 0

    def _turn(self, kind: InstrumentedAttribute[str]) -> ColumnElement[int]:
        """0 for kinds that are begun first, 1 for those that give way."""
        return case((kind.in_([name for name, row in self.kinds.items() if row.gives_way]), 1), else_=0)

    def is_cancel_requested(self, task_id: int) -> bool:
        """Whether somebody asked for a task to stop.

        Raises:
            UnknownTaskError: no such task.
        """
        return self.get(task_id).cancel_requested_at is not None

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

    def _first(self, statement: Select[Task]) -> TaskView | None:
        tasks = self._all(statement)
        return tasks[0] if tasks else None

    def _all(self, statement: Select[Task]) -> list[TaskView]:
        with self.database.read_session() as session:
            return [TaskView.of(task) for task in session.scalars(statement)]
