"""What a task is at can be read at any moment, by anybody."""

import time

import pytest

from core.jobs.queue import TaskQueue
from core.storage.db import Database
from core.storage.schema import Task, TaskEvent
from tests.core.jobs.sample_kinds import KINDS, NETWORK_KINDS

pytestmark = pytest.mark.both_databases


def test_place_in_queue(queue: TaskQueue, worker_id: str) -> None:
    """Older waiting tasks of the same lane come before a task; one that has begun or ended has no place."""
    first, photos, second, third = (queue.submit(kind, {}) for kind in ("count", "photos_count", "note", "count"))
    assert [_num_before(queue, number) for number in (first, photos, second, third)] == [0, 0, 1, 2]
    queue.claim(worker_id, NETWORK_KINDS)
    queue.request_cancel(second)
    assert [_num_before(queue, number) for number in (first, photos, second, third)] == [None, 0, None, 0]


def _num_before(queue: TaskQueue, number: int) -> int | None:
    place = queue.place_in_queue(number)
    return None if place is None else place.num_before


def test_the_newest_task_of_each_key(queue: TaskQueue) -> None:
    """Of several things at once, whether the task waits or has ended; what nobody asked for is left out."""
    queue.request_cancel(queue.submit("count", {}, key="a"))
    second, other = (queue.submit("count", {}, key=key) for key in ("a", "b"))
    queue.request_cancel(other)
    queue.submit("count", {}, key="c")
    assert {key: task.id for key, task in queue.latest_of(["a", "b", "d"]).items()} == {"a": second, "b": other}


def test_progress(queue: TaskQueue, database: Database, worker_id: str) -> None:
    """Progress is the latest report; the time left follows from the pace so far."""
    number = queue.submit("count", {})
    assert queue.progress(number) is None
    queue.claim(worker_id, KINDS)
    with database.session() as session:
        session.get_one(Task, number).started_at = 1000.0
    queue.append_event(number, worker_id, kind="progress", payload={"fraction": None, "message": "Reading"})
    progress = queue.progress(number)
    assert progress is not None
    assert (progress.fraction, progress.message, progress.seconds_left) == (None, "Reading", None)
    queue.append_event(number, worker_id, kind="progress", payload={"fraction": 0.25, "message": "Training"})
    with database.session() as session:
        session.query(TaskEvent).filter_by(kind="progress").update({"created_at": 1010.0})
    progress = queue.progress(number)
    assert progress is not None
    assert (progress.fraction, progress.message, progress.seconds_left) == (0.25, "Training", 30.0)


def test_progress_begins_again(queue: TaskQueue, worker_id: str) -> None:
    """A second attempt does not show how far the first one came."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.append_event(number, worker_id, kind="progress", payload={"fraction": 0.9, "message": "Nearly"})
    queue.recover_tasks_of(worker_id)
    assert queue.progress(number) is None
    time.sleep(0.002)  # the clock must move on: both attempts would fit into one of its ticks
    queue.claim(worker_id, KINDS)
    assert queue.progress(number) is None
