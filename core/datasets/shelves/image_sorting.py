"""Putting images into classes, many at a time, within the transaction of a caller."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from core.datasets.pile import review_in
from core.datasets.records import Split, SplitOrigin
from core.datasets.shelves.history import RowChange, change_rows, num_rows
from core.datasets.shelves.image_rows import select_ids, split_values
from core.datasets.shelves.rows import chunked, lock_class
from core.errors import DatasetError
from core.storage.schema import Dataset, DatasetClass, DatasetImage


def values_in(target: DatasetClass) -> dict[str, Any]:
    """The columns of an image that coming into a class changes."""
    return {"class_id": target.id, "review": review_in(target.name)}


def sort_images(
    session: Session, dataset: Dataset, class_of: Mapping[int, int], split: Split | Literal["keep"] | None
) -> list[RowChange]:
    """Put images of a locked dataset into classes, and into a split; arguments and errors as of `ImageShelf.sort`."""
    own = set(select_ids(session, class_of, _is_live_in(dataset.id)))
    changes = []
    for class_id in sorted(set(class_of.values())):
        its_dataset, target = lock_class(session, class_id)
        if its_dataset.id != dataset.id:
            raise DatasetError(f"The class “{target.name}” belongs to another dataset. Choose one of this one.")
        coming = {image_id for image_id, its_class in class_of.items() if its_class == class_id}
        leaving = select_ids(session, sorted(own & coming), DatasetImage.class_id != class_id)
        changes += change_rows(session, "image", leaving, values=values_in(target))
    if split != "keep":
        together = sorted(own | select_companions(session, own))
        changes += change_rows(session, "image", together, values=split_values(split, SplitOrigin.PERSON))
    return changes


def num_sorted(changes: Sequence[RowChange]) -> int:
    """How many images have come into another class."""
    return num_rows([change for change in changes if "class_id" in change.after])


def name_of_target(session: Session, class_of: Mapping[int, int]) -> str:
    """The class that images were sorted into, or how many there were."""
    class_ids = set(class_of.values())
    if len(class_ids) > 1:
        return f"{len(class_ids):,} classes"
    return f"“{session.get_one(DatasetClass, class_ids.pop()).name}”"


def select_companions(session: Session, image_ids: Collection[int]) -> set[int]:
    """The living images of every capture that one of these images of a dataset belongs to."""
    captures = {
        capture_id
        for chunk in chunked(image_ids)
        for capture_id in session.scalars(select(DatasetImage.capture_id).where(DatasetImage.id.in_(chunk)).distinct())
        if capture_id is not None
    }
    return {
        image_id
        for chunk in chunked(sorted(captures))
        for image_id in session.scalars(
            select(DatasetImage.id).where(DatasetImage.capture_id.in_(chunk), DatasetImage.trashed_at.is_(None))
        )
    }


def _is_live_in(dataset_id: int) -> ColumnElement[bool]:
    return and_(DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_(None))
