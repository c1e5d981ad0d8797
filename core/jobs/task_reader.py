"""What tasks are at, for whoever watches them."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from core.jobs.kinds import Lane, TaskKind, find_kind, kinds_of, placer_lane
from core.jobs.status import TaskStatus
from core.jobs.task_rows import active_with, unknown_task
from core.jobs.trouble import read_trouble, trouble_of_placer
from core.jobs.turns import WaitingTask, is_later, order_of_turns, party_of
from core.jobs.views import EventView, Progress, QueuePlace, TaskView
from core.jobs.waiting import tell_places, usual_seconds
from core.storage.clock import database_now
from core.storage.db import Database
from core.storage.kept import KeptReadings
from core.storage.one_look import read_once
from core.storage.schema import Space, SpaceTurn, Task, TaskEvent, Worker

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
# How long the last tasks of a kind took that came to their end, in seconds.
_RECENT_SECONDS = (
    select(Task.finished_at - Task.started_at)
    .where(Task.kind == bindparam("kind"), Task.status == TaskStatus.DONE)
    .order_by(Task.id.desc())
    .limit(15)
)
_IS_OF_LANE = Task.kind.in_(bindparam("kinds", expanding=True))
_WAITING = (
    select(Task.id, Task.kind, Task.space_id, is_later(Space.kind).label("is_later"))
    .outerjoin(Space, Space.id == Task.space_id)
    .where(Task.status == TaskStatus.QUEUED, _IS_OF_LANE)
)
_BEGUN = select(Task.kind, (database_now() - Task.started_at).label("seconds")).where(
    Task.status == TaskStatus.RUNNING, _IS_OF_LANE
)
_TURNS = select(SpaceTurn.space_id, SpaceTurn.turn).where(SpaceTurn.lane == bindparam("lane"))
_NUM_WORKERS = select(func.count()).where(Worker.lane == bindparam("lane"), Worker.stopped_at.is_(None))
# In one: where workers are local, nobody says what keeps others from working, and asking costs no statement.
_WORKERS_AND_TROUBLE = select(_NUM_WORKERS.scalar_subquery(), trouble_of_placer())
# What is another whenever a task has come, was begun, or has gone, or a worker has.
_IS_WAITING = Task.status == TaskStatus.QUEUED
_STATE = select(
    func.count(),
    func.sum(Task.id),
    func.sum(case((_IS_WAITING, Task.id), else_=0)),
    select(func.max(SpaceTurn.turn)).where(SpaceTurn.lane == bindparam("lane")).scalar_subquery(),
    _NUM_WORKERS.scalar_subquery(),
).where(Task.status.in_((TaskStatus.QUEUED, TaskStatus.RUNNING)), _IS_OF_LANE)

_PLACES_SECONDS = 2.0  # so old may be what is said of the wait
_PLACES: KeptReadings[Mapping[int, QueuePlace]] = KeptReadings(16)  # by database and lane


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

    @read_once
    def find_active(self, key: str) -> TaskView | None:
        """The queued or running task with this key."""
        return self._first(active_with(key))

    @read_once
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

    def result(self, task_id: int) -> dict[str, Any] | None:
        """What a task told last of what came of it; None: nothing."""
        told = select(TaskEvent.payload).where(TaskEvent.task_id == task_id, TaskEvent.kind == "result")
        with self.database.read_session() as session:
            found: dict[str, Any] | None = session.scalar(told.order_by(TaskEvent.sequence.desc()).limit(1))
            return found

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

    def place_in_queue(self, task_id: int) -> QueuePlace | None:
        """Where a task stands that waits, and how long it is likely to wait; None when it does not wait.

        Raises:
            UnknownTaskError: no such task, or no such kind of task.
        """
        return self.places_in_queue([task_id])[task_id]

    def places_in_queue(self, task_ids: Collection[int]) -> dict[int, QueuePlace | None]:
        """The same of several tasks at once, by their numbers. Raises as above."""
        lanes = {}
        for task_id in task_ids:
            task = self.get(task_id)
            lane = find_kind(task.kind, self.kinds).lane
            lanes[task_id] = lane if task.status is TaskStatus.QUEUED else None
        found = {lane: self._places_in(lane) for lane in set(lanes.values()) if lane is not None}
        return {task_id: None if lane is None else found[lane].get(task_id) for task_id, lane in lanes.items()}

    def _places_in(self, lane: Lane) -> Mapping[int, QueuePlace]:
        """Where every task of a lane stands that waits, whosever it is: everybody waits in one queue."""
        # A class looks at its places several times a second; they are worked out anew when something has changed.
        key, names = (self.database.engine, lane), {"kinds": sorted(kinds_of(lane, self.kinds)), "lane": lane.value}
        with self.database.of_space(None).read_session() as session:
            state = session.execute(_STATE, names).one()
            mark = (*state, int(time.monotonic() / _PLACES_SECONDS))
            places = _PLACES.get(key, mark)
            if places is None:
                places = self._read_places(session, names)
                _PLACES.keep(key, mark, places)
            return places

    def _read_places(self, session: Session, names: Mapping[str, Any]) -> Mapping[int, QueuePlace]:
        waiting = [
            WaitingTask(
                id=row.id,
                kind=row.kind,
                party=party_of(row.space_id),
                gives_way=self.kinds[row.kind].gives_way,
                is_first=not row.is_later,
            )
            for row in session.execute(_WAITING, names)
        ]
        order = order_of_turns(waiting, dict(session.execute(_TURNS, names).all()))
        begun = [(row.kind, row.seconds) for row in session.execute(_BEGUN, names)]
        usual = {
            kind: usual_seconds(session.scalars(_RECENT_SECONDS, {"kind": kind}).all())
            for kind in {task.kind for task in order} | {kind for kind, _ in begun}
        }
        asked = {**names, "placer": placer_lane(names["lane"])}
        num_workers, trouble = session.execute(_WORKERS_AND_TROUBLE, asked).one()
        places = tell_places(order, begun, usual, num_workers=num_workers or 1)
        return {task_id: replace(place, trouble=trouble) for task_id, place in places.items()} if trouble else places

    def trouble(self, lane: Lane) -> str | None:
        """Why nothing of a lane can be begun at present, in sentences for people; None: nothing is wrong."""
        with self.database.of_space(None).read_session() as session:
            return read_trouble(session, lane)

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
