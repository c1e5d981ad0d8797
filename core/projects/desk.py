"""The desk where pages have projects written and brought in."""

import hashlib
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import IO

from core.datasets.ingest.parts import archive_limits
from core.datasets.library import Library
from core.datasets.records import DatasetView
from core.errors import ProjectError, StorageError, UnknownDatasetError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.names import clean_label
from core.projects.bringing_in import settle_abandoned
from core.projects.layout import RUN_FILES, ProjectSummary
from core.projects.places import (
    ProjectSource,
    arrived_path,
    dataset_of_project,
    is_project_of,
    list_project_files,
    missing_source,
    project_file_name,
    project_path,
    remove_source,
    source_path,
)
from core.projects.project_file import open_project
from core.projects.writing import can_travel
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.records import RunView
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors
from core.storage.open_store import open_store
from core.storage.own_keys import is_own_key, new_key
from core.storage.own_use import refuse_without_room, take_upload

WRITE_KIND = "write_project"
READ_KIND = "read_project"

_DIGITS = 16


class ProjectDesk:
    """Takes what people want to have done with projects; safe to share between threads."""

    def __init__(
        self, settings: Settings, library: Library, runs: RunLibrary, queue: TaskQueue, supervisor: Supervisor
    ):
        self._settings = settings
        self._library = library
        self._runs = runs
        self._queue = queue
        self._supervisor = supervisor

    # --- writing --------------------------------------------------------------------------------------------

    def runs_to_take(self, dataset_id: int) -> list[RunView]:
        """The runs of a dataset that can be taken along, the newest first."""
        return [view for view in self._runs.list_runs(dataset_id) if can_travel(view)]

    def file_name(self, dataset: DatasetView, run_ids: Collection[int]) -> str:
        """What the project of a dataset and some runs is called in the cache, as they are now."""
        told = [self._told(view) for view in self.runs_to_take(dataset.id) if view.id in run_ids]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_DIGITS]
        return project_file_name(dataset, digest)

    def request_writing(self, dataset: DatasetView, run_ids: Collection[int]) -> int:
        """Have a project written; the task's number, that of the one under way if there is one.

        Args:
            dataset: whose photos are taken along.
            run_ids: of its runs those that are, as far as they can be.

        Raises:
            UnknownDatasetError: no such dataset.
            LimitReachedError: the space has no room for it.
        """
        dataset = self._library.datasets.get(dataset.id)
        refuse_without_room(self._queue.database, num_bytes=0)
        taken = [view.id for view in self.runs_to_take(dataset.id) if view.id in run_ids]
        file_name = self.file_name(dataset, taken)
        payload = {"dataset_id": dataset.id, "run_ids": sorted(taken), "file": file_name}
        task_id = self._queue.submit(WRITE_KIND, payload, key=f"{WRITE_KIND}:{file_name}")
        self._supervisor.wake()
        return task_id

    def is_written(self, file_name: str) -> bool:
        """Whether a project of a dataset that is there can be fetched.

        Raises:
            ProjectError: `file_name` gives no such name.
        """
        path = project_path(self._settings, file_name)
        try:
            dataset = self._library.datasets.get(dataset_of_project(file_name))
        except UnknownDatasetError:
            return False
        return is_project_of(file_name, dataset) and path.is_file()

    def writing(self, file_name: str) -> TaskView | None:
        """The newest task that writes or wrote a project."""
        return self._queue.latest(f"{WRITE_KIND}:{file_name}")

    def _told(self, view: RunView) -> list[object]:
        """What is another whenever a run would travel as another one."""
        folder = RunFolder(self._settings, view.id)
        stamps = [path.stat().st_mtime_ns for name in RUN_FILES if (path := folder.file(name)).is_file()]
        return [view.id, view.name, view.note, view.last_sequence, view.status, *stamps]

    # --- bringing in ----------------------------------------------------------------------------------------

    def receive(self, name: str, file: IO[bytes], num_bytes: int) -> ProjectSource:
        """Keep a file that a browser sent until somebody has decided about it.

        Args:
            name: as the browser calls it.
            file: its content.
            num_bytes: of it.

        Raises:
            ProjectError: it is larger than projects may be.
            LimitReachedError: the space has no room for it, or sends too often.
            NoSpaceError: the disk is full, or would be.
            StorageError: it cannot be written.
        """
        if num_bytes > self._settings.max_archive_bytes:
            raise ProjectError(
                f"“{clean_label(name)}” has {num_bytes / 1e6:,.0f} MB; projects of at most "
                f"{self._settings.max_archive_bytes / 1e6:,.0f} MB are read."
            )
        take_upload(self._queue.database)
        refuse_without_room(self._queue.database, num_bytes=num_bytes)
        source = ProjectSource(key=new_key(self._space_id), name=clean_label(Path(name).name))
        path = arrived_path(source.key, self._settings)
        ensure_free_space(path.parent, num_bytes)
        try:
            with translating_disk_errors(path):
                path.parent.mkdir(parents=True)
                with path.open("wb") as target:
                    shutil.copyfileobj(file, target)
            open_store(self._settings).keep(path.parent)
        except StorageError:
            remove_source(source, self._settings)
            raise
        return source

    def find_on_server(self, path: str) -> ProjectSource:
        """A project file of the server.

        Raises:
            SourceError: it is not in one of the folders from which imports are allowed.
            ProjectError: it is no file.
        """
        source = ProjectSource(key=new_key(self._space_id), name=clean_label(Path(path).name), server_path=path)
        source_path(source, self._settings)
        return source

    def on_server(self) -> list[str]:
        """The project files in the folders from which imports are allowed."""
        return list_project_files(self._settings)

    def look(self, source: ProjectSource) -> ProjectSummary:
        """What is inside a project; nothing is done.

        Raises:
            ProjectError: it is none, damaged, hostile, or made by a newer Bluetit.
            SourceError: the file may not be read.
        """
        with open_project(self._path(source), source.name, archive_limits(self._settings)) as file:
            return file.read_summary()

    def request_reading(self, source: ProjectSource) -> int:
        """Have a project brought in; the task's number, that of the one under way if there is one.

        Raises:
            ProjectError: it is not there any more.
            SourceError: the file may not be read.
        """
        self._path(source)
        task_id = self._queue.submit(READ_KIND, source.to_json(), key=_reading_key(source))
        self._supervisor.wake()
        return task_id

    def reading(self, source: ProjectSource) -> TaskView | None:
        """The newest task that brings a project in."""
        return self._queue.latest(_reading_key(source))

    def progress(self, task: TaskView) -> Progress | None:
        """How far a task is."""
        return self._queue.progress(task.id)

    def stop(self, task: TaskView) -> None:
        """Ask for a task to stop; nothing is kept of what it has done."""
        self._queue.request_cancel(task.id)

    def brought_in(self, source: ProjectSource) -> int | None:
        """The dataset that a project has become; None: it is not here."""
        return self._library.imports.dataset_of(source.key)

    def settle_abandoned(self) -> None:
        """Clear up after projects whose workers were killed too often; those on their way are left alone.

        Raises:
            StorageError: the database or the disk failed.
        """
        settle_abandoned(
            self._queue.database,
            self._settings,
            lambda key: self._queue.find_active(f"{READ_KIND}:{key}") is not None,
        )

    def drop(self, source: ProjectSource) -> None:
        """Forget a project that somebody does not want."""
        if is_own_key(source.key, self._space_id):
            remove_source(source, self._settings)

    @property
    def _space_id(self) -> int | None:
        return self._queue.database.space_id

    def _path(self, source: ProjectSource) -> Path:
        """The file of a source that this space may read; raises as `source_path`."""
        if not is_own_key(source.key, self._space_id):
            raise missing_source(source)
        return source_path(source, self._settings)


def _reading_key(source: ProjectSource) -> str:
    return f"{READ_KIND}:{source.key}"
