"""The rows of images: read, checked and inserted within the transaction of a caller."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, insert, select
from sqlalchemy.orm import Session

from core.datasets.pile import review_in
from core.datasets.records import ImageView, NewImage, Review, Split, SplitOrigin
from core.datasets.shelves.photo_index import insert_missing_photos
from core.datasets.shelves.rows import chunked, lock_dataset
from core.errors import DatasetError, UnknownDatasetError
from core.names import clean_label, clean_name, clean_text, name_key
from core.storage.schema import Capture, Dataset, DatasetClass, DatasetImage

_IMAGE_COLUMNS = tuple(DatasetImage.__table__.columns)


def num_photos(number: int) -> str:
    """A number of photos in words, such as "1 photo"."""
    return "1 photo" if number == 1 else f"{number:,} photos"


def find_or_create_class(session: Session, dataset: Dataset, name: str) -> DatasetClass:
    """The living class of a locked dataset with this name, made when there is none.

    Raises:
        NameRefusedError: a class cannot have the name.
    """
    name = clean_name(name, "class")
    key = name_key(name)
    same = select(DatasetClass).where(
        DatasetClass.dataset_id == dataset.id, DatasetClass.name_key == key, DatasetClass.trashed_at.is_(None)
    )
    return session.scalar(same) or insert_class(session, dataset, name)


def insert_class(session: Session, dataset: Dataset, name: str) -> DatasetClass:
    """Make a class with a clean name in a locked dataset.

    Raises:
        IntegrityError: the name is taken.
    """
    last = session.scalar(select(func.max(DatasetClass.position)).where(DatasetClass.dataset_id == dataset.id))
    created = DatasetClass(
        dataset_id=dataset.id,
        name=name,
        name_key=name_key(name),
        position=0 if last is None else last + 1,
        created_at=dataset.changed_at,
    )
    session.add(created)
    session.flush()
    return created


def insert_images(session: Session, dataset: Dataset, images: Sequence[NewImage]) -> list[int]:
    """Add images to a locked dataset, with photos, classes and captures that are missing; returns their numbers."""
    insert_missing_photos(session, (image.photo for image in images))
    class_names = dict.fromkeys(image.class_name for image in images)
    class_ids = {name: find_or_create_class(session, dataset, name).id for name in class_names}
    labels = dict.fromkeys(clean_label(image.capture) for image in images if image.capture is not None)
    capture_ids = _find_or_create_captures(session, dataset, labels)
    rows = [
        {
            "dataset_id": dataset.id,
            "class_id": class_ids[image.class_name],
            "photo_hash": image.photo.hash,
            "name": clean_label(image.name),
            **split_values(image.split, image.split_origin or SplitOrigin.IMPORTED),
            "capture_id": None if image.capture is None else capture_ids[clean_label(image.capture)],
            "source_url": None if image.source_url is None else clean_text(image.source_url),
            "added_at": dataset.changed_at,
            "trashed_at": None,
            "review": image.review or review_in(image.class_name),
        }
        for image in images
    ]
    return list(session.scalars(insert(DatasetImage).returning(DatasetImage.id, sort_by_parameter_order=True), rows))


def _find_or_create_captures(session: Session, dataset: Dataset, labels: Collection[str]) -> dict[str, int]:
    if not labels:
        return {}
    statement = select(Capture.label, Capture.id).where(Capture.dataset_id == dataset.id)
    known = dict(session.execute(statement).all())
    rows = [
        {"dataset_id": dataset.id, "label": label, "created_at": dataset.changed_at}
        for label in labels
        if label not in known
    ]
    if rows:
        session.execute(insert(Capture), rows)
    return dict(session.execute(statement).all())


def lock_dataset_of(session: Session, image_ids: Collection[int]) -> Dataset:
    """Lock the dataset that all of these images belong to; errors as of `check_images` and `lock_dataset`."""
    dataset_id = check_images(session, image_ids)
    return lock_dataset(session, dataset_id)


def check_images(session: Session, image_ids: Collection[int], dataset: Dataset | None = None) -> int:
    """The dataset that all of these images belong to; an image never changes its dataset."""
    if not image_ids:
        raise DatasetError("No photos are selected. Select at least one.")
    dataset_ids = {
        dataset_id
        for chunk in chunked(image_ids)
        for dataset_id in session.scalars(select(DatasetImage.dataset_id).where(DatasetImage.id.in_(chunk)).distinct())
    }
    if not dataset_ids:
        raise UnknownDatasetError(f"The {num_photos(len(image_ids))} selected were deleted for good meanwhile.")
    if dataset is not None:
        dataset_ids.add(dataset.id)
    if len(dataset_ids) > 1:
        raise DatasetError(f"The photos selected belong to {len(dataset_ids)} datasets; change those of one at a time.")
    return dataset_ids.pop()


def select_ids(session: Session, image_ids: Collection[int], condition: ColumnElement[bool]) -> list[int]:
    """Those of the images that meet a condition."""
    return [
        image_id
        for chunk in chunked(image_ids)
        for image_id in session.scalars(select(DatasetImage.id).where(DatasetImage.id.in_(chunk), condition))
    ]


def split_values(split: Split | None, origin: SplitOrigin) -> dict[str, str | None]:
    """The columns of an image that a split changes: without a split there is no origin of it either."""
    return {"split": split, "split_origin": None if split is None else origin}


def select_images(*order: Any) -> Select[Any]:
    """Every column of images, in an order that is always the same."""
    return select(*_IMAGE_COLUMNS).select_from(DatasetImage).order_by(*order, DatasetImage.id)


def image_view(row: Row[Any]) -> ImageView:
    """What the library hands out about an image."""
    return ImageView(
        id=row.id,
        dataset_id=row.dataset_id,
        class_id=row.class_id,
        photo_hash=row.photo_hash,
        name=row.name,
        split=None if row.split is None else Split(row.split),
        split_origin=None if row.split_origin is None else SplitOrigin(row.split_origin),
        capture_id=row.capture_id,
        source_url=row.source_url,
        added_at=row.added_at,
        trashed_at=row.trashed_at,
        review=None if row.review is None else Review(row.review),
    )
