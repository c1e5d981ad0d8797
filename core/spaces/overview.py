"""A class at one moment, for the teacher's board, or all accounts, for administrators: who is here, what each has."""

import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import func, select

from core.jobs.kinds import TaskKind
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.runs.folder import runs_path
from core.settings import Settings
from core.spaces.limits import usage_of_all
from core.spaces.records import SpaceKind, SpaceView
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database
from core.storage.limits import SpaceUse
from core.storage.open_store import open_store
from core.storage.schema import Dataset, DatasetImage, Photo, Run, Task

HERE_SECONDS = 40.0  # since the last sign of a browser; an open page gives one every ten seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PupilNow:
    """A pupil, or the teacher, at this moment."""

    space: SpaceView
    is_here: bool
    num_photos: int  # different ones in datasets out of the trash
    photo_bytes: int
    run_bytes: int

    @property
    def num_bytes(self) -> int:
        """What is theirs on the disk; what several have is counted for each."""
        return self.photo_bytes + self.run_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A task that waits or runs."""

    title: str
    owner: str | None  # whose it is; None: of nobody in particular
    is_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassNow:
    """A class at one moment."""

    pupils: tuple[PupilNow, ...]  # in the order in which they came
    teacher: PupilNow | None
    queue: tuple[Waiting, ...]  # what runs first
    num_bytes: int  # of all photos and runs of this workspace, each file counted once


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNow:
    """What an account has at this moment, by numbers alone."""

    space: SpaceView
    is_here: bool
    use: SpaceUse


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsNow:
    """All accounts of this Bluetit at one moment."""

    accounts: tuple[AccountNow, ...]  # those that take most of the disk first
    queue: tuple[Waiting, ...]  # what runs first
    num_other_bytes: int  # of spaces that are no account's, such as what was made before there were accounts


def read_accounts(database: Database, settings: Settings, kinds: Mapping[str, TaskKind]) -> AccountsNow:
    """Look at all accounts, but at nothing that is theirs. Arguments as below."""
    uses, now = usage_of_all(database, settings), time.time()
    spaces = SpaceRegistry(database).of_accounts()
    accounts = [
        AccountNow(space=space, is_here=now - space.seen_at < HERE_SECONDS, use=uses.pop(space.id, SpaceUse()))
        for space in spaces
    ]
    return AccountsNow(
        accounts=tuple(sorted(accounts, key=lambda each: (-each.use.num_bytes, each.space.name.casefold()))),
        queue=_read_queue(database, kinds, {space.id: space.name for space in spaces}),
        num_other_bytes=sum(use.num_bytes for use in uses.values()),
    )


def read_class(database: Database, settings: Settings, kinds: Mapping[str, TaskKind], classroom_id: int) -> ClassNow:
    """Look at a class.

    Args:
        database: of everybody.
        settings: where files are.
        kinds: what tasks are called.
        classroom_id: of the class.
    """
    spaces = SpaceRegistry(database).of_classroom(classroom_id)
    photos, runs = _photos_by_space(database), _run_bytes_by_space(database, settings)
    now = time.time()
    views = [
        PupilNow(
            space=space,
            is_here=now - space.seen_at < HERE_SECONDS,
            num_photos=photos.get(space.id, (0, 0))[0],
            photo_bytes=photos.get(space.id, (0, 0))[1],
            run_bytes=runs.get(space.id, 0),
        )
        for space in spaces
    ]
    with database.of_space(None).read_session() as session:
        stored = session.scalar(select(func.coalesce(func.sum(Photo.num_bytes), 0))) or 0
    return ClassNow(
        pupils=tuple(view for view in views if view.space.kind is SpaceKind.PUPIL),
        teacher=next((view for view in views if view.space.kind is SpaceKind.TEACHER), None),
        queue=_read_queue(database, kinds, {space.id: space.name for space in spaces}),
        num_bytes=int(stored) + sum(runs.values()),
    )


def _photos_by_space(database: Database) -> dict[int, tuple[int, int]]:
    """Different photos of each space, and their bytes."""
    has = (
        select(Dataset.space_id, DatasetImage.photo_hash)
        .join(DatasetImage, DatasetImage.dataset_id == Dataset.id)
        .where(Dataset.trashed_at.is_(None), DatasetImage.trashed_at.is_(None))
        .distinct()
        .subquery()
    )
    counted = (
        select(has.c.space_id, func.count(), func.sum(Photo.num_bytes))
        .join(Photo, Photo.hash == has.c.photo_hash)
        .group_by(has.c.space_id)
    )
    with database.of_space(None).read_session() as session:
        return {space_id: (number, int(size)) for space_id, number, size in session.execute(counted)}


def _run_bytes_by_space(database: Database, settings: Settings) -> dict[int, int]:
    totals: dict[int, int] = defaultdict(int)
    with database.of_space(None).read_session() as session:
        rows = session.execute(select(Run.space_id, Run.id)).all()
    stored = open_store(settings).sizes(runs_path(settings))
    for space_id, run_id in rows:
        folder = runs_path(settings) / str(run_id)
        here = 0
        with suppress(OSError):  # it is being deleted, or is none here
            here = _folder_bytes(folder, folder.stat().st_mtime_ns)
        totals[space_id] += max(here, stored.get(str(run_id), 0))
    return dict(totals)


@lru_cache(maxsize=4_096)
def _folder_bytes(folder: Path, _changed: int) -> int:
    """Bytes of the files in a folder of a run, for as long as none comes or goes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _read_queue(database: Database, kinds: Mapping[str, TaskKind], names: Mapping[int, str]) -> tuple[Waiting, ...]:
    active = select(Task.kind, Task.space_id, Task.status).where(Task.status.in_(ACTIVE_STATUSES)).order_by(Task.id)
    with database.of_space(None).read_session() as session:
        rows = session.execute(active).all()
    found = [
        Waiting(
            title=kinds[kind].title if kind in kinds else kind,
            owner=None if space_id is None else names.get(space_id, "somebody else"),
            is_running=status == TaskStatus.RUNNING,
        )
        for kind, space_id, status in rows
    ]
    return tuple(sorted(found, key=lambda each: not each.is_running))
