"""The work of an import: find out what there is and where it belongs, store the photos, and add all of them at once.

Runs in a worker process, as the task kind `import_photos`. Until the one transaction at the end the dataset does not
change: an import that is cancelled, fails, or is killed together with its worker leaves no image, only photo files that
nothing refers to, which the clean-up of unused photos deletes. The same transaction marks the import as done, so that
no second try can add the photos again.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.ingest.desk import import_folders, remove_import_files
from core.datasets.ingest.gathering import Gathered, gather
from core.datasets.ingest.parts import Listing, merged_encodings, service_note
from core.datasets.ingest.places import work_path
from core.datasets.ingest.placing import ListedPart, Placing
from core.datasets.ingest.refusals import Refusals
from core.datasets.ingest.storing import Storing
from core.datasets.ingest.workplace import Workplace
from core.datasets.library import Library
from core.datasets.records import ImportState, ImportView, NewImage
from core.datasets.sources.requests import ImportRequest
from core.errors import (
    ArchiveError,
    BluetitError,
    SourceError,
    StorageError,
    TaskCancelledError,
    TaskLostError,
)
from core.jobs.context import TaskContext
from core.storage.open_store import open_store


def run_import_task(context: TaskContext) -> None:
    """Handler of the task kind `import_photos`; its payload is `{"import_id": number}`.

    Raises:
        BluetitError: the import as a whole failed; nothing was added.
    """
    database = context.database
    library = Library(database)
    view = library.imports.get(int(context.payload["import_id"]))
    if view.state in (ImportState.DONE, ImportState.CANCELLED):
        # An earlier attempt was killed after its last transaction, or somebody cancelled while this one waited.
        remove_import_files(view, context.settings)
        return
    try:
        _Import(context, library, view).run()
    except TaskLostError:
        raise  # another worker has it now, and its files
    except TaskCancelledError:
        _finish(library, view, ImportState.CANCELLED)
        remove_import_files(view, context.settings)
        raise
    except BluetitError as exc:
        if _is_cancelled(library, view):
            remove_import_files(view, context.settings)
            raise TaskCancelledError(f"Import {view.id} was cancelled.") from exc
        # With a full disk even that may fail; the desk then notes it when somebody looks.
        with suppress(StorageError):
            _finish(library, view, ImportState.FAILED)
        raise


def _is_cancelled(library: Library, view: ImportView) -> bool:
    with suppress(StorageError):
        return library.imports.get(view.id).state is ImportState.CANCELLED
    return False


def _finish(library: Library, view: ImportView, state: ImportState) -> None:
    library.imports.finish(view.id, state=state, refused=(), num_refused=0)


class _Import:
    """One attempt at an import."""

    def __init__(self, context: TaskContext, library: Library, view: ImportView) -> None:
        self._context = context
        self._settings = context.settings
        self._library = library
        self._view = view
        self._request = ImportRequest.from_json(view.request)
        self._refusals = Refusals()
        self._encodings: NameEncodings | None = None  # how names were read that do not say their character set
        self._notes: list[str] = []  # for the report: what was understood, scaled or left out

    def run(self) -> None:
        _finish(self._library, self._view, ImportState.WAITING)  # forgets what an earlier attempt has noted
        self._context.check_cancelled()
        self._context.report(None, "Looking what there is")
        workplace = Workplace(
            settings=self._settings,
            folder=work_path(self._view, self._settings),
            report=self._report_fetching,
            check_cancelled=self._context.check_cancelled,
        )
        folders, store = import_folders(self._view, self._settings), open_store(self._settings)
        store.bring(*folders)
        gathered = gather(self._request, workplace)
        self._notes += gathered.notes
        for name, reason in gathered.refused:
            self._refusals.add(name, reason)
        listing = self._list(gathered)
        plan = Placing(self._request, self._capture_label())
        question = plan.read(gathered.name, listing, self._encodings)
        self._notes += plan.notes
        if question is not None:
            store.keep(*folders)  # whoever goes on after the answer downloads nothing again
            self._library.imports.finish(
                self._view.id,
                state=ImportState.QUESTION,
                refused=self._refusals.listed,
                num_refused=self._refusals.num,
                question=question.to_json(),
                notes=self._notes,
            )
            return
        storing = Storing(
            self._context,
            self._library,
            self._refusals,
            first_fraction=self._fetch_share,
            blurs_faces=self._request.blurs_faces,
        )
        images = storing.store(listing, plan)
        self._notes += storing.notes
        self._add(images, plan.class_names())
        remove_import_files(self._view, self._settings)

    def _report_fetching(self, fraction: float | None, message: str) -> None:
        self._context.report(fraction and fraction * self._fetch_share, message)

    @property
    def _fetch_share(self) -> float:
        """Part of the progress bar that fetching takes."""
        return 0.5 if self._request.source.is_fetched else 0.0

    def _list(self, gathered: Gathered) -> list[ListedPart]:
        """What is in each part; one archive of several that cannot be read does not stop the others."""
        listing: list[ListedPart] = []
        listings: list[Listing] = []
        errors: list[ArchiveError] = []
        for prefix, part in gathered.parts:
            self._context.check_cancelled()
            try:
                found = part.list_files()
            except ArchiveError as exc:
                errors.append(exc)
                self._refusals.add(part.name, str(exc))
            else:
                listings.append(found)
                listing.append(ListedPart(prefix=prefix, part=part, paths=found.paths))
        if errors and not listing:
            raise errors[0]
        self._encodings = encodings = merged_encodings(listings)
        self._notes += filter(None, [service_note(listings), encodings.note if encodings else None])
        num_files = sum(len(listed.paths) for listed in listing)
        if num_files > self._settings.max_import_photos:
            raise SourceError(
                f"{num_files:,} files were found; one import may bring at most "
                f"{self._settings.max_import_photos:,}. Divide them, or ask the administrator to raise "
                "BLUETIT_MAX_IMPORT_PHOTOS."
            )
        return listing

    def _capture_label(self) -> str | None:
        """A name for photos that were taken together, which no other capture of the dataset has."""
        if not self._request.capture:
            return None
        taken = set(self._library.images.captures(self._view.dataset_id).values())
        label = stem = time.strftime("burst %Y-%m-%d %H:%M:%S", time.localtime(self._view.created_at))
        number = 1
        while label in taken:
            number += 1
            label = f"{stem} ({number})"
        return label

    def _add(self, images: Sequence[NewImage], class_names: Sequence[str]) -> None:
        # Before the transaction that ends the import, so that a worker that is killed between the two loses nothing.
        self._library.imports.finish(
            self._view.id,
            state=ImportState.WAITING,
            refused=self._refusals.listed,
            num_refused=self._refusals.num,
            notes=self._notes,
        )
        self._context.check_cancelled()
        self._library.images.add(self._view.dataset_id, images, import_id=self._view.id, class_names=class_names)
