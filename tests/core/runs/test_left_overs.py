"""What killed workers left in the folders of runs goes; what a living one writes, or anybody may need, stays."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.s3_server import S3Server
from core.config import TrainConfig
from core.jobs.queue import TaskQueue
from core.runs import left_overs
from core.runs.desk import RunDesk
from core.runs.folder import RunFolder, runs_path
from core.runs.left_overs import remove_left_overs
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import ABANDONED_AFTER_SECONDS
from core.storage.open_store import open_store
from core.storage.schema import Run, Task
from tests.core.runs.run_samples import HandWorker, bring_to

LONG_AGO = time.time() - ABANDONED_AFTER_SECONDS - 60
FILES = ("model.keras", ".tmp-0123-model.keras", "checkpoints/last.npz", "checkpoints/activations/training.bin")
KEPT = {
    RunStatus.RUNNING: {"model.keras", "checkpoints/last.npz", "checkpoints/activations/training.bin"},
    RunStatus.INTERRUPTED: {"model.keras", "checkpoints/last.npz"},
    RunStatus.FAILED: {"model.keras", "checkpoints/last.npz"},
    RunStatus.DONE: {"model.keras"},
    RunStatus.CANCELLED: set(),
}


def make_old(path: Path) -> None:
    for found in [*path.rglob("*"), path]:
        os.utime(found, (LONG_AGO, LONG_AGO))


def files_in(folder: RunFolder) -> set[str]:
    return {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}


def end_long_ago(database: Database, run_id: int) -> None:
    with database.session() as session:
        run = session.get_one(Run, run_id)
        task = session.get_one(Task, run.task_id)
        task.finished_at = task.finished_at and LONG_AGO
        run.finished_at = run.finished_at and LONG_AGO


@pytest.fixture
def folder(desk: RunDesk, settings: Settings, plan: TrainConfig) -> RunFolder:
    """Of a run that waits; all that a worker may leave is in it."""
    folder = RunFolder(settings, desk.submit(plan, name="a run").id)
    for name in FILES:
        path = folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    return folder


@pytest.mark.parametrize("status", KEPT)
def test_what_goes_depends_on_how_the_run_ended(
    status: RunStatus,
    folder: RunFolder,
    runs: RunLibrary,
    queue: TaskQueue,
    worker: HandWorker,
    database: Database,
    settings: Settings,
):
    """Of a run that ended long ago only what it needs to go on stays; a model is never touched."""
    (view,) = runs.list_runs()
    bring_to(status, view, worker, queue, runs)
    remove_left_overs(runs, settings)
    assert files_in(folder) == set(FILES)  # it has only just happened
    make_old(folder.path)
    end_long_ago(database, view.id)
    remove_left_overs(runs, settings)
    assert files_in(folder) == KEPT[status]


def test_folders_that_were_being_deleted_go(runs: RunLibrary, settings: Settings):
    """A server that was killed while it deleted a run leaves a folder that nobody would find; strangers' runs stay."""
    root = runs_path(settings)
    for name in (".tmp-0123456789ab-7", "9", "9-before-01234567"):
        (root / name).mkdir(parents=True)
        (root / name / "model.keras").write_bytes(b"content")
    make_old(root)
    young = root / ".tmp-ba9876543210-8"
    young.mkdir()
    remove_left_overs(runs, settings)
    assert {path.name for path in root.iterdir()} == {"9", "9-before-01234567", young.name}


def test_killed_while_a_run_was_deleted_its_folder_goes(runs: RunLibrary, settings: Settings, folder: RunFolder):
    """Of a run that is gone; where the run is still there, nothing came of it, and its files stay."""
    (view,) = runs.list_runs()
    gone = RunFolder(settings, view.id + 1)
    gone.create()
    for each in (folder, gone):
        each.condemn()
    remove_left_overs(runs, settings)
    assert folder.path.is_dir()  # somebody may be deleting them at this moment
    assert gone.path.is_dir()
    make_old(runs_path(settings))
    remove_left_overs(runs, settings)
    assert files_in(folder) == set(FILES) - {".tmp-0123-model.keras"}
    assert not gone.path.exists()


def test_without_runs_there_is_nothing_to_do(runs: RunLibrary, settings: Settings):
    """A new workspace has no folder of runs, and gets none."""
    remove_left_overs(runs, settings)
    assert not runs_path(settings).exists()


@pytest.fixture
def stored(settings: Settings, s3_server: S3Server) -> Settings:
    return replace(settings, store_url=s3_server.new_store())


@pytest.mark.parametrize("status", [RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED])
def test_what_is_stored_goes_likewise(
    status: RunStatus,
    folder: RunFolder,
    runs: RunLibrary,
    queue: TaskQueue,
    worker: HandWorker,
    database: Database,
    stored: Settings,
):
    """Whichever node has written it, and whether its folder is here or not."""
    (view,) = runs.list_runs()
    RunFolder(stored, view.id).keep()
    bring_to(status, view, worker, queue, runs)
    end_long_ago(database, view.id)
    shutil.rmtree(folder.path)
    remove_left_overs(runs, stored)
    left = {f"{view.id}/{name}" for name in KEPT[status]}
    assert open_store(stored).ages(runs_path(stored)).keys() == left


def test_a_condemned_run_goes_from_the_store(
    folder: RunFolder, runs: RunLibrary, stored: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Somebody was killed between the run and its files; a run that is there after all loses only the mark."""
    monkeypatch.setattr(left_overs, "ABANDONED_AFTER_SECONDS", -60.0)
    (view,) = runs.list_runs()
    shutil.copytree(folder.path, runs_path(stored) / "99")
    for run_id in (view.id, 99):
        RunFolder(stored, run_id).keep()
        RunFolder(stored, run_id).condemn()
        shutil.rmtree(RunFolder(stored, run_id).path)
    remove_left_overs(runs, stored)
    left = {f"{view.id}/{name}" for name in ("model.keras", "checkpoints/last.npz")}
    assert open_store(stored).ages(runs_path(stored)).keys() == left
