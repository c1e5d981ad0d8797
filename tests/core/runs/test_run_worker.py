"""A run in a real worker process: killed, taken up again, stopped and cancelled, seen from the desk."""

from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from core.config import TrainConfig
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS
from tests.core.runs.run_kinds import BATCHES_PER_EPOCH, KINDS, KINDS_PATH
from tests.waiting import wait_until

TIMEOUT_SECONDS = 300.0


@pytest.fixture
def live_desk(settings: Settings, database: Database, runs: RunLibrary) -> Iterator[RunDesk]:
    """A desk whose supervisor starts workers."""
    queue = TaskQueue(database, KINDS)
    supervisor = Supervisor(replace(settings, cancel_grace_seconds=30), queue, kinds=KINDS_PATH)
    supervisor.start()
    yield RunDesk(runs, queue, supervisor, settings)
    for view in runs.list_runs():
        if view.is_active and view.task_id is not None:
            queue.request_cancel(view.task_id)
    supervisor.stop()


def wait_for_epochs(runs: RunLibrary, run_id: int, number: int) -> None:
    wait_until(lambda: len(runs.events_after(run_id, 0, kinds=["epoch"])) >= number, TIMEOUT_SECONDS)


def wait_for(runs: RunLibrary, run_id: int, status: RunStatus) -> None:
    wait_until(lambda: runs.get_run(run_id).status is status, TIMEOUT_SECONDS)


def kill_worker(database: Database, task_id: int) -> None:
    """Kill the worker that has this task, as the system does when memory is short."""
    queue = TaskQueue(database, TASK_KINDS)
    (worker,) = [found for found in queue.live_workers(60) if found.id == queue.get(task_id).worker_id]
    psutil.Process(worker.pid).kill()


def test_killed_and_taken_up_again(live_desk: RunDesk, runs: RunLibrary, database: Database, plan: TrainConfig) -> None:
    """Killed in the middle, a run is interrupted, loses no finished epoch, and has whole epochs only in the end."""
    run = live_desk.submit(plan)
    assert run.task_id is not None
    wait_for_epochs(runs, run.id, 2)
    kill_worker(database, run.task_id)
    wait_for(runs, run.id, RunStatus.INTERRUPTED)
    interrupted = runs.get_run(run.id)
    finished = runs.events_after(run.id, 0, kinds=["epoch"])
    live_desk.resume(run.id)
    wait_for_epochs(runs, run.id, len(finished) + 2)
    live_desk.stop(run.id)
    wait_for(runs, run.id, RunStatus.DONE)
    done = runs.get_run(run.id)
    events = runs.events_after(run.id, 0)
    epochs = [found for found in events if found.kind == "epoch"]
    assert epochs[: len(finished)] == finished
    assert [found.payload["epoch"] for found in epochs] == list(range(len(epochs)))
    assert len(events) == len(epochs) * (BATCHES_PER_EPOCH + 1)
    assert done.outcome == {"num_epochs": len(epochs)}
    assert (done.task_id, done.started_at) == (run.task_id, interrupted.started_at)


def test_cancelled_in_the_middle(live_desk: RunDesk, runs: RunLibrary, plan: TrainConfig) -> None:
    """A cancelled run ends without an outcome, and the next one in the queue begins."""
    first, second = live_desk.submit(plan).id, live_desk.submit(plan).id
    wait_for_epochs(runs, first, 1)
    place = live_desk.place_in_queue(second)
    assert place is not None
    assert (place.num_before, place.num_running) == (0, 1)
    live_desk.cancel(first)
    wait_for(runs, first, RunStatus.CANCELLED)
    assert runs.get_run(first).outcome is None
    wait_for_epochs(runs, second, 1)
    assert live_desk.place_in_queue(second) is None
