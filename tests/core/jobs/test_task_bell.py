"""New tasks are heard of on every host where the database can tell of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from subprocess import Popen

import pytest
from sqlalchemy import text

from benchmarks.postgresql_server import PostgreSQLServer
from core.jobs import worker as worker_module
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.jobs.task_bell import TaskBell
from core.jobs.worker import Worker
from core.settings import Settings
from core.storage.db import Database, open_database
from tests.conftest import POSTGRESQL_PROGRAMS
from tests.core.jobs.sample_kinds import KINDS, KINDS_PATH
from tests.waiting import wait_until

_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'"


@pytest.fixture
def there(settings: Settings, postgresql: PostgreSQLServer) -> Iterator[Database]:
    """A PostgreSQL as another host has it."""
    with closing(open_database(replace(settings, database_url=postgresql.new_database()))) as database:
        yield database


@pytest.fixture
def here(there: Database, settings: Settings) -> Iterator[Database]:
    """The same database."""
    url = there.engine.url.render_as_string(hide_password=False)
    with closing(open_database(replace(settings, database_url=url))) as database:
        yield database


def test_sqlite_does_not_tell(database: Database) -> None:
    """Whoever waits there looks as often as ever."""
    bell = TaskBell(database, lambda: None)
    bell.start()
    assert not bell.is_listening
    bell.stop()


@pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")
def test_a_task_is_heard_of(here: Database, there: Database) -> None:
    """When its transaction is committed, on the first connection and on the one after that was cut."""
    rung = threading.Event()
    bell, queue = TaskBell(here, rung.set), TaskQueue(there, KINDS)
    bell.start()
    for _ in range(2):
        wait_until(lambda: bell.is_listening)
        rung.clear()
        queue.submit("count", {})
        wait_until(rung.is_set)
        with there.session() as session:
            session.execute(text(_DISCONNECT))
        wait_until(lambda: not bell.is_listening)
    bell.stop()


@pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")
def test_a_worker_that_listens_need_not_look(
    here: Database, there: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins a task of another host although it would look again in an hour only; the server's end is noticed."""
    monkeypatch.setattr(worker_module, "HEARING_SECONDS", 3_600.0)
    gone = threading.Event()
    worker = Worker(
        TaskQueue(here, KINDS), settings, worker_id="w1", lane=Lane.NETWORKS, log_name="w1.log", server_gone=gone
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: worker._bell.is_listening)
    queue = TaskQueue(there, KINDS)
    for _ in range(3):
        number = queue.submit("count", {})
        wait_until(lambda number=number: not queue.get(number).is_active)
    gone.set()
    thread.join()


StartWorker = Callable[..., Popen[bytes]]


def test_a_host_that_only_works_has_workers_of_its_own(
    queue: TaskQueue, settings: Settings, start_worker: StartWorker
) -> None:
    """Those of others take the place of a page server's workers, and not of its own; where there shall be none, none
    is begun."""
    start_worker("busy")
    first, second = queue.submit("wait_for_cancel", {}), queue.submit("wait_for_cancel", {})
    wait_until(lambda: len(queue.running_tasks()) == 1)
    for settings_of_host, is_work_host, num_running in (
        (replace(settings, max_workers=0), True, 1),
        (settings, False, 1),
        (settings, True, 2),
    ):
        supervisor = Supervisor(settings_of_host, queue, kinds=KINDS_PATH, is_work_host=is_work_host)
        supervisor.tick()
        wait_until(lambda num_running=num_running: len(queue.running_tasks()) == num_running)
    supervisor.stop(finish_seconds=0.0)
    (left,) = queue.running_tasks()
    assert {left.id} < {first, second}
    assert sum(queue.count_queued().values()) == 1
