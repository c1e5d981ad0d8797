"""The library: every dataset with its classes and images; the only code that changes them.

Every method is one transaction that locks the dataset, so two sessions that edit at once see each other's changes
and lose nothing. Whatever is deleted goes to the trash; what can be undone is returned as an operation.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields

from sqlalchemy import ColumnElement, Insert, and_, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from core.datasets.records import ClassView, DatasetView, OperationView, UndoResult
from core.datasets.shelves.check_log import CheckLog
from core.datasets.shelves.history import change_rows, record_operation, revert, revive_dataset
from core.datasets.shelves.image_shelf import ImageShelf, insert_class, num_photos
from core.datasets.shelves.import_log import ImportLog, is_vacant
from core.datasets.shelves.photo_index import PhotoIndex
from core.datasets.shelves.rows import (
    Shelf,
    is_name_taken,
    lock_any_dataset,
    lock_class,
    lock_dataset,
    mark_changed,
    refusing_taken_name,
    unknown_dataset,
)
from core.errors import DatasetError, UnknownDatasetError
from core.names import clean_name, clean_names, first_free, name_key
from core.storage.db import Database
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

    def create_dataset(self, name: str, class_names: Iterable[str] = ()) -> DatasetView:
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

    def list_datasets(self) -> list[DatasetView]:
        """The datasets out of the trash, the latest changed first.

        One that was made for an import which brought nothing is not among them: nobody has asked for an empty dataset.
        """
        found = self._datasets(Dataset.trashed_at.is_(None))
        empty = [dataset.id for dataset in found if not dataset.num_classes and not dataset.num_images]
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

    def list_trashed_datasets(self) -> list[DatasetView]:
        """The datasets in the trash, the latest deleted first."""
        return self._datasets(Dataset.trashed_at.is_not(None))

    def get_dataset(self, dataset_id: int) -> DatasetView:
        """One dataset, in the trash or not.

        Raises:
            UnknownDatasetError: no such dataset.
        """
        found = self._datasets(Dataset.id == dataset_id)
        if not found:
            raise unknown_dataset(dataset_id)
        return found[0]

    def find_dataset(self, name: str) -> DatasetView | None:
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

    def rename_dataset(self, dataset_id: int, name: str) -> None:
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

    def duplicate_dataset(self, dataset_id: int, name: str) -> DatasetView:
        """Copy what is out of the trash to a new dataset, dismissed findings too; both share the stored photos.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a dataset cannot have the name, or another one has it.
        """
        with self._database.session() as session:
            lock_dataset(session, dataset_id)
            copy = _insert_dataset(session, name)
            _copy_content(session, dataset_id, copy.id)
            return _dataset_view(session, copy)

    def delete_dataset(self, dataset_id: int) -> OperationView:
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

    def restore_dataset(self, dataset_id: int) -> DatasetView:
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

    def list_operations(self, dataset_id: int, limit: int = 20) -> list[OperationView]:
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

    def _datasets(self, condition: ColumnElement[bool]) -> list[DatasetView]:
        statement = select(Dataset).where(condition).order_by(Dataset.changed_at.desc(), Dataset.id.desc())
        with self._database.read_session() as session:
            datasets = session.scalars(statement).all()
            num_classes = _count_by_dataset(session, DatasetClass, condition)
            num_images = _count_by_dataset(session, DatasetImage, condition)
            return [
                _view(dataset, num_classes.get(dataset.id, 0), num_images.get(dataset.id, 0)) for dataset in datasets
            ]


class ClassShelf(Shelf):
    """The classes of datasets."""

    def list_classes(self, dataset_id: int) -> list[ClassView]:
        """The classes of a dataset out of the trash, in their order on the page."""
        statement = (
            select(DatasetClass, func.count(DatasetImage.id))
            .outerjoin(DatasetImage, and_(DatasetImage.class_id == DatasetClass.id, DatasetImage.trashed_at.is_(None)))
            .where(DatasetClass.dataset_id == dataset_id, DatasetClass.trashed_at.is_(None))
            .group_by(DatasetClass.id)
            .order_by(DatasetClass.position, DatasetClass.id)
        )
        with self._database.read_session() as session:
            return [_class_view(found, num_images) for found, num_images in session.execute(statement)]

    def create_class(self, dataset_id: int, name: str) -> ClassView:
        """Make an empty class, the last on the page.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a class cannot have the name, or another one of the dataset has it.
        """
        name = clean_name(name, "class")
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            mark_changed(dataset)
            with refusing_taken_name(session, "class", name):
                created = insert_class(session, dataset, name)
            return _class_view(created, 0)

    def rename_class(self, class_id: int, name: str) -> OperationView | None:
        """Give a class another name; None when it is the one that the class has.

        Raises:
            UnknownDatasetError: no such class, or it or its dataset is in the trash.
            NameRefusedError: a class cannot have the name, or another one of the dataset has it.
        """
        name = clean_name(name, "class")
        with self._database.session() as session:
            dataset, renamed = lock_class(session, class_id)
            if renamed.name == name:
                return None
            summary = f"Renamed “{renamed.name}” to “{name}”"
            with refusing_taken_name(session, "class", name):
                values = {"name": name, "name_key": name_key(name)}
                changes = change_rows(session, "class", [class_id], values=values)
            mark_changed(dataset)
            return record_operation(session, dataset, kind="rename_class", summary=summary, changes=changes)

    def merge_classes(self, class_ids: Collection[int], into_id: int) -> OperationView:
        """Put all images of some classes, those in the trash too, into another class and delete the empty classes.

        Raises:
            UnknownDatasetError: no such class, or one of them or the dataset is in the trash.
            DatasetError: there is no second class to merge, or the classes belong to several datasets.
        """
        with self._database.session() as session:
            dataset, target = lock_class(session, into_id)
            merged = [lock_class(session, class_id)[1] for class_id in sorted({*class_ids} - {into_id})]
            _check_mergeable(target, merged)
            summary = f"Merged {', '.join(f'“{one.name}”' for one in merged)} into “{target.name}”"
            merged_ids = [one.id for one in merged]
            changes = change_rows(session, "image", _images_of(session, merged_ids), values={"class_id": into_id})
            changes += change_rows(session, "class", merged_ids, values={"trashed_at": mark_changed(dataset)})
            return record_operation(session, dataset, kind="merge_classes", summary=summary, changes=changes)

    def delete_class(self, class_id: int) -> OperationView:
        """Put a class and its images into the trash.

        Raises:
            UnknownDatasetError: no such class, or it or its dataset is in the trash.
        """
        with self._database.session() as session:
            dataset, deleted = lock_class(session, class_id)
            name = deleted.name
            values = {"trashed_at": mark_changed(dataset)}
            image_ids = _images_of(session, [class_id], is_live=True)
            changes = change_rows(session, "image", image_ids, values=values)
            changes += change_rows(session, "class", [class_id], values=values)
            summary = f"Deleted the class “{name}” with {num_photos(len(image_ids))}"
            return record_operation(session, dataset, kind="delete_class", summary=summary, changes=changes)


class Library(DatasetShelf, ClassShelf, ImageShelf, PhotoIndex, CheckLog, ImportLog):
    """Everything about the datasets of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)


def _insert_dataset(session: Session, name: str) -> Dataset:
    name = clean_name(name, "dataset")
    now = time.time()
    dataset = Dataset(name=name, name_key=name_key(name), revision=1, created_at=now, changed_at=now)
    with refusing_taken_name(session, "dataset", name):
        session.add(dataset)
    return dataset


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


def _check_mergeable(target: DatasetClass, merged: Sequence[DatasetClass]) -> None:
    if not merged:
        raise DatasetError(f"There is nothing to merge into “{target.name}”. Select at least one other class.")
    if any(one.dataset_id != target.dataset_id for one in merged):
        raise DatasetError("The classes belong to several datasets; only classes of one can be merged.")


def _images_of(session: Session, class_ids: Collection[int], *, is_live: bool = False) -> Sequence[int]:
    statement = select(DatasetImage.id).where(DatasetImage.class_id.in_(class_ids))
    if is_live:
        statement = statement.where(DatasetImage.trashed_at.is_(None))
    return session.scalars(statement).all()


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


def _class_view(found: DatasetClass, num_images: int) -> ClassView:
    return ClassView(
        id=found.id,
        dataset_id=found.dataset_id,
        name=found.name,
        position=found.position,
        num_images=num_images,
    )
