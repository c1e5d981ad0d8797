"""How much spaces have: rows from the database, files from the folders that carry the numbers of those rows."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import CompoundSelect, Subquery, case, func, literal, select, union, union_all
from sqlalchemy.orm import Session

from core.errors import LimitReachedError
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import translating_disk_errors
from core.storage.limits import (
    GUEST_KINDS,
    SpaceRoom,
    SpaceUse,
    UploadPace,
    limits_of,
    refuse_beyond,
    refuse_full_disk,
    settings_within,
)
from core.storage.open_store import open_store
from core.storage.own_keys import owner_of_arrival
from core.storage.own_rows import room_of, space_of
from core.storage.schema import Dataset, DatasetImage, ForeignModel, Photo, Run, SnapshotImage, Space
from core.storage.store import Store

_PHOTOS, _BYTES, _RUNS = "photos", "bytes", "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSpace:
    """What is given to whoever works for a space."""

    database: Database
    settings: Settings
    is_guest: bool  # whether it is of somebody who must not learn what is on this computer


def bind_space(database: Database, settings: Settings, space_id: int | None) -> BoundSpace:
    """The database and the settings as they are for a space: with its limits, and without what guests must not reach.

    Args:
        database: of whomever.
        settings: of the server.
        space_id: whose; None: of nobody in particular, who sees everything and has no limits.
    """
    if space_id is None:
        return BoundSpace(database=database.of_space(None), settings=settings, is_guest=False)
    with database.of_space(None).read_session() as session:
        kind = session.scalar(select(Space.kind).where(Space.id == space_id))
    limits, own_settings = limits_of(settings, kind), settings_within(settings, kind)
    room = None if limits.is_none else SpaceRoom(limits=limits, settings=own_settings, pace=UploadPace(limits.uploads))
    return BoundSpace(
        database=database.of_space(space_id, room), settings=own_settings, is_guest=kind is None or kind in GUEST_KINDS
    )


def read_uses(
    session: Session,
    settings: Settings,
    *,
    with_files: bool = True,
    training_seconds: Mapping[int, float] = MappingProxyType({}),
) -> dict[int, SpaceUse]:
    """What each space has that the session sees, by the space's number; those that have nothing are left out.

    Args:
        session: of a space, or of all.
        settings: tell where the files are.
        with_files: whether files count as well, which have to be looked for.
        training_seconds: how long trainings of each space took in the last hour, as its caller has found out.
    """
    rows: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for space_id, what, number, trashed in session.execute(_USES):
        names = {_PHOTOS: ("photos", "trashed_photos"), _RUNS: ("runs", "trashed_runs"), _BYTES: ("photo_bytes",)}
        rows[space_id] |= dict(zip(names[what], (int(number or 0), int(trashed or 0)), strict=False))
    if with_files:
        for name, found in _measure_files(session, settings).items():
            for space_id, num_bytes in found.items():
                rows[space_id][name] = num_bytes
    for space_id, seconds in training_seconds.items():
        rows[space_id]["training_seconds"] = seconds
    return {space_id: SpaceUse(**values) for space_id, values in rows.items()}


def check_room(
    session: Session, *, photos: int = 0, runs: int = 0, photo_bytes: Mapping[str, int] | None = None
) -> None:
    """Refuse what the space of a session has no room for, within the transaction in which it would come.

    Args:
        session: of a space, or of all, who have room for anything.
        photos: images that would come.
        runs: that would come.
        photo_bytes: of photos that would come, by their hashes.

    Raises:
        LimitReachedError: that would be more than it may have.
    """
    room = room_of(session)
    if room is None:
        return
    use = read_uses(session, room.settings, with_files=photo_bytes is not None).get(space_of(session), SpaceUse())
    num_bytes = None if photo_bytes is None else _num_new_bytes(session, photo_bytes)
    if num_bytes is not None:
        # The upload that photos come from goes once they are in.
        use = replace(use, incoming_bytes=0)
    refuse_beyond(room.limits, use, photos=photos, runs=runs, num_bytes=num_bytes or None)


class RoomForPhotos:
    """What room an import has in its space; it takes what fits, and what does not is left out, never half a photo."""

    def __init__(self, database: Database) -> None:
        """Measure the room.

        Args:
            database: of a space, or of all, who have room for anything.
        """
        self._room = database.room
        self._use = replace(own_use(database), incoming_bytes=0)  # which goes once the photos are in
        self._hashes: set[str] = set()
        if self._room is not None:
            with database.read_session() as session:
                self._hashes = set(session.scalars(select(_own_hashes().c.hash)))
        self._error: LimitReachedError | None = None

    @property
    def is_full(self) -> bool:
        """Whether something did not fit."""
        return self._error is not None

    @property
    def reason(self) -> str:
        """What did not fit, and what to do, in sentences."""
        return str(self._error or "")

    def take(self, photo_hash: str, num_bytes: int) -> bool:
        """Take room for an image; False: there is none, and never will be again here.

        Args:
            photo_hash: of the photo's content, which takes room on the disk once only.
            num_bytes: of it.
        """
        if self._room is None:
            return True
        new_bytes = None if photo_hash in self._hashes else num_bytes
        if self._error is None:
            try:
                refuse_beyond(self._room.limits, self._use, photos=1, num_bytes=new_bytes)
            except LimitReachedError as exc:
                self._error = exc
        if self._error is not None:
            return False
        self._hashes.add(photo_hash)
        self._use = replace(
            self._use, photos=self._use.photos + 1, photo_bytes=self._use.photo_bytes + (new_bytes or 0)
        )
        return True

    def refuse_if_nothing_came(self, num_taken: int) -> None:
        """Refuse an import of which nothing fitted.

        Raises:
            LimitReachedError: that is so.
        """
        if self._error is not None and not num_taken:
            raise self._error


def own_use(database: Database) -> SpaceUse:
    """What the space has that a database is bound to, trainings aside; nothing is counted where there are no limits."""
    if database.room is None or database.space_id is None:
        return SpaceUse()
    with database.read_session() as session:
        return read_uses(session, database.room.settings).get(database.space_id, SpaceUse())


def refuse_without_room(database: Database, *, photos: int = 0, runs: int = 0, num_bytes: int | None = None) -> None:
    """Refuse early what a space has no room for, before anything is done for it.

    Args:
        database: of a space, or of all, who have room for anything.
        photos: images that would come.
        runs: that would come.
        num_bytes: that would come; 0: some, nobody knows how many; None: none.

    Raises:
        LimitReachedError: that would be more than it may have.
        NoSpaceError: the disk is nearly full.
    """
    room = database.room
    if room is None:
        return
    refuse_beyond(room.limits, own_use(database), photos=photos, runs=runs, num_bytes=num_bytes)
    if num_bytes is not None:
        refuse_full_disk(free_bytes(room.settings), num_bytes)


def take_upload(database: Database) -> None:
    """Count something that a browser has sent to the space that a database is bound to.

    Raises:
        LimitReachedError: it sends too often.
    """
    if database.room is not None:
        database.room.pace.take()


def free_bytes(settings: Settings) -> int:
    """What is free on the disk of the workspace.

    Raises:
        StorageError: the disk does not tell.
    """
    with translating_disk_errors(settings.workspace_dir):
        return shutil.disk_usage(settings.workspace_dir).free


def _num_new_bytes(session: Session, photo_bytes: Mapping[str, int]) -> int:
    """Bytes of those photos that the space has not yet: photos of one content are kept once."""
    own = set(session.scalars(select(_own_hashes().c.hash)))
    return sum(num_bytes for photo_hash, num_bytes in photo_bytes.items() if photo_hash not in own)


def _own_hashes() -> Subquery:
    """Photos of datasets and of what runs learned from, each once for each space."""
    in_datasets = select(Dataset.space_id, DatasetImage.photo_hash.label("hash")).join(
        DatasetImage, DatasetImage.dataset_id == Dataset.id
    )
    in_runs = select(Run.space_id, SnapshotImage.photo_hash.label("hash")).join(
        SnapshotImage, SnapshotImage.snapshot_hash == Run.snapshot_hash
    )
    return union(in_datasets, in_runs).subquery()


def _make_uses() -> CompoundSelect[Any]:
    is_trashed = case((DatasetImage.trashed_at.is_not(None) | Dataset.trashed_at.is_not(None), 1), else_=0)
    photos = (
        select(Dataset.space_id, literal(_PHOTOS), func.count(), func.sum(is_trashed))
        .join(DatasetImage, DatasetImage.dataset_id == Dataset.id)
        .group_by(Dataset.space_id)
    )
    is_trashed_run = case((Run.trashed_at.is_not(None), 1), else_=0)
    runs = select(Run.space_id, literal(_RUNS), func.count(), func.sum(is_trashed_run)).group_by(Run.space_id)
    own = _own_hashes()
    num_bytes = (
        select(own.c.space_id, literal(_BYTES), func.sum(Photo.num_bytes), literal(0))
        .join(Photo, Photo.hash == own.c.hash)
        .group_by(own.c.space_id)
    )
    return union_all(photos, runs, num_bytes)


_USES = _make_uses()


def _measure_files(session: Session, settings: Settings) -> dict[str, dict[int, int]]:
    """Bytes of files of each space, by the field of `SpaceUse` that counts them."""
    of_runs = {str(run_id): space_id for run_id, space_id in session.execute(select(Run.id, Run.space_id))}
    of_datasets = {str(key): space_id for key, space_id in session.execute(select(Dataset.id, Dataset.space_id))}
    own = None if "space_id" not in session.info else {space_of(session)}
    found: dict[str, defaultdict[int, int]] = {
        name: defaultdict(int) for name in ("run_bytes", "export_bytes", "foreign_bytes", "incoming_bytes")
    }
    store, runs = open_store(settings), settings.workspace_dir / "runs"
    stored = store.sizes(runs)
    for name, space_id in of_runs.items():
        found["run_bytes"][space_id] += max(num_bytes_below(runs / name), stored.get(name, 0))
    stored = store.sizes(settings.foreign_path)
    for model_id, space_id in session.execute(select(ForeignModel.id, ForeignModel.space_id)):
        num_bytes = num_bytes_below(settings.foreign_path / str(model_id))
        found["foreign_bytes"][space_id] += max(num_bytes, stored.get(str(model_id), 0))
    for name, num_bytes in _entries(settings.cache_path / "exports", store).items():
        owner = of_datasets.get(name.partition("-")[0])
        if owner is not None:
            found["export_bytes"][owner] += num_bytes
    for name, num_bytes in _entries(settings.incoming_path, store).items():
        owner = owner_of_arrival(name)
        if owner is not None and (own is None or owner in own):
            found["incoming_bytes"][owner] += num_bytes
    return {name: dict(each) for name, each in found.items()}


def num_bytes_below(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what is not there, or goes meanwhile, has none."""
    try:
        if not path.is_dir():
            return path.stat().st_size
    except OSError:
        return 0
    return sum(_sizes(path))


def _sizes(folder: Path) -> Iterator[int]:
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.stat(os.path.join(parent, name), follow_symlinks=False).st_size
            except OSError:  # a worker has just moved or deleted it
                continue


def _entries(folder: Path, store: Store) -> dict[str, int]:
    """Bytes of what lies in a folder, here or in the object store, by name."""
    try:
        here = {path.name: num_bytes_below(path) for path in folder.iterdir()}
    except OSError:
        here = {}
    stored = store.sizes(folder)
    return {name: max(here.get(name, 0), stored.get(name, 0)) for name in here | stored}
