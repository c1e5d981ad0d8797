"""Datasets as a whole: made, listed, renamed, copied, trashed and restored."""

import time
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Insert, and_, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from core.datasets.records import DatasetView, OperationView
from core.datasets.shelves.history import change_rows, record_operation, revive_dataset
from core.datasets.shelves.image_rows import insert_class
from core.datasets.shelves.import_log import is_vacant
from core.datasets.shelves.rows import (
    Shelf,
    is_name_taken,
    lock_any_dataset,
    lock_dataset,
    mark_changed,
    refusing_taken_name,
    unknown_dataset,
)
from core.names import clean_name, clean_names, first_free, name_key
from core.storage.one_look import read_once
from core.storage.own_rows import space_of
from core.storage.own_use import check_room
from core.storage.schema import (
    Capture,
    Dataset,
    DatasetClass,
    DatasetImage,
    DatasetOperation,
    DismissedFinding,
)


class DatasetShelf(Shelf):
    """Datasets as a whole."""

    def create(self, name: str, class_names: Iterable[str] = ()) -> DatasetView:
        """Make a dataset with empty classes in the order given, or nothing at all.

        Raises:
            NameRefusedError: the dataset or a class cannot have its name, another dataset has it, or two classes are
                named the same.
        """
        class_names = clean_names(class_names, "class")
        with self._database.session() as session:
            dataset = _insert_dataset(session, name)
            for class_name in class_names:
                insert_class(session, dataset, class_name)
            return _dataset_view(session, dataset)

    @read_once
    def all(self) -> list[DatasetView]:
        """The datasets out of the trash, the latest changed first.

        One that was made for an import which brought nothing is not among them: nobody has asked for an empty dataset.
        """
        found = self._datasets(Dataset.trashed_at.is_(None))
        empty = [dataset.id for dataset in found if not dataset.num_classes and not dataset.num_images]
        if not empty:
            return found
        with self._database.read_session() as session:
            vacant = {dataset_id for dataset_id in empty if is_vacant(session, dataset_id)}
        return [dataset for dataset in found if dataset.id not in vacant]

    def discard_if_vacant(self, dataset_id: int) -> bool:
        """Delete a dataset for good that was made for an import which brought nothing; whether it was one.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            is_empty = not _count_by_dataset(session, DatasetClass, Dataset.id == dataset_id)
            if not is_empty or not is_vacant(session, dataset_id):
                return False
            session.delete(dataset)
            return True

    def in_trash(self) -> list[DatasetView]:
        """The datasets in the trash, the latest deleted first."""
        return self._datasets(Dataset.trashed_at.is_not(None))

    @read_once
    def get(self, dataset_id: int) -> DatasetView:
        """One dataset, in the trash or not.

        Raises:
            UnknownDatasetError: no such dataset.
        """
        found = self._datasets(Dataset.id == dataset_id)
        if not found:
            raise unknown_dataset(dataset_id)
        return found[0]

    def standing(self, dataset_id: int) -> tuple[int, float | None]:
        """What tells two states of a dataset apart, at less cost than all of it: its revision, and since when (Unix
        seconds) it is in the trash.

        Raises:
            UnknownDatasetError: no such dataset.
        """
        statement = select(Dataset.revision, Dataset.trashed_at).where(Dataset.id == dataset_id)
        with self._database.read_session() as session:
            found = session.execute(statement).one_or_none()
        if found is None:
            raise unknown_dataset(dataset_id)
        return found.revision, found.trashed_at

    def find(self, name: str) -> DatasetView | None:
        """The dataset out of the trash with this name, compared as names are."""
        found = self._datasets(and_(Dataset.name_key == name_key(name), Dataset.trashed_at.is_(None)))
        return found[0] if found else None

    def free_name(self, name: str) -> str:
        """The name as it would be kept, numbered when another dataset has it: "birds", "birds 2".

        Raises:
            NameRefusedError: a dataset cannot have the name.
        """
        with self._database.read_session() as session:
            return first_free(clean_name(name, "dataset"), lambda key: is_name_taken(session, key))

    def rename(self, dataset_id: int, name: str) -> None:
        """Give a dataset another name; the one that it has changes nothing.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a dataset cannot have the name, or another one has it.
        """
        name = clean_name(name, "dataset")
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            if dataset.name == name:
                return
            with refusing_taken_name(session, "dataset", name):
                dataset.name, dataset.name_key = name, name_key(name)
                mark_changed(dataset)

    def duplicate(self, dataset_id: int, name: str) -> DatasetView:
        """Copy what is out of the trash to a new dataset, dismissed findings too; both share the stored photos.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a dataset cannot have the name, or another one has it.
            LimitReachedError: the space has no room for as many photos once more.
        """
        with self._database.session() as session:
            lock_dataset(session, dataset_id)
            condition = Dataset.id == dataset_id
            check_room(session, photos=_count_by_dataset(session, DatasetImage, condition).get(dataset_id, 0))
            copy = _insert_dataset(session, name)
            _copy_content(session, dataset_id, copy.id)
            return _dataset_view(session, copy)

    def delete(self, dataset_id: int) -> OperationView:
        """Put a dataset into the trash, whole.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            name, changed_at = dataset.name, mark_changed(dataset)
            changes = change_rows(session, "dataset", [dataset_id], values={"trashed_at": changed_at})
            summary = f"Deleted the dataset “{name}”"
            return record_operation(session, dataset, kind="delete_dataset", summary=summary, changes=changes)

    def restore(self, dataset_id: int) -> DatasetView:
        """Take a dataset out of the trash, under a numbered name when another has its name now.

        One that is not in the trash stays as it is. Its deletion counts as undone.

        Raises:
            UnknownDatasetError: no such dataset.
        """
        with self._database.session() as session:
            dataset = lock_any_dataset(session, dataset_id)
            if dataset.trashed_at is not None:
                revive_dataset(session, dataset)
                _note_undone(session, dataset_id, kind="delete_dataset", undone_at=mark_changed(dataset))
            return _dataset_view(session, dataset)

    def _datasets(self, condition: ColumnElement[bool]) -> list[DatasetView]:
        statement = select(Dataset).where(condition).order_by(Dataset.changed_at.desc(), Dataset.id.desc())
        with self._database.read_session() as session:
            datasets = session.scalars(statement).all()
            num_classes = _count_by_dataset(session, DatasetClass, condition)
            num_images = _count_by_dataset(session, DatasetImage, condition)
            return [
                _view(dataset, num_classes.get(dataset.id, 0), num_images.get(dataset.id, 0)) for dataset in datasets
            ]


def _insert_dataset(session: Session, name: str) -> Dataset:
    name = clean_name(name, "dataset")
    now = time.time()
    dataset = Dataset(
        name=name,
        name_key=name_key(name),
        revision=1,
        created_at=now,
        changed_at=now,
        space_id=space_of(session),
    )
    with refusing_taken_name(session, "dataset", name):
        session.add(dataset)
    return dataset


def _note_undone(session: Session, dataset_id: int, *, kind: str, undone_at: float) -> None:
    """Note that nothing is left to undo of a kind of change."""
    session.execute(
        update(DatasetOperation)
        .where(
            DatasetOperation.dataset_id == dataset_id,
            DatasetOperation.kind == kind,
            DatasetOperation.undone_at.is_(None),
        )
        .values(undone_at=undone_at)
        .execution_options(synchronize_session=False)
    )


def _copy_content(session: Session, source_id: int, target_id: int) -> None:
    """Copy living classes and images, captures and dismissals inside the database, in order."""
    for row, columns in (
        (DatasetClass, ("name", "name_key", "position", "created_at")),
        (Capture, ("label", "created_at")),
        (DismissedFinding, ("finding_key", "dismissed_at")),
    ):
        own = select(literal(target_id), *(getattr(row, column) for column in columns))
        own = own.where(row.dataset_id == source_id)
        if row is DatasetClass:
            own = own.where(DatasetClass.trashed_at.is_(None))
        session.execute(insert(row).from_select(["dataset_id", *columns], own))
    session.execute(_copy_images(source_id, target_id))


def _copy_images(source_id: int, target_id: int) -> Insert:
    columns = ("photo_hash", "name", "split", "split_origin", "source_url", "added_at", "review")
    old_class, new_class = aliased(DatasetClass), aliased(DatasetClass)
    old_capture, new_capture = aliased(Capture), aliased(Capture)
    own = (
        select(literal(target_id), new_class.id, new_capture.id, *(getattr(DatasetImage, column) for column in columns))
        .join(old_class, old_class.id == DatasetImage.class_id)
        .join(
            new_class,
            and_(
                new_class.dataset_id == target_id,
                new_class.name_key == old_class.name_key,
                new_class.trashed_at.is_(None),
            ),
        )
        .outerjoin(old_capture, old_capture.id == DatasetImage.capture_id)
        .outerjoin(new_capture, and_(new_capture.dataset_id == target_id, new_capture.label == old_capture.label))
        .where(DatasetImage.dataset_id == source_id, DatasetImage.trashed_at.is_(None))
        .order_by(DatasetImage.id)
    )
    return insert(DatasetImage).from_select(["dataset_id", "class_id", "capture_id", *columns], own)


def _count_by_dataset(
    session: Session, row: type[DatasetClass] | type[DatasetImage], condition: ColumnElement[bool]
) -> dict[int, int]:
    """Rows out of the trash of the datasets that meet a condition."""
    statement = (
        select(row.dataset_id, func.count())
        .join(Dataset, Dataset.id == row.dataset_id)
        .where(condition, row.trashed_at.is_(None))
        .group_by(row.dataset_id)
    )
    return dict(session.execute(statement).all())


def _dataset_view(session: Session, dataset: Dataset) -> DatasetView:
    session.flush()
    condition = Dataset.id == dataset.id
    num_classes = _count_by_dataset(session, DatasetClass, condition).get(dataset.id, 0)
    return _view(dataset, num_classes, _count_by_dataset(session, DatasetImage, condition).get(dataset.id, 0))


def _view(dataset: Dataset, num_classes: int, num_images: int) -> DatasetView:
    return DatasetView(
        id=dataset.id,
        name=dataset.name,
        revision=dataset.revision,
        num_classes=num_classes,
        num_images=num_images,
        created_at=dataset.created_at,
        changed_at=dataset.changed_at,
        trashed_at=dataset.trashed_at,
    )
