"""Snapshots: a dataset frozen for a run, named by the hash of its content.

Only class names, splits and photos count, not the numbers, order or names of images: the same content has the same
hash on every machine. A photo that a snapshot refers to is never forgotten, whatever becomes of the dataset.
Spaces with the same content share a snapshot, and each sees it only as its own: where it has it from is noted for each.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.datasets.records import Review, SnapshotImageView, SnapshotView, Split
from core.datasets.shelves.rows import lock_dataset
from core.errors import DatasetError, UnknownDatasetError
from core.storage.db import Database
from core.storage.one_look import read_once
from core.storage.own_rows import space_of
from core.storage.schema import Dataset, DatasetClass, DatasetImage, Snapshot, SnapshotImage, SnapshotOrigin

FORMAT_VERSION = 1  # part of what is hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    hash: str  # of the other two
    class_names: tuple[str, ...]  # sorted
    rows: tuple[tuple[str, str | None, str], ...]  # (class name, split, photo hash), sorted


def take_snapshot(database: Database, dataset_id: int) -> SnapshotView:
    """Freeze the images of a dataset that are out of the trash and not marked as unsure; empty classes are left out.

    Returns:
        The snapshot with this content; the old one when there is one already, whichever dataset it came from.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
        DatasetError: the dataset has no such images.
    """
    try:
        with database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            content = _read_content(session, dataset)
            _note_snapshot(session, dataset, content, dataset.name)
            return load_snapshot_in(session, content.hash)
    except IntegrityError:  # another process froze the same content of another dataset at the same moment
        with database.session() as session:
            _note_snapshot(session, lock_dataset(session, dataset_id), content, dataset.name)
            return load_snapshot_in(session, content.hash)


@read_once
def load_snapshot(database: Database, snapshot_hash: str) -> SnapshotView:
    """A snapshot that was taken before.

    Raises:
        UnknownDatasetError: no such snapshot.
    """
    with database.read_session() as session:
        return load_snapshot_in(session, snapshot_hash)


def insert_snapshot(
    session: Session,
    dataset: Dataset,
    *,
    dataset_name: str,
    class_names: Sequence[str],
    rows: Sequence[tuple[str, str | None, str]],
) -> str:
    """Note a snapshot that was taken in another workspace, unless the same is here already; its hash.

    Args:
        session: of a transaction, in which its photos are known.
        dataset: under which it came.
        dataset_name: of the dataset that it was taken from.
        class_names: sorted.
        rows: (class name, split, photo hash) of each photo, sorted as `hash_snapshot` says.
    """
    content = _Content(hash=hash_snapshot(class_names, rows), class_names=tuple(class_names), rows=tuple(rows))
    _note_snapshot(session, dataset, content, dataset_name)
    return content.hash


def hash_snapshot(class_names: Sequence[str], rows: Sequence[tuple[str, str | None, str]]) -> str:
    """The name of a snapshot: SHA-256 of its content as JSON in one canonical form.

    Args:
        class_names: sorted; every one has photos.
        rows: (class name, split, photo hash) of each photo, sorted, no split being the empty text.
    """
    document = {"version": FORMAT_VERSION, "classes": class_names, "images": rows}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _read_content(session: Session, dataset: Dataset) -> _Content:
    statement = (
        select(DatasetClass.name, DatasetImage.split, DatasetImage.photo_hash, DatasetImage.review)
        .join(DatasetClass, DatasetClass.id == DatasetImage.class_id)
        .where(
            DatasetImage.dataset_id == dataset.id,
            DatasetImage.trashed_at.is_(None),
            DatasetClass.trashed_at.is_(None),
        )
    )
    images = session.execute(statement).all()
    if not images:
        raise DatasetError(f"The dataset “{dataset.name}” has no photos; add some first.")
    # Sorted here, because databases differ in how they order letters.
    rows = sorted(((row[0], row[1], row[2]) for row in images if row[3] != Review.UNSURE), key=snapshot_order)
    if not rows:
        raise DatasetError(
            f"All photos of the dataset “{dataset.name}” are marked as unsure, and nothing is learned from those. "
            "Clear the marks of some, or add others."
        )
    class_names = tuple(sorted({row[0] for row in rows}))
    return _Content(hash=hash_snapshot(class_names, rows), class_names=class_names, rows=tuple(rows))


def snapshot_order(row: tuple[str, str | None, str]) -> tuple[str, str, str]:
    """What (class name, split, photo hash) of the photos of a snapshot are sorted by."""
    class_name, split, photo_hash = row
    return class_name, split or "", photo_hash


def _note_snapshot(session: Session, dataset: Dataset, content: _Content, dataset_name: str) -> None:
    """Note what is not known yet: the snapshot, and that the space of the session has it."""
    if session.get(Snapshot, content.hash) is None:
        _insert_snapshot(session, content, time.time())
    note_origin(session, content.hash, dataset_id=dataset.id, dataset_name=dataset_name)


def _insert_snapshot(session: Session, content: _Content, created_at: float) -> None:
    session.add(
        Snapshot(
            hash=content.hash,
            class_names=list(content.class_names),
            num_images=len(content.rows),
            created_at=created_at,
        )
    )
    session.flush()
    class_indices = {name: index for index, name in enumerate(content.class_names)}
    session.execute(
        insert(SnapshotImage),
        [
            {
                "snapshot_hash": content.hash,
                "position": position,
                "photo_hash": photo_hash,
                "class_index": class_indices[class_name],
                "split": split,
            }
            for position, (class_name, split, photo_hash) in enumerate(content.rows)
        ],
    )


def note_origin(session: Session, snapshot_hash: str, *, dataset_id: int | None, dataset_name: str) -> None:
    """Note that the space of a session has a snapshot, unless it has it already.

    Args:
        session: of a transaction that writes.
        snapshot_hash: of a snapshot that was taken, by whomever.
        dataset_id: of the dataset under which the space has it; None: of none.
        dataset_name: what that is called.
    """
    if find_origin(session, snapshot_hash) is None:
        session.add(
            SnapshotOrigin(
                snapshot_hash=snapshot_hash,
                space_id=space_of(session),
                dataset_id=dataset_id,
                dataset_name=dataset_name,
                created_at=time.time(),
            )
        )
        session.flush()


def find_origin(session: Session, snapshot_hash: str) -> SnapshotOrigin | None:
    """Where the space of a session has a snapshot from, in the whole database the one that had it first.

    None: it has none of this hash.
    """
    of_it = select(SnapshotOrigin).where(SnapshotOrigin.snapshot_hash == snapshot_hash)
    return session.scalars(of_it.order_by(SnapshotOrigin.created_at, SnapshotOrigin.space_id).limit(1)).first()


def load_snapshot_in(session: Session, snapshot_hash: str) -> SnapshotView:
    """A snapshot, as a transaction sees it; raises like `load_snapshot`."""
    snapshot, origin = session.get(Snapshot, snapshot_hash), find_origin(session, snapshot_hash)
    if snapshot is None or origin is None:
        raise UnknownDatasetError(f"No snapshot has the hash {snapshot_hash[:12]}….")
    statement = (
        select(SnapshotImage.photo_hash, SnapshotImage.class_index, SnapshotImage.split)
        .where(SnapshotImage.snapshot_hash == snapshot_hash)
        .order_by(SnapshotImage.position)
    )
    return SnapshotView(
        hash=snapshot.hash,
        dataset_id=origin.dataset_id,
        dataset_name=origin.dataset_name,
        class_names=tuple(snapshot.class_names),
        images=tuple(
            SnapshotImageView(
                photo_hash=photo_hash, class_index=class_index, split=None if split is None else Split(split)
            )
            for photo_hash, class_index, split in session.execute(statement)
        ),
        created_at=origin.created_at,
    )
