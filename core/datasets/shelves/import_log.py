"""The arrivals of photos: what was asked for, what came of it, and that none counts twice."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.datasets.records import ImportState, ImportView
from core.datasets.shelves.rows import Shelf, lock_dataset
from core.errors import DatasetError, UnknownDatasetError
from core.names import clean_label, clean_text
from core.storage.one_look import read_once
from core.storage.schema import PhotoImport


class ImportLog(Shelf):
    """The imports of each dataset; none of this changes a dataset's revision."""

    def create(self, dataset_id: int, request: dict[str, Any]) -> int:
        """Note a new import, waiting for the worker, and return its number.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            lock_dataset(session, dataset_id)
            created = PhotoImport(
                dataset_id=dataset_id,
                request=request,
                state=ImportState.WAITING,
                num_accepted=0,
                num_refused=0,
                refused=[],
                notes=[],
                created_at=time.time(),
            )
            session.add(created)
            session.flush()
            return created.id

    def set_task(self, import_id: int, task_id: int) -> None:
        """Note which task does an import.

        Raises:
            UnknownDatasetError: no such import.
        """
        with self._database.session() as session:
            _lock_import(session, import_id).task_id = task_id

    def reopen(self, import_id: int, request: dict[str, Any]) -> None:
        """Let an import that is not done wait for the worker again, with an answer or for another try.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: its photos are in the dataset already.
        """
        with self._database.session() as session:
            reopened = _lock_import(session, import_id)
            _refuse_finished(reopened, ImportState.DONE)
            reopened.request, reopened.state = request, ImportState.WAITING
            reopened.task_id = reopened.question = reopened.finished_at = None
            reopened.num_refused, reopened.refused, reopened.notes = 0, [], []
            reopened.dismissed_at = None

    def get(self, import_id: int) -> ImportView:
        """One import.

        Raises:
            UnknownDatasetError: no such import.
        """
        with self._database.read_session() as session:
            found = session.get(PhotoImport, import_id)
            if found is None:
                raise _unknown_import(import_id)
            return _import_view(found)

    def dataset_of(self, work_id: str) -> int | None:
        """The dataset into which the work of this name has brought photos; None: it has not, or not yet."""
        is_done = (PhotoImport.request["work_id"].as_string() == work_id) & (PhotoImport.state == ImportState.DONE)
        with self._database.read_session() as session:
            return session.scalars(select(PhotoImport.dataset_id).where(is_done)).first()

    @read_once
    def of(self, dataset_id: int, limit: int = 20) -> list[ImportView]:
        """The newest imports of a dataset, newest first."""
        statement = (
            select(PhotoImport).where(PhotoImport.dataset_id == dataset_id).order_by(PhotoImport.id.desc()).limit(limit)
        )
        with self._database.read_session() as session:
            return [_import_view(found) for found in session.scalars(statement)]

    def all_open(self) -> list[ImportView]:
        """The imports of all datasets, in the trash or not, that wait for a worker or for an answer, oldest first."""
        is_open = PhotoImport.state.in_((ImportState.WAITING, ImportState.QUESTION))
        with self._database.read_session() as session:
            return [_import_view(found) for found in session.scalars(select(PhotoImport).where(is_open))]

    def finish(
        self,
        import_id: int,
        *,
        state: ImportState,
        refused: Sequence[tuple[str, str]],
        num_refused: int,
        question: dict[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Note how an import ended, or the question at which it stopped.

        One whose photos are in the dataset stays done, and a cancelled one stays cancelled, whatever `state` says.

        Args:
            import_id: the import.
            state: how far it has come.
            refused: (file name, reason) of the refused files, the first thousands of them.
            num_refused: how many were refused in all.
            question: with state QUESTION, what the person must decide.
            notes: sentences for people about what was understood, scaled or left out.

        Raises:
            UnknownDatasetError: no such import.
        """
        with self._database.session() as session:
            finished = _lock_import(session, import_id)
            if finished.state not in (ImportState.DONE, ImportState.CANCELLED):
                finished.state, finished.question = state, question
                is_over = state in (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED)
                finished.finished_at = time.time() if is_over else None
            finished.refused = [[clean_label(name), clean_text(reason)] for name, reason in refused]
            finished.num_refused = num_refused
            finished.notes = [clean_text(note) for note in notes]

    def dismiss(self, import_id: int) -> None:
        """Put the report of an import away; it stays in the list of how the dataset's photos came.

        Raises:
            UnknownDatasetError: no such import.
        """
        with self._database.session() as session:
            _lock_import(session, import_id).dismissed_at = time.time()


def complete_import(session: Session, import_id: int, *, dataset_id: int, num_accepted: int) -> None:
    """Note in the transaction that adds an import's photos that they are in.

    Raises:
        UnknownDatasetError: no such import.
        DatasetError: the import is done or cancelled already, or belongs to another dataset.
    """
    completed = _lock_import(session, import_id)
    _refuse_finished(completed, ImportState.DONE, ImportState.CANCELLED)
    if completed.dataset_id != dataset_id:
        raise DatasetError(
            f"Import {import_id} belongs to dataset {completed.dataset_id}, not to dataset {dataset_id}; "
            "nothing was added."
        )
    completed.state, completed.num_accepted = ImportState.DONE, num_accepted
    completed.question, completed.finished_at = None, time.time()


def is_vacant(session: Session, dataset_id: int) -> bool:
    """Whether a dataset was made for an import and nothing has ever come into it, nor is on its way."""
    imports = session.scalars(select(PhotoImport).where(PhotoImport.dataset_id == dataset_id)).all()
    is_over = all(found.state not in (ImportState.WAITING, ImportState.QUESTION) for found in imports)
    was_made_for_one = any(found.request.get("is_new_dataset") for found in imports)
    return was_made_for_one and is_over and not any(found.num_accepted for found in imports)


def _refuse_finished(found: PhotoImport, *states: ImportState) -> None:
    if found.state in states:
        raise DatasetError(f"Import {found.id} is {found.state} already; nothing was added. Start a new import.")


def _lock_import(session: Session, import_id: int) -> PhotoImport:
    found = session.get(PhotoImport, import_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise _unknown_import(import_id)
    return found


def _unknown_import(import_id: int) -> UnknownDatasetError:
    return UnknownDatasetError(f"No import has the number {import_id}; its dataset may have been deleted for good.")


def _import_view(found: PhotoImport) -> ImportView:
    return ImportView(
        id=found.id,
        dataset_id=found.dataset_id,
        request=found.request,
        task_id=found.task_id,
        state=ImportState(found.state),
        question=found.question,
        num_accepted=found.num_accepted,
        num_refused=found.num_refused,
        refused=tuple((name, reason) for name, reason in found.refused),
        created_at=found.created_at,
        finished_at=found.finished_at,
        notes=tuple(found.notes),
        dismissed_at=found.dismissed_at,
    )
