"""How long workers were at the tasks of a space in the last hour."""

import pytest
from sqlalchemy import select, update

from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.recent_work import look_at_clock, seconds_in_last_hour
from core.jobs.status import TaskStatus
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.clock import database_now
from core.storage.db import Database
from core.storage.schema import Task
from core.storage.steady_clock import SteadyClock
from core.task_kinds import TASK_KINDS

pytestmark = pytest.mark.both_databases


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="here", lane=Lane.NETWORKS)
    return queue


def new_space(queue: TaskQueue) -> TaskQueue:
    return queue.of_space(SpaceRegistry(queue.database).create(SpaceKind.PUPIL, "Quiet Otter").id)


def train(queue: TaskQueue, space: TaskQueue, *, began: float, ended: float | None, kind: str = "train_run") -> None:
    """A task that was begun and has ended so many seconds ago; None: it goes on."""
    task_id = space.submit(kind, {})
    assert queue.claim("w1", [kind]) is not None
    if ended is not None:
        queue.finish(task_id, "w1", status=TaskStatus.DONE)
    times = {"started_at": database_now() - began}
    if ended is not None:
        times["finished_at"] = database_now() - ended
    with queue.database.session() as session:
        session.execute(update(Task).where(Task.id == task_id).values(times))


def seconds(queue: TaskQueue, clock: SteadyClock) -> dict[int, float]:
    with queue.database.read_session() as session:
        found = seconds_in_last_hour(session, ["train_run"], clock=clock)
    return {space_id: round(value) for space_id, value in found.items()}


def test_what_counts(queue: TaskQueue) -> None:
    """What lies within the last hour, of trainings that have ended and of one that goes on; not of other work."""
    one, other, idle = (new_space(queue) for _ in range(3))
    train(queue, one, began=1_000, ended=400)
    train(queue, one, began=3_900, ended=3_500)
    train(queue, one, began=50, ended=None)
    train(queue, other, began=7_000, ended=5_000)
    train(queue, other, began=7_200, ended=None)
    train(queue, idle, began=300, ended=100, kind="package_run")
    idle.submit("train_run", {})
    assert seconds(queue, SteadyClock()) == {one.database.space_id: 600 + 100 + 50, other.database.space_id: 3_600}
    assert seconds(one, SteadyClock()) == {one.database.space_id: 750}


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_by_a_day(queue: TaskQueue, jump: float) -> None:
    """What was trained in the last hour counts still, no more and no less."""
    space = new_space(queue)
    train(queue, space, began=900, ended=300)
    # The database's clock cannot be set here, so all that was written before the jump is moved the other way.
    clock = SteadyClock()
    with queue.database.session() as session:
        now = session.scalar(select(database_now()))
        assert now is not None
        clock.look(now - jump)
        session.execute(update(Task).values(started_at=Task.started_at - jump, finished_at=Task.finished_at - jump))
    assert seconds(queue, clock) == {space.database.space_id: 600}
    train(queue, space, began=60, ended=20)
    assert seconds(queue, clock) == {space.database.space_id: 640}


def test_the_clock_is_looked_at(queue: TaskQueue) -> None:
    """A server that looks now and then knows of a jump before anybody asks how long was trained."""
    clock = SteadyClock()
    with queue.database.read_session() as session:
        look_at_clock(session, clock=clock)
        now = session.scalar(select(database_now()))
    assert now is not None
    assert clock.age(now + 86_400 - 5, now + 86_400) == pytest.approx(5, abs=2)
    assert clock.age(now - 5, now + 86_400) == pytest.approx(5, abs=2)
