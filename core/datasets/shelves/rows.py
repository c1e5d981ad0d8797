"""What the parts of the library share when they read and change rows.

Whoever changes a dataset locks its row first (on SQLite: is the only writer), so what was checked stays true.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import NameRefusedError, UnknownDatasetError
from core.storage.db import Database
from core.storage.schema import Dataset, DatasetClass

# Values in one list of a statement: SQLite takes 32,766 in all, older ones 999.
CHUNK_SIZE = 900
# Each try fails only when another process writes the same row within the same milliseconds.
WRITE_TRIES = 10

Item = TypeVar("Item")


class Shelf:
    """A part of the library on one database; every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database


def chunked(items: Iterable[Item]) -> Iterator[Sequence[Item]]:
    """The items in lists short enough for one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK_SIZE)):
        yield chunk


def lock_dataset(session: Session, dataset_id: int) -> Dataset:
    """Lock a dataset that is not in the trash until the end of the transaction.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
    """
    dataset = lock_any_dataset(session, dataset_id)
    if dataset.trashed_at is not None:
        raise UnknownDatasetError(f"The dataset “{dataset.name}” was deleted. Restore it first.")
    return dataset


def lock_any_dataset(session: Session, dataset_id: int) -> Dataset:
    """Lock a dataset, in the trash or not, until the end of the transaction.

    Raises:
        UnknownDatasetError: no such dataset.
    """
    session.flush()  # reading the row again would drop what is not written yet
    dataset = session.get(Dataset, dataset_id, with_for_update=True, populate_existing=True)
    if dataset is None:
        raise unknown_dataset(dataset_id)
    return dataset


def lock_class(session: Session, class_id: int) -> tuple[Dataset, DatasetClass]:
    """Lock the dataset of a class that is not in the trash.

    Raises:
        UnknownDatasetError: no such class, or it or its dataset is in the trash.
    """
    dataset_id = session.scalar(select(DatasetClass.dataset_id).where(DatasetClass.id == class_id))
    dataset = None if dataset_id is None else lock_dataset(session, dataset_id)
    found = session.get(DatasetClass, class_id)
    if dataset is None or found is None:
        raise UnknownDatasetError(f"No class has the number {class_id}; it may have been deleted for good.")
    if found.trashed_at is not None:
        raise UnknownDatasetError(f"The class “{found.name}” was deleted. Restore it first.")
    return dataset, found


def mark_changed(dataset: Dataset) -> float:
    """Note that a locked dataset changes, and return the time of the change."""
    dataset.revision += 1
    dataset.changed_at = time.time()
    return dataset.changed_at


def is_name_taken(session: Session, key: str, *, dataset_id: int | None = None, other_than: int | None = None) -> bool:
    """Whether a living class of a dataset, or without one a living dataset, has a name with this key."""
    row = Dataset if dataset_id is None else DatasetClass
    same = select(row.id).where(row.name_key == key, row.trashed_at.is_(None))
    if dataset_id is not None:
        same = same.where(DatasetClass.dataset_id == dataset_id)
    if other_than is not None:
        same = same.where(row.id != other_than)
    return session.scalar(same.limit(1)) is not None


@contextmanager
def refusing_taken_name(session: Session, what: str, name: str) -> Iterator[None]:
    """Write a name in the block; the database, which nobody can outrun, says whether it is taken.

    Raises:
        NameRefusedError: another dataset, or another class of the dataset, has the same name.
    """
    try:
        yield
        session.flush()
    except IntegrityError as exc:
        raise NameRefusedError(
            f"There is a {what} named “{name}” already; capitals and spaces do not count. Choose another name."
        ) from exc


def unknown_dataset(dataset_id: int) -> UnknownDatasetError:
    """The error for a number that no dataset has."""
    return UnknownDatasetError(f"No dataset has the number {dataset_id}; it may have been deleted for good.")
