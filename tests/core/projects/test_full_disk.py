"""Projects on a disk that is really full: a sentence, nothing half-made, and all of its room given back."""

import io
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets.library import Library
from core.errors import NoSpaceError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.projects.desk import ProjectDesk
from core.projects.writing import write_project
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.projects.project_samples import Source, bring_in, contents
from tests.small_disk import SmallDisk, small_disk

DISK_BYTES = 8_000_000


def workspace_on(disk: SmallDisk, new_database: Path) -> Settings:
    settings = Settings(workspace_dir=disk.folder / "workspace")
    settings.workspace_dir.mkdir()
    shutil.copy(new_database, settings.database_path)
    return settings


@pytest.mark.parametrize("moment", ["Looking at what", "Looking at the run", "Photo 3", "Putting"])
def test_a_project_that_finds_no_room_comes_in_not_at_all(
    project: Path, new_database: Path, tmp_path: Path, moment: str
):
    """Wherever the disk fills up, database included; with room again the same file comes in whole."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        settings = workspace_on(disk, new_database)
        before, free_bytes = contents(settings), disk.free_bytes

        def fill(_: float | None, message: str) -> None:
            if message.startswith(moment):
                disk.fill()

        with pytest.raises(NoSpaceError, match="Free some space"):
            bring_in(project, settings, report=fill)
        disk.give_back()
        assert contents(settings) == before
        assert disk.free_bytes == free_bytes
        bring_in(project, settings)
        assert {"dataset Birds", "run Half"} <= set(contents(settings))


def test_a_project_that_finds_no_room_is_not_packed(source: Source, tmp_path: Path):
    """Whoever would fetch it finds nothing, rather than a part."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk, closing(open_database(source.settings)) as database:
        free_bytes = disk.free_bytes

        def fill(_: float | None, message: str) -> None:
            disk.fill()

        with pytest.raises(NoSpaceError, match="is full"):
            write_project(
                database, source.settings, source.dataset_id, [source.run_id], disk.folder / "x.bluetit", report=fill
            )
        disk.give_back()
        assert list(disk.folder.iterdir()) == []
        assert disk.free_bytes == free_bytes


def test_a_project_that_is_sent_to_a_full_disk_is_not_kept(project: Path, new_database: Path, tmp_path: Path):
    """Neither where a browser tells its true size, nor where it tells another and the disk is full in the middle."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        settings = workspace_on(disk, new_database)
        with closing(open_database(settings)) as database:
            queue = TaskQueue(database, TASK_KINDS)
            supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
            desk = ProjectDesk(settings, Library(database), RunLibrary(database), queue, supervisor)
            sent = io.BytesIO(bytes(DISK_BYTES + 1))
            for told_bytes, words in ((DISK_BYTES + 1, "MB are needed"), (1_000, "is full")):
                sent.seek(0)
                with pytest.raises(NoSpaceError, match=words):
                    desk.receive("Birds.bluetit", sent, told_bytes)
                assert list(settings.incoming_path.glob("*")) == []
