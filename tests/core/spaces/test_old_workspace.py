"""A workspace from before the spaces becomes that of whoever uses Bluetit alone, with every number as it was."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic import command
from sqlalchemy import text

from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot, take_snapshot
from core.jobs.queue import TaskQueue
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, _create_engine, _parse_url, migration_config, open_database
from core.storage.schema import HOME_SPACE_ID
from core.task_kinds import TASK_KINDS
from tests.core.datasets.library_samples import add
from tests.core.runs.run_samples import config

pytestmark = pytest.mark.both_databases

BEFORE_SPACES = "0006"


@pytest.fixture
def old(settings: Settings) -> Iterator[Settings]:
    """The settings of a workspace as the version before wrote it; afterwards the database is as it should be."""
    with closing(open_database(settings)) as database, database.engine.begin() as connection:
        command.downgrade(migration_config(connection), BEFORE_SPACES)
    yield settings
    open_database(settings).close()


def write(settings: Settings, *statements: str) -> None:
    """As the version before did: by SQL, which knows nothing of the classes of now."""
    url = settings.database_url or f"sqlite:///{settings.database_path}"
    engine = _create_engine(_parse_url(url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


CONTENT = (
    "INSERT INTO datasets (id, name, name_key, revision, created_at, changed_at, trashed_at) "
    "VALUES (3, 'Birds', 'birds', 7, 1.5, 2.5, NULL), (9, 'Gone', 'gone', 1, 1.5, 2.5, NULL)",
    "INSERT INTO dataset_classes (id, dataset_id, name, name_key, position, created_at) "
    "VALUES (4, 3, 'crow', 'crow', 0, 1.5)",
    "INSERT INTO photos (hash, suffix, width, height, original_width, original_height, num_bytes, measurements, "
    f"created_at) VALUES ('{'a' * 64}', '.jpg', 6, 4, 6, 4, 10, '{{}}', 1.5)",
    "INSERT INTO dataset_images (id, dataset_id, class_id, photo_hash, name, added_at) "
    f"VALUES (5, 3, 4, '{'a' * 64}', 'a.jpg', 1.5)",
    "INSERT INTO snapshots (hash, dataset_id, dataset_name, class_names, num_images, created_at) "
    f"VALUES ('{'b' * 64}', 3, 'Birds of then', '[\"crow\"]', 1, 1.5), "
    f"('{'c' * 64}', NULL, 'Birds no more', '[\"crow\"]', 1, 1.5)",
    "INSERT INTO snapshot_images (snapshot_hash, position, photo_hash, class_index, split) "
    f"VALUES ('{'b' * 64}', 0, '{'a' * 64}', 0, 'train')",
    "INSERT INTO tasks (id, kind, payload, key, status, attempts, created_at) VALUES "
    "(6, 'train_run', '{\"run_id\": 8}', 'train_run:8', 'queued', 0, 1.5), "
    "(7, 'check_dataset', '{}', NULL, 'done', 1, 1.5)",
    "INSERT INTO task_events (id, task_id, sequence, kind, payload, created_at) "
    "VALUES (1, 6, 1, 'message', '{\"text\": \"Hello\"}', 1.5)",
    "INSERT INTO runs (id, name, name_key, note, dataset_id, snapshot_hash, config, task_id, last_sequence, "
    "num_rewinds, created_at) "
    f"VALUES (8, 'Quick', 'quick', 'a note', 3, '{'b' * 64}', '{{}}', 6, 1, 0, 1.5), "
    f"(12, 'Gone', 'gone', '', NULL, '{'c' * 64}', '{{}}', NULL, 0, 0, 1.5)",
    "INSERT INTO run_events (run_id, sequence, kind, payload, created_at) VALUES (8, 1, 'note', '{}', 1.5)",
    # What was given out once, and is gone.
    "DELETE FROM datasets WHERE id = 9",
    "DELETE FROM runs WHERE id = 12",
)
# PostgreSQL counts numbers that were given by itself only.
NUMBERS = {"datasets": 9, "dataset_classes": 4, "dataset_images": 5, "tasks": 7, "task_events": 1, "runs": 12}


def fill(settings: Settings) -> None:
    count_on = [f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})" for table, last in NUMBERS.items()]
    write(settings, *CONTENT, *(count_on if settings.database_url else ()))


def everything(database: Database) -> list[object]:
    library, runs, queue = Library(database), RunLibrary(database), TaskQueue(database, TASK_KINDS)
    return [
        [(each.id, each.name, each.revision, each.num_images, each.changed_at) for each in library.datasets.all()],
        [(each.id, each.name) for each in library.classes.of(3)],
        [(each.id, each.name, each.photo_hash) for each in library.images.of(3)],
        [(each.id, each.name, each.note, each.task_id) for each in runs.list_runs()],
        [event.sequence for event in runs.events_after(8, 0)],
        [(each.id, each.status) for each in queue.list_tasks(9)],
        queue.messages(6),
        sorted(library.photos.get(["a" * 64])),
    ]


def test_everything_is_home(old: Settings) -> None:
    """Same numbers, same texts; whoever uses Bluetit alone has all of it, and another space nothing."""
    fill(old)
    with closing(open_database(old)) as database:
        home = everything(database.of_space(HOME_SPACE_ID))
        assert home == [
            [(3, "Birds", 7, 1, 2.5)],
            [(4, "crow")],
            [(5, "a.jpg", "a" * 64)],
            [(8, "Quick", "a note", 6)],
            [1],
            [(7, "done"), (6, "queued")],
            ["Hello"],
            ["a" * 64],
        ]
        assert everything(database) == home
        other = SpaceRegistry(database).create(SpaceKind.PUPIL, "Quiet Otter")
        assert everything(database.of_space(other.id)) == [[] for _ in home]
        (task,) = [task for task in TaskQueue(database, TASK_KINDS).list_tasks(9) if task.id == 6]
        assert TaskQueue(database.of_space(HOME_SPACE_ID), TASK_KINDS).find_active("train_run:8") == task


def test_snapshots_keep_where_they_came_from(old: Settings) -> None:
    """Also of a dataset that is gone; and they are home's."""
    fill(old)
    with closing(open_database(old)) as database:
        told = [load_snapshot(database.of_space(HOME_SPACE_ID), letter * 64) for letter in "bc"]
        assert [(each.dataset_id, each.dataset_name) for each in told] == [
            (3, "Birds of then"),
            (None, "Birds no more"),
        ]
        assert [len(each.images) for each in told] == [1, 0]


def test_no_number_is_given_twice(old: Settings) -> None:
    """Not even that of the last row, which was gone before: numbers name folders, and stand in addresses."""
    fill(old)
    with closing(open_database(old)) as database:
        library = Library(database.of_space(HOME_SPACE_ID))
        dataset = library.datasets.create("New")
        assert dataset.id == 10
        assert add(library, dataset.id, "tit", range(1)) == [6]
        snapshot = take_snapshot(database, dataset.id).hash
        assert RunLibrary(database).create_run(config(snapshot), dataset_id=dataset.id).id == 13
        assert TaskQueue(database, TASK_KINDS).submit("train_run", {"run_id": 13}) == 8


def test_an_empty_workspace_becomes_one_with_a_home(old: Settings) -> None:
    """There is always a space for whoever uses Bluetit alone, and the next one is another."""
    with closing(open_database(old)) as database:
        spaces = SpaceRegistry(database)
        assert (spaces.home().id, spaces.home().kind) == (HOME_SPACE_ID, SpaceKind.HOME)
        assert spaces.create(SpaceKind.PUPIL, "Quiet Otter").id > HOME_SPACE_ID
