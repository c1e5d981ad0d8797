"""A dataset as it goes from one workspace to another: what is out of its trash, and how its photos came."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.datasets.records import ImportState, Review, Split, SplitOrigin
from core.datasets.shelves.image_rows import split_values
from core.datasets.shelves.rows import chunked, is_name_taken, refusing_taken_name
from core.errors import RecordError
from core.names import clean_label, clean_name, clean_names, clean_text, first_free, name_key
from core.records import Record
from core.storage.column_values import LARGEST_NUMBER, is_moment
from core.storage.own_rows import space_of
from core.storage.own_use import check_room
from core.storage.schema import Capture, Dataset, DatasetClass, DatasetImage, DismissedFinding, PhotoImport

_PHOTO_HASH = re.compile("[0-9a-f]{64}")
_ROWS_AT_ONCE = 1_000
_MAX_ARRIVALS = 200  # the newest imports: as many as the page lists
_MAX_REFUSED = 1_000  # names of refused files of one import


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival(Record):
    """One import of photos that is over, as the list *How these photos came* shows it; times in Unix seconds."""

    title: str
    num_accepted: int
    num_refused: int
    refused: tuple[tuple[str, str], ...]  # (file name, reason), the first of them
    notes: tuple[str, ...]
    created_at: float
    finished_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDataset(Record):
    """A dataset without its images."""

    name: str
    class_names: tuple[str, ...]  # in their order, empty classes too
    captures: tuple[str, ...]  # labels
    dismissed: tuple[str, ...]  # keys of findings that somebody has said are fine
    arrivals: tuple[Arrival, ...]  # oldest first

    def check(self) -> None:
        """Refuse names that no dataset has, or not beside each other.

        Raises:
            NameRefusedError: the dataset or a class cannot have its name, or two classes are named the same.
            RecordError: two captures have one label, or an import has times or numbers that cannot be.
        """
        clean_name(self.name, "dataset")
        clean_names(self.class_names, "class")
        if len({clean_label(label) for label in self.captures}) != len(self.captures):
            raise RecordError(f"Two groups of photos of the dataset “{self.name}” have one label.")
        for each in self.arrivals:
            is_counted = all(0 <= number <= LARGEST_NUMBER for number in (each.num_accepted, each.num_refused))
            if not (is_counted and is_moment(each.created_at) and is_moment(each.finished_at)):
                raise RecordError(f"An import of the dataset “{self.name}” has times or numbers that cannot be.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeImage(Record):
    """An image of it."""

    is_json_row: ClassVar[bool] = True

    class_index: int  # into `WholeDataset.class_names`
    photo_hash: str
    name: str
    split: Split | None
    split_origin: SplitOrigin | None
    capture_index: int | None  # into `WholeDataset.captures`
    source_url: str | None
    added_at: float  # Unix seconds
    review: Review | None

    def check(self, dataset: WholeDataset) -> None:
        """Refuse what no image of the dataset is.

        Raises:
            RecordError: it is in a class or capture that is not there, or its photo has no name.
        """
        is_placed = 0 <= self.class_index < len(dataset.class_names)
        is_captured = self.capture_index is None or 0 <= self.capture_index < len(dataset.captures)
        if not (is_placed and is_captured and _PHOTO_HASH.fullmatch(self.photo_hash) and is_moment(self.added_at)):
            raise RecordError(f"The image “{self.name[:40]}” is in no class, or its photo or capture is none.")


def read_whole_dataset(session: Session, dataset: Dataset) -> tuple[WholeDataset, dict[int, int], dict[int, int]]:
    """A dataset without its images, as one transaction sees it.

    Returns:
        The dataset, and the indices of its classes and of its captures by their numbers in the database.
    """
    of_classes = (
        select(DatasetClass.id, DatasetClass.name)
        .where(DatasetClass.dataset_id == dataset.id, DatasetClass.trashed_at.is_(None))
        .order_by(DatasetClass.position, DatasetClass.id)
    )
    of_captures = select(Capture.id, Capture.label).where(Capture.dataset_id == dataset.id).order_by(Capture.id)
    of_dismissed = select(DismissedFinding.finding_key).where(DismissedFinding.dataset_id == dataset.id)
    classes, captures = session.execute(of_classes).all(), session.execute(of_captures).all()
    whole = WholeDataset(
        name=dataset.name,
        class_names=tuple(name for _, name in classes),
        captures=tuple(label for _, label in captures),
        dismissed=tuple(sorted(session.scalars(of_dismissed))),
        arrivals=tuple(_read_arrivals(session, dataset.id)),
    )
    return whole, _positions(classes), _positions(captures)


def read_whole_images(
    session: Session, dataset: Dataset, *, classes: dict[int, int], captures: dict[int, int]
) -> Iterator[WholeImage]:
    """The images of a dataset out of its trash, in the order in which they came.

    Args:
        session: that of `read_whole_dataset`.
        dataset: whose images.
        classes: indices of its classes.
        captures: indices of its captures.
    """
    statement = (
        select(DatasetImage)
        .where(DatasetImage.dataset_id == dataset.id, DatasetImage.trashed_at.is_(None))
        .order_by(DatasetImage.id)
    )
    columns = statement.with_only_columns(*DatasetImage.__table__.columns).select_from(DatasetImage)
    for row in session.execute(columns.execution_options(yield_per=_ROWS_AT_ONCE)):
        if row.class_id not in classes:
            continue  # the class is in the trash, and its images with it
        yield WholeImage(
            class_index=classes[row.class_id],
            photo_hash=row.photo_hash,
            name=row.name,
            split=None if row.split is None else Split(row.split),
            split_origin=None if row.split_origin is None else SplitOrigin(row.split_origin),
            capture_index=None if row.capture_id is None else captures[row.capture_id],
            source_url=row.source_url,
            added_at=row.added_at,
            review=None if row.review is None else Review(row.review),
        )


def insert_whole_dataset(session: Session, whole: WholeDataset, images: Iterable[WholeImage]) -> Dataset:
    """Make a dataset that came from elsewhere, under a numbered name where another has its name.

    Args:
        session: of a transaction, in which the photos are known.
        whole: checked.
        images: checked, in the order in which they came.

    Raises:
        LimitReachedError: the space has no room for all of them.
    """
    now = time.time()
    name = first_free(clean_name(whole.name, "dataset"), lambda key: is_name_taken(session, key))
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
    class_ids = _insert_classes(session, dataset, clean_names(whole.class_names, "class"))
    capture_ids = _insert_captures(session, dataset, [clean_label(label) for label in whole.captures])
    for chunk in chunked(images):
        check_room(session, photos=len(chunk))
        session.execute(insert(DatasetImage), [_image_row(dataset, image, class_ids, capture_ids) for image in chunk])
    keys = sorted(set(map(clean_text, whole.dismissed)))
    session.add_all(DismissedFinding(dataset_id=dataset.id, finding_key=key, dismissed_at=now) for key in keys)
    for arrival in whole.arrivals[-_MAX_ARRIVALS:]:
        # What was asked for over there names folders that are not here.
        add_arrival(session, dataset, arrival, request={"title": clean_label(arrival.title)}, is_news=False)
    session.flush()
    return dataset


def add_arrival(
    session: Session, dataset: Dataset, arrival: Arrival, *, request: dict[str, Any], is_news: bool
) -> None:
    """Note an import that is over.

    Args:
        session: of a transaction.
        dataset: into which it brought photos.
        arrival: how it ended.
        request: what was asked for, with its `title`.
        is_news: whether its report is to be shown; else it stands in the list of how the photos came only.
    """
    session.add(
        PhotoImport(
            dataset_id=dataset.id,
            request=request,
            state=ImportState.DONE,
            num_accepted=arrival.num_accepted,
            num_refused=arrival.num_refused,
            refused=[[clean_label(name), clean_text(reason)] for name, reason in arrival.refused[:_MAX_REFUSED]],
            created_at=arrival.created_at,
            finished_at=arrival.finished_at,
            notes=[clean_text(note) for note in arrival.notes],
            dismissed_at=None if is_news else arrival.finished_at,
        )
    )
    session.flush()  # one after the other: their numbers are their order


def _read_arrivals(session: Session, dataset_id: int) -> list[Arrival]:
    statement = (
        select(PhotoImport)
        .where(PhotoImport.dataset_id == dataset_id, PhotoImport.state == ImportState.DONE)
        .order_by(PhotoImport.id.desc())
        .limit(_MAX_ARRIVALS)
    )
    return [
        Arrival(
            title=str(found.request.get("title") or "Import"),
            num_accepted=found.num_accepted,
            num_refused=found.num_refused,
            refused=tuple((name, reason) for name, reason in found.refused[:_MAX_REFUSED]),
            notes=tuple(found.notes),
            created_at=found.created_at,
            finished_at=found.finished_at or found.created_at,
        )
        for found in reversed(session.scalars(statement).all())
    ]


def _positions(rows: Iterable[Any]) -> dict[int, int]:
    return {row.id: position for position, row in enumerate(rows)}


def _insert_classes(session: Session, dataset: Dataset, names: Sequence[str]) -> list[int]:
    rows = [
        DatasetClass(
            dataset_id=dataset.id,
            name=name,
            name_key=name_key(name),
            position=position,
            created_at=dataset.created_at,
        )
        for position, name in enumerate(names)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def _insert_captures(session: Session, dataset: Dataset, labels: Sequence[str]) -> list[int]:
    rows = [Capture(dataset_id=dataset.id, label=label, created_at=dataset.created_at) for label in labels]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def _image_row(
    dataset: Dataset, image: WholeImage, class_ids: Sequence[int], capture_ids: Sequence[int]
) -> dict[str, Any]:
    return {
        "dataset_id": dataset.id,
        "class_id": class_ids[image.class_index],
        "photo_hash": image.photo_hash,
        "name": clean_label(image.name),
        **split_values(image.split, image.split_origin or SplitOrigin.IMPORTED),
        "capture_id": None if image.capture_index is None else capture_ids[image.capture_index],
        "source_url": None if image.source_url is None else clean_text(image.source_url),
        "added_at": image.added_at,
        "trashed_at": None,
        "review": image.review,
    }
