"""The desk of runs: what people ask for happens once, whoever asks and however often."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import TrainConfig
from core.errors import ConfigError, NameRefusedError, RunStateError, UnknownDatasetError, UnknownRunError
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.runs.desk import (
    EXAMINE_KIND,
    PACKAGE_KIND,
    TRAIN_KIND,
    RunDesk,
    examination_key,
    queue_packaging,
)
from core.runs.folder import RunFolder, runs_path
from core.runs.library import RunLibrary
from core.runs.records import BEGIN_SECONDS, RunStatus
from core.settings import Settings
from core.storage.db import Database
from core.storage.schema import Run
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.library_samples import in_threads
from tests.core.runs.run_samples import HandWorker, bring_to, config

pytestmark = pytest.mark.both_databases

Press = Callable[[RunDesk, int], object]

PRESSES: dict[str, Press] = {
    "stop": lambda desk, run_id: desk.stop(run_id),
    "cancel": lambda desk, run_id: desk.cancel(run_id),
    "resume": lambda desk, run_id: desk.resume(run_id),
    "request_packaging": lambda desk, run_id: desk.request_packaging(run_id),
    "request_examination": lambda desk, run_id: desk.request_examination(run_id),
    "purge": lambda desk, run_id: desk.purge(run_id),
}
ENDED = [RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED]
ACTIVE = [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.STOPPING]

REFUSALS = [
    *(("stop", status, "only one that waits or runs can be stopped") for status in ENDED),
    *(
        ("cancel", status, "only one that waits or runs can be cancelled")
        for status in ENDED
        if status is not RunStatus.CANCELLED
    ),
    *(
        ("resume", status, "only one that was interrupted or has failed can go on")
        for status in [*ACTIVE, RunStatus.DONE, RunStatus.CANCELLED]
    ),
    *(
        (press, status, f"only one that is done can be {done}")
        for press, done in (("request_packaging", "packaged"), ("request_examination", "looked at closer"))
        for status in [*ACTIVE, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED]
    ),
]


def kinds(queue: TaskQueue) -> list[str]:
    return [task.kind for task in queue.list_tasks(100)]


def status_of(runs: RunLibrary, run_id: int) -> RunStatus:
    return runs.get_run(run_id).status


def test_submit(desk: RunDesk, queue: TaskQueue, runs: RunLibrary, plan: TrainConfig, settings: Settings) -> None:
    """A submitted run waits, has its folder, and its task knows which run it is."""
    view = desk.submit(plan, name="birds", recipe="quick")
    assert (view.name, view.recipe, view.status) == ("birds", "quick", RunStatus.QUEUED)
    assert view.task_id is not None
    task = queue.get(view.task_id)
    assert (task.kind, task.payload, task.key) == (TRAIN_KIND, {"run_id": view.id}, f"train_run:{view.id}")
    assert RunFolder(settings, view.id).checkpoints_path.is_dir()
    assert runs.get_run(view.id) == view


def test_refused_submit(desk: RunDesk, queue: TaskQueue, runs: RunLibrary, plan: TrainConfig) -> None:
    """A run that cannot be made leaves nothing behind: no run, no task."""
    desk.submit(plan, name="birds")
    with pytest.raises(NameRefusedError):
        desk.submit(plan, name="birds")
    with pytest.raises(UnknownDatasetError):
        desk.submit(config("0" * 64))
    assert (len(runs.list_runs()), len(kinds(queue))) == (1, 1)


def test_folder_from_before_the_database(desk: RunDesk, plan: TrainConfig, settings: Settings) -> None:
    """A run does not take up the checkpoints of a run of a database that was deleted."""
    stranger = RunFolder(settings, 1)
    stranger.create()
    (stranger.checkpoints_path / "epoch.npz").write_bytes(b"weights")
    assert desk.submit(plan).id == 1
    assert list(stranger.checkpoints_path.iterdir()) == []
    assert len(list(runs_path(settings).iterdir())) == 2


def test_kinds_of_task(queue: TaskQueue) -> None:
    """A training whose worker dies waits for a person; packaging is simply tried again, on the same lane."""
    train, package = TASK_KINDS[TRAIN_KIND], TASK_KINDS[PACKAGE_KIND]
    assert (train.on_worker_death, package.on_worker_death, package.max_attempts) == ("interrupt", "retry", 3)
    assert train.lane is package.lane


@pytest.mark.parametrize(("press", "status", "rule"), REFUSALS)
def test_refusals(
    desk: RunDesk,
    runs: RunLibrary,
    queue: TaskQueue,
    worker: HandWorker,
    plan: TrainConfig,
    press: str,
    status: RunStatus,
    rule: str,
) -> None:
    """What a run's state does not allow is refused in plain words and changes nothing."""
    run = desk.submit(plan, name="birds")
    bring_to(status, run, worker, queue, runs)
    before, tasks = runs.get_run(run.id), queue.list_tasks(10)
    with pytest.raises(RunStateError, match=rf"^The run “birds” .+; {rule}\.$"):
        PRESSES[press](desk, run.id)
    assert (runs.get_run(run.id), queue.list_tasks(10)) == (before, tasks)


@pytest.mark.parametrize("press", PRESSES.values(), ids=PRESSES.keys())
def test_unknown_number(desk: RunDesk, press: Press) -> None:
    """A number that no run has is refused."""
    with pytest.raises(UnknownRunError, match="No run has the number 7"):
        press(desk, 7)


def test_stop_while_running(desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig) -> None:
    """A running run is asked to stop, again and again if somebody likes, and is done when its worker has done so."""
    run_id = desk.submit(plan).id
    task_id = worker.begin()
    desk.stop(run_id)
    asked = runs.get_run(run_id)
    assert (asked.status, asked.is_cancel_requested) == (RunStatus.STOPPING, False)
    desk.stop(run_id)
    assert runs.get_run(run_id) == asked
    worker.finish(task_id)
    assert status_of(runs, run_id) is RunStatus.DONE


def test_stop_before_the_beginning(desk: RunDesk, runs: RunLibrary, plan: TrainConfig) -> None:
    """A run that nobody has begun has no best epoch and is cancelled."""
    run_id = desk.submit(plan).id
    desk.stop(run_id)
    view = runs.get_run(run_id)
    assert (view.status, view.stop_requested_at) == (RunStatus.CANCELLED, None)
    assert view.finished_at is not None


def test_stop_while_waiting_to_go_on(desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig) -> None:
    """A run that waits to go on keeps its finished epochs: it stops when its turn comes."""
    run_id = desk.submit(plan).id
    worker.begin()
    worker.die()
    desk.resume(run_id)
    desk.stop(run_id)
    assert (status_of(runs, run_id), runs.is_stop_requested(run_id)) == (RunStatus.QUEUED, True)
    task_id = worker.begin()
    assert status_of(runs, run_id) is RunStatus.STOPPING
    worker.finish(task_id)
    assert status_of(runs, run_id) is RunStatus.DONE


@pytest.mark.parametrize("round_number", range(5))
def test_stop_when_a_worker_takes_it(
    desk: RunDesk, runs: RunLibrary, other_database: Database, plan: TrainConfig, round_number: int
) -> None:
    """A run that a worker takes at the very moment of the stop is either cancelled unbegun or stopped, never lost."""
    run_id = desk.submit(plan).id
    worker = HandWorker(TaskQueue(other_database, TASK_KINDS), RunLibrary(other_database))
    taken: list[int] = []

    def take() -> None:
        if (task := TaskQueue(other_database, TASK_KINDS).claim("w1", list(TASK_KINDS))) is not None:
            taken.append(task.id)

    assert in_threads(lambda: desk.stop(run_id), take) == []
    view = runs.get_run(run_id)
    assert not view.is_cancel_requested
    assert view.status is (RunStatus.STOPPING if taken else RunStatus.CANCELLED)
    if taken:
        worker.finish(taken[0])


def test_cancel(desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig) -> None:
    """A waiting run is cancelled at once, a running one by its worker; doing so twice is no failure."""
    waiting = desk.submit(plan).id
    desk.cancel(waiting)
    desk.cancel(waiting)
    assert status_of(runs, waiting) is RunStatus.CANCELLED
    running = desk.submit(plan, name="birds").id
    task_id = worker.begin()
    desk.stop(running)
    desk.cancel(running)
    desk.cancel(running)
    assert (status_of(runs, running), runs.get_run(running).is_cancel_requested) == (RunStatus.STOPPING, True)
    with pytest.raises(RunStateError, match="“birds” is being cancelled already; nothing of it will be kept"):
        desk.stop(running)
    worker.finish(task_id, TaskStatus.CANCELLED)
    desk.cancel(running)
    assert status_of(runs, running) is RunStatus.CANCELLED


def test_cancelled_run_whose_worker_dies(
    desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig
) -> None:
    """A run that should be discarded anyway is not left as interrupted."""
    run_id = desk.submit(plan).id
    worker.begin()
    desk.cancel(run_id)
    worker.die()
    assert status_of(runs, run_id) is RunStatus.CANCELLED


def test_resume_an_interrupted_run(
    desk: RunDesk, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig
) -> None:
    """The same task goes on, and a stop from before the worker died no longer counts."""
    run = desk.submit(plan)
    worker.begin()
    desk.stop(run.id)
    worker.die()
    assert status_of(runs, run.id) is RunStatus.INTERRUPTED
    desk.resume(run.id)
    view = runs.get_run(run.id)
    assert (view.status, view.task_id, view.stop_requested_at) == (RunStatus.QUEUED, run.task_id, None)
    assert kinds(queue) == [TRAIN_KIND]
    worker.begin()
    assert status_of(runs, run.id) is RunStatus.RUNNING


def test_resume_a_failed_run(
    desk: RunDesk, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig, settings: Settings
) -> None:
    """A failed run gets a new task; its folder is made again if somebody deleted it."""
    run = desk.submit(plan)
    worker.end(TaskStatus.FAILED, "The disk is full.")
    RunFolder(settings, run.id).delete()
    desk.resume(run.id)
    view = runs.get_run(run.id)
    assert (view.status, view.error) == (RunStatus.QUEUED, None)
    assert view.task_id != run.task_id
    assert kinds(queue) == [TRAIN_KIND] * 2
    assert RunFolder(settings, run.id).path.is_dir()


@pytest.mark.parametrize("has_task", [False, True])
def test_resume_a_run_that_the_server_forgot(
    desk: RunDesk, runs: RunLibrary, queue: TaskQueue, database: Database, plan: TrainConfig, has_task: bool
) -> None:
    """A run whose server stopped between noting it and noting its task is queued, but only once."""
    run_id = runs.create_run(plan).id
    task_id = queue.submit(TRAIN_KIND, {"run_id": run_id}, key=f"train_run:{run_id}") if has_task else None
    with pytest.raises(RunStateError, match="being queued at this moment"):
        desk.cancel(run_id)
    with pytest.raises(RunStateError, match="being queued at this moment"):
        desk.stop(run_id)
    with database.session() as session:
        session.get_one(Run, run_id).created_at = time.time() - BEGIN_SECONDS - 1
    desk.resume(run_id)
    view = runs.get_run(run_id)
    assert view.status is RunStatus.QUEUED
    assert view.task_id is not None
    assert task_id in (None, view.task_id)
    assert kinds(queue) == [TRAIN_KIND]


@pytest.mark.parametrize("press", ["resume", "request_packaging"])
def test_run_in_the_trash(desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig, press: str) -> None:
    """Nothing is done with a run in the trash before it is restored."""
    run_id = desk.submit(plan, name="birds").id
    worker.end(TaskStatus.FAILED if press == "resume" else TaskStatus.DONE)
    runs.trash(run_id)
    with pytest.raises(RunStateError, match=r"“birds” was deleted\. Restore it first"):
        PRESSES[press](desk, run_id)
    runs.restore(run_id)
    PRESSES[press](desk, run_id)


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.FAILED])
@pytest.mark.parametrize("round_number", range(3))
def test_two_people_resume(
    desk: RunDesk,
    other_desk: RunDesk,
    runs: RunLibrary,
    queue: TaskQueue,
    worker: HandWorker,
    plan: TrainConfig,
    status: RunStatus,
    round_number: int,
) -> None:
    """A run goes on once, whoever was faster; the other is told at most that it waits already."""
    run = desk.submit(plan)
    bring_to(status, run, worker, queue, runs)
    num_tasks = 1 if status is RunStatus.INTERRUPTED else 2
    errors = in_threads(*(lambda own=own: own.resume(run.id) for own in (desk, other_desk) * 2))
    assert all(isinstance(error, RunStateError) and "waits for its turn" in str(error) for error in errors)
    assert len(errors) < 4
    assert status_of(runs, run.id) is RunStatus.QUEUED
    assert kinds(queue) == [TRAIN_KIND] * num_tasks


@pytest.mark.parametrize("presses", [("stop", "stop"), ("cancel", "cancel"), ("stop", "cancel")])
@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_two_people_end_a_run(
    desk: RunDesk,
    other_desk: RunDesk,
    runs: RunLibrary,
    queue: TaskQueue,
    worker: HandWorker,
    plan: TrainConfig,
    presses: tuple[str, str],
    status: RunStatus,
) -> None:
    """Whoever is faster, the run ends; a cancel is never turned into a stop."""
    run = desk.submit(plan)
    bring_to(status, run, worker, queue, runs)
    pairs = zip(presses * 2, (desk, other_desk) * 2, strict=True)
    errors = in_threads(*(lambda name=name, own=own: PRESSES[name](own, run.id) for name, own in pairs))
    assert all(isinstance(error, RunStateError) for error in errors)
    view = runs.get_run(run.id)
    assert view.status is (RunStatus.CANCELLED if status is RunStatus.QUEUED else RunStatus.STOPPING)
    assert view.is_cancel_requested is ("cancel" in presses and status is RunStatus.RUNNING)


def test_resume_and_trash_at_once(
    desk: RunDesk, other_runs: RunLibrary, runs: RunLibrary, worker: HandWorker, plan: TrainConfig
) -> None:
    """When one person deletes a run that another lets go on, it can still be ended and restored."""
    run_id = desk.submit(plan).id
    worker.begin()
    worker.die()
    errors = in_threads(lambda: desk.resume(run_id), lambda: other_runs.trash(run_id))
    assert all(isinstance(error, RunStateError) for error in errors)
    runs.restore(run_id)
    if runs.get_run(run_id).is_active:
        desk.cancel(run_id)
    assert status_of(runs, run_id) in (RunStatus.CANCELLED, RunStatus.INTERRUPTED)


def places(desk: RunDesk, run_ids: Iterable[int]) -> list[int | None]:
    return [place and place.num_before for place in map(desk.place_in_queue, run_ids)]


def test_place_in_queue(
    desk: RunDesk, queue: TaskQueue, runs: RunLibrary, worker: HandWorker, plan: TrainConfig
) -> None:
    """All tasks of the lane that were asked for earlier count, those of photos do not; who has begun has no place."""
    queue.submit("prepare_backbone", {})
    queue.submit("import_photos", {})
    first, second, third = (desk.submit(plan).id for _ in range(3))
    assert places(desk, (first, second, third)) == [1, 2, 3]
    worker.begin()  # the backbone
    assert places(desk, (first, second, third)) == [0, 1, 2]
    desk.cancel(second)
    assert places(desk, (first, second, third)) == [0, None, 1]
    assert desk.place_in_queue(runs.create_run(plan).id) is None


def test_interrupted_run_keeps_its_place(desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> None:
    """A run that goes on is before those that were submitted after it."""
    first = desk.submit(plan).id
    worker.begin()
    second = desk.submit(plan).id
    worker.die()
    desk.resume(first)
    assert places(desk, (first, second)) == [0, 1]


def test_packaging(desk: RunDesk, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig) -> None:
    """A finished run is packaged once at a time, by a task of its own, which the run knows."""
    run_id = desk.submit(plan).id
    worker.end()
    task_id = desk.request_packaging(run_id)
    assert desk.request_packaging(run_id) == task_id
    task = queue.get(task_id)
    assert (task.kind, task.payload, task.key) == (PACKAGE_KIND, {"run_id": run_id}, f"package_run:{run_id}")
    view = runs.get_run(run_id)
    assert (view.status, view.package_task_id, view.package_status) == (RunStatus.DONE, task_id, TaskStatus.QUEUED)
    worker.end()
    assert runs.get_run(run_id).package_status is TaskStatus.DONE
    assert desk.request_packaging(run_id) > task_id


def test_examination(desk: RunDesk, queue: TaskQueue, worker: HandWorker, plan: TrainConfig) -> None:
    """A model is looked at once at a time, on the lane of photos, and found by its key."""
    run_id = desk.submit(plan).id
    worker.end()
    task_id = desk.request_examination(run_id)
    assert desk.request_examination(run_id) == task_id
    task = queue.latest(examination_key(run_id))
    assert task is not None
    assert (task.id, task.kind, task.payload) == (task_id, EXAMINE_KIND, {"run_id": run_id})
    assert TASK_KINDS[EXAMINE_KIND].lane is Lane.PHOTOS
    worker.end()
    assert desk.request_examination(run_id) > task_id


def test_purge_ends_the_examination(
    desk: RunDesk, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig
) -> None:
    """Nobody looks at the model of a run that is deleted for good."""
    run_id = desk.submit(plan).id
    worker.end()
    task_id = desk.request_examination(run_id)
    runs.trash(run_id)
    desk.purge(run_id)
    assert queue.get(task_id).status is TaskStatus.CANCELLED


def test_worker_queues_the_packaging(
    desk: RunDesk, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig
) -> None:
    """The handler of a training, which runs still, can ask for what comes next; a person's click adds nothing."""
    run_id = desk.submit(plan).id
    task_id = worker.begin()
    package_id = queue_packaging(runs, queue, run_id)
    worker.finish(task_id)
    assert desk.request_packaging(run_id) == package_id


def test_purge_with_the_folder(
    desk: RunDesk, runs: RunLibrary, worker: HandWorker, plan: TrainConfig, settings: Settings
) -> None:
    """A run goes for good with its files, but not while its model is being packaged."""
    run_id = desk.submit(plan, name="birds").id
    worker.end()
    desk.request_packaging(run_id)
    runs.trash(run_id)
    with pytest.raises(RunStateError, match=r"“birds” is being packaged\. Wait"):
        desk.purge(run_id)
    assert RunFolder(settings, run_id).path.is_dir()
    assert not list(RunFolder(settings, run_id).path.glob("deleted*"))  # no clearing up takes it
    worker.end()
    desk.purge(run_id)
    assert list(runs_path(settings).iterdir()) == []
    with pytest.raises(UnknownRunError):
        runs.get_run(run_id)


def test_killed_after_a_run_was_deleted_its_folder_is_known_to_go(
    desk: RunDesk,
    runs: RunLibrary,
    worker: HandWorker,
    plan: TrainConfig,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its files bear a mark before the run is gone; of a run that is not there nothing is marked."""
    run_id = desk.submit(plan).id
    worker.end(TaskStatus.FAILED)
    runs.trash(run_id)

    def die(_: RunFolder) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            desk.purge(run_id)
    folder = RunFolder(settings, run_id)
    assert (folder.path / "deleted-for-good").is_file()
    folder.pardon()
    with pytest.raises(UnknownRunError):
        desk.purge(run_id)
    assert not (folder.path / "deleted-for-good").exists()


def test_modules_come_from_folders_that_are_allowed(
    runs: RunLibrary, queue: TaskQueue, settings: Settings, frozen: tuple[int, str], tmp_path: Path
) -> None:
    """A module of TensorFlow Hub is a program: it is only taken from the workspace's own folder, or one that is set."""
    shared = tmp_path / "shared"
    desk = RunDesk(
        runs, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), replace(settings, hub_dirs=(str(shared),))
    )
    for folder in (settings.hub_path / "v2", shared / "deep" / "v2"):
        assert desk.submit(config(frozen[1], f"hub:{folder}")).status is RunStatus.QUEUED
    assert desk.submit(config(frozen[1], "hub:https://tfhub.dev/google/x/1")).status is RunStatus.QUEUED
    for folder in (tmp_path, shared / ".." / "elsewhere", Path("..", "v2")):
        with pytest.raises(ConfigError, match="BLUETIT_HUB_DIRS"):
            desk.submit(config(frozen[1], f"hub:{folder}"))
    assert len(runs.list_runs()) == 3
