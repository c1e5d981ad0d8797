"""The photos that the database knows; `core.photos.store` holds their bytes."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.datasets.shelves.rows import WRITE_TRIES, Shelf, chunked
from core.errors import DatasetError
from core.photos.record import PhotoRecord
from core.storage.db import Database
from core.storage.own_rows import is_of_one_space
from core.storage.schema import DatasetImage, Photo, Run, Snapshot, SnapshotImage

_NOT_FOR_ONE_SPACE = "Only the library of the whole database knows what nobody needs; this one is that of one space."


class PhotoIndex(Shelf):
    """What is known about each stored photo, and which of them nothing needs any more.

    Photos are shared by all spaces. So of one space the photos are those that it has in a dataset or learned from, and
    what nothing needs can only be asked of the whole database.
    """

    def add(self, photos: Sequence[PhotoRecord]) -> None:
        """Make photos known; those known already count as arrived now, so that nobody cleans them away.

        A long import calls it as its photos arrive, before it asks the store whether it has them.

        Raises:
            DatasetError: too many others write the same photos.
        """
        for _ in range(WRITE_TRIES):
            try:
                with self._database.session() as session:
                    insert_missing_photos(session, photos)
                    _mark_arrived(session, {photo.hash for photo in photos})
                return
            except IntegrityError:
                continue  # another process made one of them known first
        raise DatasetError(f"{len(photos)} photos could not be noted: others write the same ones. Try again.")

    def get(self, hashes: Collection[str]) -> dict[str, PhotoRecord]:
        """The known ones among these photos, by hash."""
        with self._database.read_session() as session:
            return {
                photo.hash: _photo_record(photo)
                for chunk in chunked(hashes)
                for photo in session.scalars(of_space(select(Photo), session).where(Photo.hash.in_(chunk)))
            }

    def save_measurements(self, measurements: Mapping[str, dict[str, Any]]) -> None:
        """Keep what was measured of photos again, by hash; unknown photos are left out."""
        with self._database.session() as session:
            for chunk in chunked(sorted(measurements)):
                rows = [{"hash": photo_hash, "measurements": measurements[photo_hash]} for photo_hash in chunk]
                known = select_own_hashes(session, chunk)
                session.execute(update(Photo), [row for row in rows if row["hash"] in known])

    def known(self, hashes: Collection[str]) -> set[str]:
        """Which of these hashes belong to known photos."""
        with self._database.read_session() as session:
            return select_own_hashes(session, hashes)

    def unreferenced(self, arrived_before: float) -> list[PhotoRecord]:
        """Photos in no dataset, trash or snapshot that arrived before this moment (Unix seconds), oldest first.

        Raises:
            RuntimeError: the library is that of one space.
        """
        statement = (
            select(Photo)
            .where(~_is_referenced(), Photo.created_at < arrived_before)
            .order_by(Photo.created_at, Photo.hash)
        )
        with self._whole().read_session() as session:
            return [_photo_record(photo) for photo in session.scalars(statement)]

    def forget_snapshots(self, older_than_seconds: float) -> int:
        """Delete the snapshots that no run refers to and that were taken longer ago than this; returns how many.

        Their photos are then needed no more, unless a dataset or another snapshot has them.

        Raises:
            RuntimeError: the library is that of one space.
        """
        forgotten = 0
        unneeded = (~exists().where(Run.snapshot_hash == Snapshot.hash), Snapshot.created_at < _ago(older_than_seconds))
        with self._whole().session() as session:
            # Locked first, like photos below: whoever begins a run with one has it locked.
            hashes = session.scalars(select(Snapshot.hash).where(*unneeded).with_for_update(skip_locked=True)).all()
            for chunk in chunked(hashes):
                deleted = delete(Snapshot).where(Snapshot.hash.in_(chunk), *unneeded).returning(Snapshot.hash)
                forgotten += len(session.scalars(deleted.execution_options(synchronize_session=False)).all())
        return forgotten

    def forget(self, hashes: Collection[str]) -> set[str]:
        """Remove photos that nothing refers to.

        Returns:
            Those that are no longer known; only their files may be deleted.

        Raises:
            RuntimeError: the library is that of one space.
        """
        forgotten: set[str] = set()
        with self._whole().session() as session:
            for chunk in chunked(sorted(hashes)):
                # Locked first: on PostgreSQL the deletion then sees what others have referred to meanwhile. Those
                # that somebody else has locked are about to be referred to; waiting for them could be for ever.
                lockable = select(Photo.hash).where(Photo.hash.in_(chunk)).with_for_update(skip_locked=True)
                locked = session.scalars(lockable).all()
                session.execute(
                    delete(Photo)
                    .where(Photo.hash.in_(locked), ~_is_referenced())
                    .execution_options(synchronize_session=False)
                )
                forgotten |= set(chunk) - set(session.scalars(select(Photo.hash).where(Photo.hash.in_(chunk))))
        return forgotten

    def _whole(self) -> Database:
        """The database, where it is everybody's: one space sees too little to say what nobody needs."""
        if self._database.space_id is not None:
            raise RuntimeError(_NOT_FOR_ONE_SPACE)
        return self._database


def of_space(statement: Select[Any], session: Session) -> Select[Any]:
    """Of photos only those that the space of a session has; the session adds whose rows count."""
    if not is_of_one_space(session):
        return statement
    learned = exists().where(SnapshotImage.photo_hash == Photo.hash, Run.snapshot_hash == SnapshotImage.snapshot_hash)
    return statement.where(or_(exists().where(DatasetImage.photo_hash == Photo.hash), learned))


def select_own_hashes(session: Session, hashes: Collection[str]) -> set[str]:
    """Which of these hashes belong to photos that the space of a session has."""
    statement = of_space(select(Photo.hash), session)
    return {own for chunk in chunked(hashes) for own in session.scalars(statement.where(Photo.hash.in_(chunk)))}


def select_known_hashes(session: Session, hashes: Collection[str]) -> set[str]:
    """Which of these hashes belong to known photos, whoever has them."""
    return {
        known for chunk in chunked(hashes) for known in session.scalars(select(Photo.hash).where(Photo.hash.in_(chunk)))
    }


def insert_missing_photos(session: Session, photos: Iterable[PhotoRecord]) -> None:
    """Make the unknown ones of these photos known.

    Raises:
        IntegrityError: another process made one known at the same moment; the transaction is to be tried again.
    """
    by_hash = {photo.hash: photo for photo in photos}
    missing = by_hash.keys() - select_known_hashes(session, by_hash.keys())
    now = time.time()
    # In one order for everybody, or two imports of the same photos could wait for each other.
    rows = [_photo_row(by_hash[photo_hash], created_at=now) for photo_hash in sorted(missing)]
    if rows:
        session.execute(insert(Photo), rows)


def _mark_arrived(session: Session, hashes: Collection[str]) -> None:
    for chunk in chunked(sorted(hashes)):
        known = Photo.hash.in_(chunk)
        # Locked in one order for everybody, like the insertion above.
        session.execute(select(Photo.hash).where(known).order_by(Photo.hash).with_for_update(key_share=True))
        session.execute(update(Photo).where(known).values(created_at=time.time()))


def _ago(seconds: float) -> float:
    return time.time() - seconds


def _is_referenced() -> ColumnElement[bool]:
    return or_(
        exists().where(DatasetImage.photo_hash == Photo.hash), exists().where(SnapshotImage.photo_hash == Photo.hash)
    )


def _photo_row(photo: PhotoRecord, *, created_at: float) -> dict[str, Any]:
    return {
        "hash": photo.hash,
        "suffix": photo.suffix,
        "width": photo.width,
        "height": photo.height,
        "original_width": photo.original_width,
        "original_height": photo.original_height,
        "num_bytes": photo.num_bytes,
        "measurements": photo.measurements,
        "created_at": created_at,
    }


def _photo_record(photo: Photo) -> PhotoRecord:
    return PhotoRecord(
        hash=photo.hash,
        suffix=photo.suffix,
        width=photo.width,
        height=photo.height,
        original_width=photo.original_width,
        original_height=photo.original_height,
        num_bytes=photo.num_bytes,
        measurements=photo.measurements,
    )
