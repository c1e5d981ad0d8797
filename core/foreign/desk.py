"""The desk where pages have models from elsewhere brought in, and deleted for good."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from core.errors import ForeignModelError, StorageError
from core.foreign.labels import tidy_labels
from core.foreign.library import ForeignLibrary
from core.foreign.opening import holds_hdf5_model
from core.foreign.places import arrived_dir, arrived_paths, remove_arrived, remove_model
from core.foreign.records import ForeignModelView, ForeignSource
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.names import clean_label
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors
from core.storage.open_store import open_store
from core.storage.own_keys import is_own_key, new_key
from core.storage.own_use import refuse_without_room, take_upload

BRING_KIND = "bring_model"

_MAX_FILES = 2  # a model and its class names


class ForeignDesk:
    """Takes what people want to have done with models from elsewhere; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        library: ForeignLibrary,
        queue: TaskQueue,
        supervisor: Supervisor,
        *,
        is_guest: bool = False,
    ) -> None:
        """Open the desk.

        Args:
            settings: where things live, and limits.
            library: of what was brought.
            queue: takes the work.
            supervisor: starts who does it.
            is_guest: whether it serves somebody who may not accept a risk for this computer.
        """
        self._is_guest = is_guest
        self._settings = settings
        self._library = library
        self._queue = queue
        self._supervisor = supervisor

    def receive(self, files: Sequence[tuple[str, IO[bytes], int]]) -> ForeignSource:
        """Keep files that a browser sent until somebody has decided about them.

        Args:
            files: of each the name, the content and the number of bytes.

        Raises:
            ForeignModelError: they are too many, or larger than models may be.
            LimitReachedError: the space has no room for them, or sends too often.
            NoSpaceError: the disk is full, or would be.
            StorageError: they cannot be written.
        """
        if not 1 <= len(files) <= _MAX_FILES:
            raise ForeignModelError(
                f"{len(files)} files came; single files are read: a model, or a model and the list of its class names. "
                "Pack a folder as a zip."
            )
        for name, _, num_bytes in files:
            if num_bytes > self._settings.max_foreign_bytes:
                raise ForeignModelError(
                    f"“{clean_label(name)}” has {num_bytes / 1e6:,.0f} MB; models of at most "
                    f"{self._settings.max_foreign_bytes / 1e6:,.0f} MB are read."
                )
        num_bytes_of_all = sum(num_bytes for _, _, num_bytes in files)
        take_upload(self._queue.database)
        refuse_without_room(self._queue.database, num_bytes=num_bytes_of_all)
        names = tuple(clean_label(Path(name.replace("\\", "/")).name) for name, _, _ in files)
        source = ForeignSource(key=new_key(self._queue.database.space_id), names=names)
        folder = arrived_dir(source, self._settings)
        ensure_free_space(folder, 4 * num_bytes_of_all)
        try:
            with translating_disk_errors(folder):
                folder.mkdir(parents=True)
                for number, (_, file, _) in enumerate(files):
                    with (folder / f"brought-{number}").open("wb") as target:
                        shutil.copyfileobj(file, target)
            open_store(self._settings).keep(folder)
        except StorageError:
            remove_arrived(source, self._settings)
            raise
        return source

    def needs_acceptance(self, source: ForeignSource) -> bool:
        """Whether one of the files is an old one of Keras (`.h5`), of which the person has to accept the risk.

        Raises:
            ForeignModelError: the files are not there any more.
            StorageError: a file cannot be read.
        """
        self._check_own(source)
        paths = arrived_paths(source, self._settings)
        with translating_disk_errors(paths[0]):
            return any(
                holds_hdf5_model(path, name, max_bytes=self._settings.max_foreign_bytes)
                for path, name in zip(paths, source.names, strict=True)
            )

    def request_reading(
        self, source: ForeignSource, *, accepts_hdf5: bool = False, class_names: str = ""
    ) -> ForeignSource:
        """Have files brought in.

        Args:
            source: as `receive` gave it.
            accepts_hdf5: whether the person has accepted what an `.h5` file may do.
            class_names: that the person typed, one a line; nothing: they are in a file.

        Returns:
            The source as it is read, by which the task is found.

        Raises:
            ForeignModelError: another space brought the files, or a guest accepts a risk that is not theirs.
        """
        self._check_own(source)
        if accepts_hdf5 and self._is_guest:
            raise ForeignModelError(
                "Old Keras files (.h5) can do harm, and this computer is not yours. Bring the LiteRT file of the same "
                "model, or ask whoever runs Bluetit here."
            )
        typed = [line for line in class_names.splitlines() if line.strip()]
        source = replace(source, accepts_hdf5=accepts_hdf5, class_names=tidy_labels(typed))
        self._queue.submit(BRING_KIND, source.to_json(), key=_task_key(source))
        self._supervisor.wake()
        return source

    def reading(self, source: ForeignSource) -> TaskView | None:
        """The newest task that brings files in."""
        return self._queue.latest(_task_key(source))

    def progress(self, task: TaskView) -> Progress | None:
        """How far a task is."""
        return self._queue.progress(task.id)

    def stop(self, task: TaskView) -> None:
        """Ask for a task to stop; nothing is kept of what it has done."""
        self._queue.request_cancel(task.id)

    def brought_in(self, source: ForeignSource) -> ForeignModelView | None:
        """The model that the files have become; None: they have not."""
        return self._library.find_brought(source.key)

    def drop(self, source: ForeignSource) -> None:
        """Forget files that somebody does not want."""
        self._check_own(source)
        remove_arrived(source, self._settings)

    def purge(self, model_id: int) -> None:
        """Delete a model that is in the trash for good, with its file.

        Raises:
            UnknownForeignModelError: no such model, or it is not in the trash.
            StorageError: its file cannot be deleted.
        """
        self._library.purge(model_id)
        remove_model(self._settings, model_id)

    def _check_own(self, source: ForeignSource) -> None:
        """Refuse files that another space has brought, as if they were not there."""
        if not is_own_key(source.key, self._queue.database.space_id):
            raise ForeignModelError(f"{source.key[:40]!r} is nothing that was brought. Choose the file again.")


def _task_key(source: ForeignSource) -> str:
    return f"{BRING_KIND}:{source.key}"
