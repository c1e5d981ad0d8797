"""What changes is told to whoever listens, by topic, on whatever host it was changed."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import text

from benchmarks.postgresql_server import PostgreSQLServer
from core.datasets.library import Library
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.settings import Settings
from core.storage.db import Database, migration_config, open_database
from core.storage.notices import (
    CHANGES,
    TASKS,
    dataset_topic,
    run_topic,
    runs_topic,
    task_topic,
    tasks_topic,
)
from core.storage.schema import HOME_SPACE_ID, Run, Snapshot
from tests.conftest import POSTGRESQL_PROGRAMS
from tests.core.jobs.sample_kinds import KINDS
from tests.waiting import wait_until

_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'"
_LONG = "k" * 9_000  # more than a notice of PostgreSQL may have

needs_postgresql = pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")


class Ear:
    """Counts how often somebody was woken for some topics."""

    def __init__(self, database: Database, *topics: str) -> None:
        self.num_rung = 0
        self._rung = threading.Event()
        self._notices = database.notices
        self.hearing = self._notices.hear(CHANGES, self._wake, frozenset(topics))

    def _wake(self) -> None:
        self.num_rung += 1
        self._rung.set()

    def count_anew(self) -> None:
        """Wait until it listens, and forget that it was woken for what came before."""
        wait_until(lambda: self.hearing.is_certain)
        with self._notices._lock:  # held until all have been woken
            self._rung.clear()
            self.num_rung = 0

    def hears(self) -> bool:
        """Whether it was woken since this was asked last."""
        wait_until(self._rung.is_set)
        self._rung.clear()
        return True


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQLServer) -> Iterator[Database]:
    """A PostgreSQL as one host has it."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("here"), database_url=postgresql.new_database())
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def there(here: Database, settings: Settings) -> Iterator[Database]:
    """The same database as another host has it."""
    url = here.engine.url.render_as_string(hide_password=False)
    with closing(open_database(replace(settings, database_url=url))) as database:
        yield database


def begin(ears: dict[str, Ear]) -> None:
    """Wait until all listen, and count from there."""
    for ear in ears.values():
        ear.count_anew()


@needs_postgresql
def test_who_looks_at_a_dataset_hears_of_it_alone(here: Database, there: Database) -> None:
    """Whatever is changed in it, and nothing of others; a connection that was cut is taken up again and catches up."""
    library = Library(there)
    mine, other = (library.datasets.create(name) for name in ("Birds", "Cats"))
    ears = {"mine": Ear(here, dataset_topic(mine.id)), "other": Ear(here, dataset_topic(other.id))}
    begin(ears)
    library.classes.create(mine.id, "crow")
    assert ears["mine"].hears()
    assert ears["other"].num_rung == 0

    with there.session() as session:
        session.execute(text(_DISCONNECT))
    wait_until(lambda: not ears["other"].hearing.is_certain)
    assert ears["other"].hears()  # that it has to look from now on
    wait_until(lambda: ears["other"].hearing.is_certain)
    assert ears["other"].hears()  # for what came meanwhile
    library.datasets.rename(other.id, "Lions")
    assert ears["other"].hears()

    ears["mine"].hearing.close()
    rung = ears["mine"].num_rung
    library.datasets.delete(mine.id)
    library.datasets.delete(other.id)
    assert ears["other"].hears()
    assert ears["mine"].num_rung == rung


@needs_postgresql
def test_tasks_tell_what_they_are_about(here: Database, there: Database) -> None:
    """That one comes, is begun, reports and ends. A key may be as long as it likes."""
    queue = TaskQueue(there.of_space(HOME_SPACE_ID), KINDS)
    queue.register_worker("w1", pid=1, host="h", lane="networks")
    ears = {
        "key": Ear(here, task_topic(_LONG)),
        "kind": Ear(here, tasks_topic(HOME_SPACE_ID, "count")),
        "others": Ear(here, task_topic("other"), tasks_topic(2, "count"), tasks_topic(HOME_SPACE_ID, "wait")),
    }
    begin(ears)
    task_id = queue.submit("count", {}, key=_LONG)
    assert all(ears[name].hears() for name in ("key", "kind"))
    assert queue.claim("w1", ["count"]) is not None
    assert all(ears[name].hears() for name in ("key", "kind"))
    queue.append_event(task_id, "w1", kind="progress", payload={"fraction": 0.5, "message": "half"})
    assert all(ears[name].hears() for name in ("key", "kind"))
    queue.finish(task_id, "w1", status=TaskStatus.DONE)
    assert all(ears[name].hears() for name in ("key", "kind"))
    assert ears["others"].num_rung == 0


@needs_postgresql
def test_a_run_tells_its_page_and_the_list(here: Database, there: Database) -> None:
    """What its row says is another thing afterwards."""
    with there.session() as session:
        session.add(Snapshot(hash="0" * 64, class_names=["a"], num_images=0, created_at=0.0))
        session.flush()
        facts = {"name": "r", "name_key": "r", "note": "", "snapshot_hash": "0" * 64, "config": {}, "created_at": 0.0}
        run = Run(last_sequence=0, num_rewinds=0, **facts)
        session.add(run)
        session.flush()
        run_id = run.id
    ears = {"page": Ear(here, run_topic(run_id)), "list": Ear(here, runs_topic(HOME_SPACE_ID))}
    begin(ears)
    with there.session() as session:
        session.get_one(Run, run_id).note = "good"
    assert ears["page"].hears()
    assert ears["list"].hears()


@needs_postgresql
def test_what_tells_can_be_undone(settings: Settings, postgresql: PostgreSQLServer) -> None:
    """An older version leaves nothing behind in the database that a newer one would stumble over."""
    settings = replace(settings, database_url=postgresql.new_database())
    with closing(open_database(settings)) as database:
        for revision in ("0027", "head"):
            with database.engine.begin() as connection:
                change = command.downgrade if revision == "0027" else command.upgrade
                change(migration_config(connection), revision)
                told = connection.scalar(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'bluetit_tell%'"))
                assert bool(told) == (revision == "head")


def test_sqlite_does_not_tell(settings: Settings) -> None:
    """Whoever waits there looks as often as ever."""
    with closing(open_database(settings)) as database:
        assert not database.notices.hear(TASKS, lambda: None).is_certain
