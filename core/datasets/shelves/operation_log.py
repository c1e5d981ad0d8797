"""The latest changes of datasets, and how they are taken back."""

from collections.abc import Collection
from dataclasses import fields

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.datasets.records import OperationView, UndoResult
from core.datasets.shelves.history import revert, revert_part
from core.datasets.shelves.image_sorting import select_companions
from core.datasets.shelves.rows import (
    Shelf,
    lock_any_dataset,
    lock_dataset,
    mark_changed,
)
from core.errors import DatasetError, UnknownDatasetError
from core.storage.schema import (
    Dataset,
    DatasetOperation,
)


class OperationLog(Shelf):
    """The changes of datasets that can be undone."""

    def latest(self, dataset_id: int, limit: int = 20) -> list[OperationView]:
        """The newest changes of a dataset that can be or have been undone, newest first."""
        # Without what the changed rows held: pages ask at every run, and only `undo` needs it.
        columns = [getattr(DatasetOperation, column.name) for column in fields(OperationView)]
        statement = (
            select(*columns)
            .where(DatasetOperation.dataset_id == dataset_id)
            .order_by(DatasetOperation.id.desc())
            .limit(limit)
        )
        with self._database.read_session() as session:
            return [OperationView(**row._mapping) for row in session.execute(statement)]

    def undo(self, operation_id: int) -> UndoResult:
        """Take a change back, where nobody has changed the same since.

        Raises:
            UnknownDatasetError: no such operation (only the newest are kept), or its dataset is in the trash.
            DatasetError: it was undone already.
        """
        with self._database.session() as session:
            dataset, operation = _lock_operation(session, operation_id)
            if operation.undone_at is not None:
                raise DatasetError(f"“{operation.summary}” was undone already.")
            num_restored, num_left_alone = revert(session, operation)
            mark_changed(dataset)
            return UndoResult(summary=operation.summary, num_restored=num_restored, num_left_alone=num_left_alone)

    def take_back(self, operation_id: int, image_ids: Collection[int]) -> UndoResult:
        """Take a change back for some of its images alone, where nobody has changed the same since.

        What is left of the change can be undone later; once nothing is left, it counts as undone. The split of a whole
        capture is taken back where that of one of its images is.

        Raises:
            UnknownDatasetError: no such operation (only the newest are kept), or its dataset is in the trash.
            DatasetError: it was undone already.
        """
        with self._database.session() as session:
            dataset, operation = _lock_operation(session, operation_id)
            if operation.undone_at is not None:
                raise DatasetError(f"“{operation.summary}” was undone already.")
            num_restored, num_left_alone = revert_part(
                session, operation, image_ids, select_companions(session, image_ids)
            )
            mark_changed(dataset)
            return UndoResult(summary=operation.summary, num_restored=num_restored, num_left_alone=num_left_alone)


def _lock_operation(session: Session, operation_id: int) -> tuple[Dataset, DatasetOperation]:
    """Lock the dataset of an operation, one in the trash too when the operation put it there."""
    kind_of = select(DatasetOperation.dataset_id, DatasetOperation.kind).where(DatasetOperation.id == operation_id)
    row = session.execute(kind_of).one_or_none()
    if row is not None:
        lock = lock_any_dataset if row.kind == "delete_dataset" else lock_dataset
        dataset, operation = lock(session, row.dataset_id), session.get(DatasetOperation, operation_id)
        if operation is not None:
            return dataset, operation
    raise UnknownDatasetError(f"No change has the number {operation_id}; only the latest can be undone.")
