"""Kills while a server brings the database of an older Bluetit up to date."""

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from benchmarks.load.server import begin_app
from core.datasets.library import Library
from core.datasets.records import NewImage, Split
from core.photos.record import PhotoRecord
from core.settings import Settings
from core.storage.db import migration_config, open_database

_OLD = "0006"  # the schema before there were spaces
_NUM_DATASETS = 4
_NUM_PHOTOS = 400
_TABLES = ("datasets", "dataset_classes", "dataset_images", "dataset_operations", "photos", "captures")
_WAIT_SECONDS = 30.0
_MOST_SECONDS = 0.12  # from when the database is opened; by then it is up to date
_POLL_SECONDS = 0.001


class Upgrades:
    """A workspace whose database is of an older Bluetit again and again."""

    def __init__(self, settings: Settings, notes_dir: Path) -> None:
        """Make what is brought up to date.

        Args:
            settings: of a workspace for nothing else.
            notes_dir: outside of it.
        """
        self._settings = settings
        self._log_path = notes_dir / "upgrade.log"
        self._old_path = notes_dir / "old.sqlite3"
        _fill(settings)
        self._expected = rows_of(settings.database_path)
        downgrade(settings.database_path)
        shutil.copyfile(settings.database_path, self._old_path)

    def kill(self, chance: random.Random) -> list[str]:
        """Kill a server while it brings the database up to date, and look what the next one makes of it.

        Returns:
            A sentence for each thing that is not as it was.
        """
        path = self._settings.database_path
        for left in (path, *_beside(path)):
            left.unlink(missing_ok=True)
        shutil.copyfile(self._old_path, path)
        process, _ = begin_app(self._settings, self._log_path)
        give_up_at = time.monotonic() + _WAIT_SECONDS
        while not any(each.exists() for each in _beside(path)) and time.monotonic() < give_up_at:
            time.sleep(_POLL_SECONDS)
        time.sleep(chance.uniform(0, _MOST_SECONDS))
        for each in [*process.children(recursive=True), process]:
            each.kill()
        process.wait()
        with closing(open_database(self._settings)):
            pass
        return list(compare_rows(self._expected, rows_of(path)))


def downgrade(path: Path) -> None:
    """Give a database the schema of an older Bluetit."""
    # With foreign keys off, as when it is brought up to date: a table is altered by copying it.
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.downgrade(migration_config(connection), _OLD)
    engine.dispose()


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of a database that people have made, by table, without columns that only newer versions have."""
    with closing(sqlite3.connect(path)) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in _TABLES}


def compare_rows(
    expected: dict[str, list[tuple[object, ...]]], found: dict[str, list[tuple[object, ...]]]
) -> Iterator[str]:
    """A sentence for each table that does not hold what it held."""
    for table, rows in expected.items():
        if rows != found[table]:
            lost = len(set(rows) - set(found[table]))
            yield f"{lost} of {len(rows)} rows of {table} are lost or changed by a kill in the middle of an upgrade"


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _fill(settings: Settings) -> None:
    with closing(open_database(settings)) as database:
        library = Library(database)
        for number in range(_NUM_DATASETS):
            dataset_id = library.datasets.create(f"photos {number}").id
            images = [_image(number, each) for each in range(_NUM_PHOTOS)]
            ids = library.images.add(dataset_id, images)
            library.images.set_split(ids[::3], Split.TEST)
            library.images.trash(ids[::7])


def _image(dataset: int, number: int) -> NewImage:
    record = PhotoRecord(
        hash=f"{dataset:032x}{number:032x}",
        suffix=".jpg",
        width=8,
        height=8,
        original_width=8,
        original_height=8,
        num_bytes=100,
        measurements={},
    )
    return NewImage(photo=record, class_name=f"class {number % 3}", name=f"{number}.jpg", split=Split.TRAIN)
