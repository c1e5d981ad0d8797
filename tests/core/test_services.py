"""A server starts whatever lies about in its workspace, and clears up what nobody needs."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.ingest import desk as desk_module
from core.datasets.ingest.desk import KEEP_INCOMING_SECONDS, ImportDesk
from core.datasets.library import Library
from core.errors import SettingsError, StorageError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.services import open_services
from core.settings import Settings
from core.storage.db import open_database
from core.storage.files import ABANDONED_AFTER_SECONDS
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

LONG_AGO = time.time() - KEEP_INCOMING_SECONDS - ABANDONED_AFTER_SECONDS


def leave(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left by somebody who was killed")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def quiet_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """No workers are started: these tests are about what the server does by itself."""
    monkeypatch.setattr(Supervisor, "start", lambda _: None)


def test_a_default_network_has_to_name_things(settings: Settings):
    """One without classes could answer no photo: the server says so before it starts, with one that can."""
    with pytest.raises(SettingsError, match=r"DINOv2-Small names nothing by itself.*EfficientNetLite0"):
        open_services(replace(settings, default_backbone="DINOv2Small"))


@pytest.mark.usefixtures("quiet_supervisor")
def test_drafts_of_killed_writers_go_and_those_of_living_ones_stay(settings: Settings):
    """Wherever a writer may have been killed, its draft is deleted when it is old."""
    folders = [
        settings.photos_path / "ab",
        settings.cache_path / "thumbnails" / "256" / "ab",
        settings.cache_path / "maps",
        settings.cache_path / "lower",
        settings.workspace_dir / "runs",
    ]
    old = [leave(folder / ".tmp-0123") for folder in folders]
    young = [leave(folder / ".tmp-4567") for folder in folders]
    for path in young:
        os.utime(path)
    open_services(settings).close()
    assert [path.exists() for path in old] == [False] * len(old)
    assert [path.exists() for path in young] == [True] * len(young)


@pytest.mark.usefixtures("quiet_supervisor")
@pytest.mark.parametrize("error", [StorageError("The disk is made of cheese."), PermissionError("not yours")])
def test_nothing_that_cannot_be_cleared_up_keeps_a_server_from_starting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    """One step that fails is told in the log, and the others are taken all the same."""

    def fail(_: ImportDesk) -> None:
        raise error

    draft = leave(settings.photos_path / "ab" / ".tmp-0123")
    monkeypatch.setattr(ImportDesk, "sweep", fail)
    open_services(settings).close()
    assert not draft.exists()


def _vanish(path: Path) -> None:
    path.unlink()


def _be_a_file(path: Path) -> None:
    leave(path)


def _point_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("change", [_vanish, _be_a_file, _point_nowhere])
def test_a_sweep_passes_over_what_changes_under_its_eyes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
):
    """A worker that outlived its server deletes an upload while the next server looks at it."""
    first, second = (leave(settings.incoming_path / name) for name in ("a" * 32, "b" * 32))
    gone = leave(settings.incoming_path / ("c" * 32)).rename(settings.incoming_path / "old")
    gone.unlink()
    gone.mkdir()
    os.utime(gone, (LONG_AGO, LONG_AGO))
    with closing(open_database(settings)) as database:
        queue = TaskQueue(database, TASK_KINDS)
        desk = ImportDesk(settings, Library(database), queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))
        remove = desk_module.remove_staging

        def remove_and_change(folder: Path) -> None:
            for path in (first, second):
                if path.exists():
                    change(path)
            remove(folder)

        monkeypatch.setattr(desk_module, "remove_staging", remove_and_change)
        desk.sweep()
    assert not gone.exists()
