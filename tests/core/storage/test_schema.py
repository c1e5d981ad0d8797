"""Migrations and models describe the same tables; the tables keep their promises."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from core.datasets.library import Library
from core.datasets.records import Split
from core.settings import Settings
from core.storage.db import Database, migration_config, open_database
from core.storage.schema import Base, Task, TaskEvent, Worker
from tests.core.datasets.library_samples import add


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(Settings(workspace_dir=tmp_path))) as database:
        yield database


def task(key: str | None, status: str) -> Task:
    return Task(kind="k", payload={}, key=key, status=status, attempts=0, created_at=0.0)


def schema_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        statements = {" ".join(sql.replace('"', "").split()) for (sql,) in rows}
    return {statement for statement in statements if "alembic_version" not in statement}


def test_migrations_make_the_models(database: Database) -> None:
    """Alembic finds nothing to change between the migrated database and the models."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_the_same_sql(database: Database, tmp_path: Path) -> None:
    """The SQL is the same to the letter, conditions of partial indexes included, which Alembic overlooks."""
    engine = create_engine(f"sqlite:///{tmp_path / 'models.sqlite3'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    assert schema_of(tmp_path / "bluetit.sqlite3") == schema_of(tmp_path / "models.sqlite3")


def test_migrations_can_be_undone(database: Database) -> None:
    """Going back to the start leaves no table of ours."""
    with database.engine.begin() as connection:
        command.downgrade(migration_config(connection), "base")
    with database.read_session() as session:
        names = set(session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    assert not names & set(Base.metadata.tables)


def test_workers_from_before_lanes(tmp_path: Path, database: Database) -> None:
    """A workspace from before the lanes keeps its workers and their tasks; those workers do networks."""
    with database.engine.begin() as connection:
        command.downgrade(migration_config(connection), "0002")
    with closing(sqlite3.connect(tmp_path / "bluetit.sqlite3")) as connection:
        connection.execute(
            "INSERT INTO workers (id, pid, host, started_at, heartbeat_at) VALUES ('w1', 7, 'here', 1.0, 2.0)"
        )
        connection.execute(
            "INSERT INTO tasks (kind, payload, status, attempts, worker_id, created_at) "
            "VALUES ('k', '{}', 'running', 1, 'w1', 1.0)"
        )
        connection.commit()
    with closing(open_database(Settings(workspace_dir=tmp_path))) as reopened, reopened.read_session() as session:
        worker = session.get_one(Worker, "w1")
        assert (worker.pid, worker.host, worker.lane, worker.heartbeat_at) == (7, "here", "networks", 2.0)
        assert session.get_one(Task, 1).worker_id == "w1"
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []


def test_images_from_before_reviews(tmp_path: Path, database: Database) -> None:
    """A workspace from before the reviews keeps its images, and gives none the number of one that is gone for good."""
    library = Library(database)
    dataset_id = library.datasets.create("Birds").id
    first, second, _ = add(library, dataset_id, "crow", range(3))
    library.images.set_split([first], Split.TEST)
    kept = library.images.get([first, second])
    library.images.trash([3])
    library.images.purge_trash(dataset_id)
    with database.engine.begin() as connection:
        command.downgrade(migration_config(connection), "0004")
    with closing(open_database(Settings(workspace_dir=tmp_path))) as reopened:
        library = Library(reopened)
        assert library.images.of(dataset_id) == kept
        assert {image.review for image in kept} == {None}
        assert add(library, dataset_id, "crow", range(3, 4)) == [4]
        with reopened.read_session() as session:
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []


@pytest.mark.parametrize("first", ["queued", "running"])
@pytest.mark.parametrize("second", ["queued", "running"])
def test_one_active_task_per_key(database: Database, first: str, second: str) -> None:
    """The database itself refuses a second active task with the same key."""
    with database.session() as session:
        session.add(task("key", first))
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(task("key", second))


def test_key_is_free_again(database: Database) -> None:
    """Ended tasks and tasks without a key stand in nobody's way."""
    with database.session() as session:
        for status in ("done", "failed", "cancelled", "interrupted", "queued"):
            session.add(task("key", status))
        session.add_all([task(None, "queued"), task(None, "queued")])


def test_events_go_with_their_task(database: Database) -> None:
    """Deleting a task deletes its events, and its number is never given again."""
    with database.session() as session:
        session.add(task(None, "done"))
        session.flush()
        session.add(TaskEvent(task_id=1, sequence=1, kind="message", payload={}, created_at=0.0))
    with database.session() as session:
        session.execute(text("DELETE FROM tasks"))
    with database.session() as session:
        assert session.query(TaskEvent).count() == 0
        new = task(None, "queued")
        session.add(new)
        session.flush()
        assert new.id == 2
