"""The classes of datasets: made, renamed, merged and trashed."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from core.datasets.pile import is_pile, review_in
from core.datasets.records import ClassView, OperationView
from core.datasets.shelves.history import RowChange, change_rows, record_operation
from core.datasets.shelves.image_rows import insert_class, num_photos
from core.datasets.shelves.rows import (
    Shelf,
    lock_class,
    lock_dataset,
    mark_changed,
    refusing_taken_name,
)
from core.errors import DatasetError
from core.names import clean_name, name_key
from core.storage.one_look import read_once
from core.storage.schema import (
    DatasetClass,
    DatasetImage,
)


class ClassShelf(Shelf):
    """The classes of datasets."""

    @read_once
    def of(self, dataset_id: int) -> list[ClassView]:
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

    def create(self, dataset_id: int, name: str) -> ClassView:
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

    def rename(self, class_id: int, name: str) -> OperationView | None:
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
            was, summary = renamed.name, f"Renamed “{renamed.name}” to “{name}”"
            with refusing_taken_name(session, "class", name):
                values = {"name": name, "name_key": name_key(name)}
                changes = change_rows(session, "class", [class_id], values=values)
            changes += _mark(session, renamed.id, is_pile(was), name)
            mark_changed(dataset)
            return record_operation(session, dataset, kind="rename_class", summary=summary, changes=changes)

    def merge(self, class_ids: Collection[int], into_id: int) -> OperationView:
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
            changes = [change for one in merged for change in _mark(session, one.id, is_pile(one.name), target.name)]
            changes += change_rows(session, "image", _images_of(session, merged_ids), values={"class_id": into_id})
            changes += change_rows(session, "class", merged_ids, values={"trashed_at": mark_changed(dataset)})
            return record_operation(session, dataset, kind="merge_classes", summary=summary, changes=changes)

    def delete(self, class_id: int) -> OperationView:
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


def _mark(session: Session, class_id: int, was_pile: bool, name: str) -> list[RowChange]:
    """Mark the images of a class as it is done where they would come into one of this name, if it tells a difference.

    Photos on the pile are unsure, and others are not for that reason; other marks stay.
    """
    if was_pile == is_pile(name):
        return []
    return change_rows(session, "image", _images_of(session, [class_id]), values={"review": review_in(name)})


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


def _class_view(found: DatasetClass, num_images: int) -> ClassView:
    return ClassView(
        id=found.id,
        dataset_id=found.dataset_id,
        name=found.name,
        position=found.position,
        num_images=num_images,
    )
