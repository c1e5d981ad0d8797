"""The desk that takes requests to import photos and tells how they go.

The work itself is `core.datasets.ingest.importing`, in a worker process. An import goes through the states of
`ImportState`: it waits for the worker or is in its hands, may stop at a question, and ends done, failed or cancelled.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.datasets.ingest.places import allowed_path, staging_path, work_path
from core.datasets.ingest.staging import is_staged, remove_staging, stage
from core.datasets.library import Library
from core.datasets.readings.question import PlanAnswer
from core.datasets.records import ImportState, ImportView
from core.datasets.sources.requests import ImportRequest, ServerFolder, Source, StagedArchive, StagedFiles
from core.datasets.sources.source_files import SourceFile
from core.errors import DatasetError, SourceError, StorageError, StoreError
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.names import clean_name
from core.settings import Settings
from core.storage.open_store import open_store
from core.storage.own_keys import is_own_key, new_key
from core.storage.own_use import refuse_without_room, take_upload

logger = logging.getLogger(__name__)

IMPORT_KIND = "import_photos"

# Uploads that nobody imported, and what a failed import might go on with, are kept this long.
KEEP_INCOMING_SECONDS = 7 * 24 * 3600.0

_BYTES_BETWEEN_LOOKS = 20_000_000  # of an upload, from one look at the room that is left to the next

# Between noting an import and queueing its task there are milliseconds.
_BEGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatus:
    """How an import stands."""

    view: ImportView
    progress: Progress | None  # of an active import, once it has reported
    is_active: bool  # whether it waits for the worker or is in its hands
    error: str | None  # of a failed import, for people


class ImportDesk:
    """Takes requests to import and tells how they go; safe to share between sessions and threads."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        queue: TaskQueue,
        supervisor: Supervisor,
        *,
        blurs_faces: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open the desk.

        Args:
            settings: where things live, and limits.
            library: what is imported into.
            queue: takes the work.
            supervisor: starts who does it.
            blurs_faces: whether faces are to be blurred on the photos of a new import.
        """
        self._blurs_faces = blurs_faces
        self._settings = settings
        self._library = library
        self._queue = queue
        self._database = queue.database
        self._supervisor = supervisor

    def stage_files(self, files: Iterable[tuple[str, bytes]]) -> str:
        """Write what a browser sent to the disk, for a request with `StagedFiles` or `StagedArchive`.

        Args:
            files: (path, content) of each; the path is the client's, relative, and used as a label only. They are
                taken one after the other.

        Returns:
            The folder that the request names.

        Raises:
            LimitReachedError: the space has no room for them, or sends too often.
            SourceError: there are more files than one import may bring.
            NoSpaceError: the disk is full, or nearly; nothing was kept.
            StorageError: the files cannot be written.
        """
        take_upload(self._database)
        refuse_without_room(self._database, num_bytes=0)
        staging_id = new_key(self._database.space_id)
        stage(
            self._while_there_is_room(files),
            staging_path(staging_id, self._settings),
            max_files=self._settings.max_import_photos,
        )
        folder = staging_path(staging_id, self._settings)
        try:
            open_store(self._settings).keep(folder)
        except StorageError:
            remove_staging(folder)
            raise
        return staging_id

    def submit(self, request: ImportRequest) -> int:
        """Queue an import and return its number.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a class cannot have the name.
            ConfigError: the answer is none.
            SourceError: the upload or the server's folder is not there, or may not be imported.
            LimitReachedError: the space has no room for a single photo.
            NoSpaceError: the disk is nearly full.
        """
        is_here = isinstance(request.source, StagedFiles | StagedArchive)
        refuse_without_room(self._database, photos=1, num_bytes=None if is_here else 0)
        if request.target_class is not None:
            request = replace(request, target_class=clean_name(request.target_class, "class"))
        if request.answer is not None:
            PlanAnswer.from_json(request.answer)
        self._check_source(request.source)
        request = replace(request, work_id=new_key(self._database.space_id), blurs_faces=self._blurs_faces())
        import_id = self._library.imports.create(request.dataset_id, request.to_json())
        self._queue_task(import_id)
        return import_id

    def answer(self, import_id: int, answer: dict[str, Any]) -> None:
        """Let an import go on that stopped at a question; nothing is uploaded or downloaded again.

        Args:
            import_id: the import.
            answer: a `PlanAnswer` as JSON.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: the import has no open question.
            ConfigError: the answer is none.
        """
        view = self._library.imports.get(import_id)
        if view.state is not ImportState.QUESTION:
            raise DatasetError(f"Import {import_id} has no open question: it is {view.state}.")
        self._library.imports.reopen(import_id, {**view.request, "answer": PlanAnswer.from_json(answer).to_json()})
        self._queue_task(import_id)

    def ask_again(self, import_id: int, name_encoding: str | None = None) -> None:
        """Look once more at what an import with an open question brings, and forget the question.

        Args:
            import_id: the import.
            name_encoding: how names in archives are to be read, of `NAME_ENCODINGS`; None: it is found out.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: its photos are in the dataset already.
            ConfigError: there is no such character set.
        """
        view = self._library.imports.get(import_id)
        request = replace(ImportRequest.from_json(view.request), answer=None, name_encoding=name_encoding)
        self._library.imports.reopen(import_id, request.to_json())
        self._queue_task(import_id)

    def retry(self, import_id: int) -> None:
        """Try a failed import again; downloads go on where they stopped.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: the import has not failed.
        """
        view = self.status(import_id).view
        if view.state is not ImportState.FAILED:
            raise DatasetError(f"Import {import_id} is {view.state}; only a failed one can be tried again.")
        self._library.imports.reopen(import_id, view.request)
        self._queue_task(import_id)

    def cancel(self, import_id: int) -> None:
        """Stop an import; from this moment on it adds nothing. One that is over stays as it is.

        Raises:
            UnknownDatasetError: no such import.
        """
        view = self._library.imports.get(import_id)
        if view.state in (ImportState.DONE, ImportState.CANCELLED):
            return
        self._library.imports.finish(
            import_id,
            state=ImportState.CANCELLED,
            refused=view.refused,
            num_refused=view.num_refused,
            notes=view.notes,
        )
        if view.task_id is not None:
            self._queue.request_cancel(view.task_id)
            if self._queue.get(view.task_id).is_active:
                return  # the worker reads the files still, and deletes them when it stops
        remove_import_files(view, self._settings)

    def status(self, import_id: int) -> ImportStatus:
        """How an import stands.

        Raises:
            UnknownDatasetError: no such import.
        """
        return self._status(self._library.imports.get(import_id))

    def list_statuses(self, dataset_id: int, limit: int = 20) -> list[ImportStatus]:
        """How the newest imports of a dataset stand, newest first."""
        return [self._status(view) for view in self._library.imports.of(dataset_id, limit)]

    def _status(self, view: ImportView) -> ImportStatus:
        if view.state not in (ImportState.WAITING, ImportState.FAILED):
            return ImportStatus(view=view, progress=None, is_active=False, error=None)
        task = None if view.task_id is None else self._queue.get(view.task_id)
        is_begun = task is not None or time.time() - view.created_at > _BEGIN_SECONDS
        if view.state is ImportState.WAITING and is_begun and not (task and task.is_active):
            view = self._settle(view, task)
        # A failed import whose task still runs: the worker is about to say why.
        is_ending = view.state is ImportState.FAILED and task is not None and task.is_active
        is_active = view.state is ImportState.WAITING or is_ending
        return ImportStatus(
            view=view,
            progress=self._queue.progress(task.id) if task is not None and is_active else None,
            is_active=is_active,
            error=_error_of(task) if view.state is ImportState.FAILED else None,
        )

    def sweep(self) -> None:
        """Delete what has been waiting in the incoming folder for too long and belongs to no open import.

        Workers may be at work: what they have just deleted, and what cannot be deleted, is passed over.

        Raises:
            RuntimeError: the desk is that of one space, which does not know what others need.
        """
        if self._database.space_id is not None:
            raise RuntimeError("Only the desk of the whole database knows which uploads nobody needs.")
        open_imports = self._library.imports.all_open()
        needed = {path for view in open_imports for path in import_folders(view, self._settings)}
        oldest = time.time() - KEEP_INCOMING_SECONDS
        for folder in self._settings.incoming_path.glob("*"):
            with contextlib.suppress(OSError):
                if folder not in needed and folder.stat().st_mtime < oldest:
                    remove_staging(folder)
        place, store = self._settings.incoming_path, open_store(self._settings)
        for name, stored_at in store.ages(place).items():
            folder = place / name.partition("/")[0]
            if folder not in needed and stored_at < oldest:
                store.remove(folder)

    def _while_there_is_room(self, files: Iterable[tuple[str, bytes]]) -> Iterator[SourceFile]:
        """The files; of those that come one after the other nobody knows before how many they are."""
        num_bytes = 0
        for path, data in files:
            num_bytes += len(data)
            if self._database.room is not None and num_bytes > _BYTES_BETWEEN_LOOKS:
                refuse_without_room(self._database, num_bytes=num_bytes)
                num_bytes = 0  # they are on the disk by then, and counted there
            yield SourceFile(path=path, data=data)

    def _check_source(self, source: Source) -> None:
        if isinstance(source, StagedFiles | StagedArchive):
            folder = staging_path(source.folder, self._settings)
            open_store(self._settings).bring(folder)
            if not is_own_key(source.folder, self._database.space_id) or not is_staged(folder):
                raise SourceError("The uploaded photos are not on the server any more. Add them again.")
        elif isinstance(source, ServerFolder):
            allowed_path(source.path, self._settings)

    def _queue_task(self, import_id: int) -> None:
        key = f"{IMPORT_KIND}:{import_id}"
        task_id = self._queue.submit(IMPORT_KIND, {"import_id": import_id}, key=key)
        self._library.imports.set_task(import_id, task_id)
        self._supervisor.wake()

    def _settle(self, view: ImportView, task: TaskView | None) -> ImportView:
        """Note the end of an import whose worker could not do that, because it was killed or has crashed."""
        latest = self._library.imports.get(view.id)
        if latest != view:
            return latest  # it ended, or was begun again, between two looks
        is_cancelled = task is not None and task.status is TaskStatus.CANCELLED
        state = ImportState.CANCELLED if is_cancelled else ImportState.FAILED
        self._library.imports.finish(
            view.id, state=state, refused=view.refused, num_refused=view.num_refused, notes=view.notes
        )
        if is_cancelled:
            remove_import_files(view, self._settings)
        return self._library.imports.get(view.id)


def remove_import_files(view: ImportView, settings: Settings) -> None:
    """Delete what an import that is over was made from."""
    for folder in import_folders(view, settings):
        remove_staging(folder)
        try:
            open_store(settings).remove(folder)
        except StoreError as exc:  # the import is over all the same
            logger.warning("What an import was made from is left to the next sweep: %s", exc)


def import_folders(view: ImportView, settings: Settings) -> list[Path]:
    """What an import is made from: the folder of its upload, or that in which it works."""
    source = ImportRequest.from_json(view.request).source
    if isinstance(source, StagedFiles | StagedArchive):
        return [staging_path(source.folder, settings)]
    return [work_path(view, settings)]


def _error_of(task: TaskView | None) -> str:
    if task is None:
        return "The import was never begun: the server stopped at that moment. Try again."
    return task.error or "The import was stopped before its end. Try again."
