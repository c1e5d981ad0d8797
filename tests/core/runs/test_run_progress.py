"""What a run says of its training: times, stops, outcome and events, in order and without a gap."""

import time

import pytest

from core.config import TrainConfig
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from tests.core.datasets.library_samples import in_threads
from tests.core.runs.run_samples import HandWorker, batches, sequences


def test_times_and_outcome(runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> None:
    """The first beginning and the last end count; what came of a run is kept as JSON."""
    run_id = desk.submit(plan).id
    task_id = worker.begin()
    first = runs.get_run(run_id)
    assert first.started_at is not None
    assert (first.status, first.finished_at) == (RunStatus.RUNNING, None)
    worker.die()
    died = runs.get_run(run_id)
    assert died.finished_at is not None
    assert died.finished_at >= first.started_at
    assert died.error == "The worker stopped unexpectedly; the task can be continued."
    desk.resume(run_id)
    assert runs.get_run(run_id).finished_at is None
    assert worker.begin() == task_id
    runs.set_finished(run_id, {"accuracy": 0.96, "loss": float("inf")})
    worker.finish(task_id)
    done = runs.get_run(run_id)
    assert (done.status, done.started_at, done.error) == (RunStatus.DONE, first.started_at, None)
    assert done.finished_at is not None
    assert done.finished_at >= died.finished_at
    assert done.outcome == {"accuracy": 0.96, "loss": None}
    runs.set_finished(run_id)
    assert runs.get_run(run_id).outcome == done.outcome


def test_times_are_those_of_the_database(
    runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose clock is ten minutes fast writes no moments that are to come."""
    run = desk.submit(plan)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 600)
    task_id = worker.begin()
    runs.append_events(run.id, [("note", {"text": "hello", "is_warning": False})])
    runs.request_stop(run.id)
    runs.set_finished(run.id)
    worker.finish(task_id)
    told = runs.get_run(run.id)
    (event,) = runs.events_after(run.id, 0)
    moments = [told.started_at, told.stop_requested_at, told.finished_at, event.created_at]
    assert all(moment is not None and abs(moment - now) < 60 for moment in moments)


def test_newest_task_counts(runs: RunLibrary, desk: RunDesk, queue: TaskQueue, plan: TrainConfig) -> None:
    """Somebody slow who notes an older task does not hide the newer one."""
    run = desk.submit(plan)
    assert run.task_id is not None
    queue.cancel_queued(run.task_id)
    newer = queue.submit("train_run", {"run_id": run.id})
    runs.set_started(run.id, task_id=newer)
    runs.set_task(run.id, run.task_id)
    assert (runs.get_run(run.id).task_id, runs.get_run(run.id).status) == (newer, RunStatus.QUEUED)
    runs.set_package_task(run.id, newer)
    runs.set_package_task(run.id, run.task_id)
    assert runs.get_run(run.id).package_task_id == newer


def test_asking_for_a_stop(runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> None:
    """A stop is asked for once, seen by the worker's own session, and can be taken back."""
    run_id = desk.submit(plan).id
    worker.begin()
    assert not runs.is_stop_requested(run_id)
    runs.request_stop(run_id)
    asked = runs.get_run(run_id)
    assert (asked.status, runs.is_stop_requested(run_id)) == (RunStatus.STOPPING, True)
    runs.request_stop(run_id)
    assert runs.get_run(run_id) == asked
    runs.clear_stop(run_id)
    assert (runs.get_run(run_id).status, runs.is_stop_requested(run_id)) == (RunStatus.RUNNING, False)


def test_error_of_a_failed_run(runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> None:
    """A failed run says why, and so does a packaging that failed; the run itself is still done then."""
    failed, done = desk.submit(plan).id, desk.submit(plan).id
    worker.end(TaskStatus.FAILED, "The disk is full.")
    worker.end()
    desk.request_packaging(done)
    worker.end(TaskStatus.FAILED, "The model is too large.")
    view = runs.get_run(failed)
    assert (view.status, view.error, view.can_go_on) == (RunStatus.FAILED, "The disk is full.", True)
    view = runs.get_run(done)
    assert (view.status, view.error) == (RunStatus.DONE, None)
    assert (view.package_status, view.package_error) == (TaskStatus.FAILED, "The model is too large.")


def test_events_in_order(runs: RunLibrary, plan: TrainConfig) -> None:
    """Events count on without a gap; readers ask for what is new, for some kinds, for the first few."""
    run_id = runs.create_run(plan).id
    assert runs.append_events(run_id, [("phase", {"name": "head"}), *batches(1, 3), ("epoch", {"loss": 0.5})]) == 5
    assert runs.append_events(run_id, []) == 5
    assert runs.append_events(run_id, [("epoch", {"loss": float("nan")})]) == 6
    events = runs.events_after(run_id, 0)
    assert [(found.sequence, found.kind) for found in events] == [
        *[(1, "phase"), (2, "batch"), (3, "batch"), (4, "batch")],
        *[(5, "epoch"), (6, "epoch")],
    ]
    assert [found.payload for found in events[-2:]] == [{"loss": 0.5}, {"loss": None}]
    assert runs.events_after(run_id, 4) == events[4:]
    assert runs.events_after(run_id, 6) == []
    assert runs.events_after(run_id, 2, kinds=("phase", "batch")) == events[2:4]
    assert runs.events_after(run_id, 1, limit=2) == events[1:3]
    assert runs.get_run(run_id).last_sequence == 6


def test_events_of_several_runs(runs: RunLibrary, plan: TrainConfig) -> None:
    """Each run counts its own events."""
    first, second = runs.create_run(plan).id, runs.create_run(plan).id
    runs.append_events(first, batches(1, 2))
    assert runs.append_events(second, batches(1, 1)) == 1
    assert (sequences(runs, first), sequences(runs, second)) == ([1, 2], [1])


def test_events_come_all_or_not_at_all(runs: RunLibrary, plan: TrainConfig) -> None:
    """When one event cannot be written none is, and no number is lost."""
    run_id = runs.create_run(plan).id
    with pytest.raises(Exception, match="not JSON serializable"):
        runs.append_events(run_id, [("batch", {"step": 1}), ("batch", {"step": object()})])
    assert sequences(runs, run_id) == []
    assert runs.append_events(run_id, batches(1, 1)) == 1


def test_two_writers(runs: RunLibrary, other_runs: RunLibrary, plan: TrainConfig) -> None:
    """Two processes that write to one run at once get numbers of their own, each block without a gap."""
    run_id = runs.create_run(plan).id
    lasts: list[int] = []

    def write(library: RunLibrary) -> None:
        lasts.extend(library.append_events(run_id, batches(1, 3)) for _ in range(10))

    assert in_threads(lambda: write(runs), lambda: write(other_runs)) == []
    events = runs.events_after(run_id, 0)
    assert [found.sequence for found in events] == list(range(1, 61))
    assert [found.payload["step"] for found in events] == [1, 2, 3] * 20
    assert sorted(lasts) == list(range(3, 61, 3))


def test_going_back(runs: RunLibrary, plan: TrainConfig) -> None:
    """Dropped numbers are not given again: a reader who has seen them gets everything new, and learns of the drop."""
    run_id = runs.create_run(plan).id
    runs.append_events(run_id, batches(1, 5))
    assert runs.drop_events_after(run_id, 5) == 0
    assert runs.get_run(run_id).num_rewinds == 0
    assert runs.drop_events_after(run_id, 3) == 2
    assert runs.drop_events_after(run_id, 3) == 0
    view = runs.get_run(run_id)
    assert (view.num_rewinds, view.last_sequence) == (1, 5)
    runs.append_events(run_id, batches(4, 5))
    assert [(found.sequence, found.payload["step"]) for found in runs.events_after(run_id, 0)] == [
        *[(1, 1), (2, 2), (3, 3)],
        *[(6, 4), (7, 5)],
    ]
    assert sequences(runs, run_id, after=5) == [6, 7]


def test_many_events(runs: RunLibrary, plan: TrainConfig) -> None:
    """More events than a statement has room for values are written and read as one block."""
    run_id = runs.create_run(plan).id
    assert runs.append_events(run_id, batches(1, 20_000)) == 20_000
    assert sequences(runs, run_id) == list(range(1, 20_001))
    assert runs.drop_events_after(run_id, 10) == 19_990
