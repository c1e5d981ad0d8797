"""The database opens from nothing, in several processes at once, and its failures are told apart."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from benchmarks.postgresql_server import PostgreSQLServer
from core.errors import NoSpaceError, SettingsError, StorageError
from core.settings import Settings
from core.storage.db import BUSY_TIMEOUT_SECONDS, Database, open_database
from core.storage.schema import Worker
from tests.conftest import SQLITE

pytestmark = pytest.mark.both_databases

PROJECT_ROOT = Path(__file__).resolve().parents[3]

# Imports first, then waits for a line, so that all processes open the database at the same moment.
OPEN_WHEN_TOLD = """
import sys
from pathlib import Path
from core.settings import Settings
from core.storage.db import open_database
from core.storage.schema import Worker
print("ready", flush=True)
sys.stdin.readline()
database = open_database(Settings(workspace_dir=Path(sys.argv[1]), database_url=sys.argv[3]))
for number in range(20):
    with database.session() as session:
        session.add(Worker(id=f"{sys.argv[2]}-{number}", pid=1, host="h", started_at=0.0, heartbeat_at=0.0))
database.close()
"""


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def new_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """A database without tables: none for SQLite, whose file appears when it is opened."""
    if database_kind == SQLITE:
        return ""
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(Settings(workspace_dir=tmp_path))) as database:
        yield database


def worker(name: str) -> Worker:
    return Worker(id=name, pid=1, host="here", started_at=0.0, heartbeat_at=0.0)


def pragma(database: Database, name: str) -> object:
    with database.read_session() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


def test_sqlite_is_set_up(sqlite: Database) -> None:
    """Every connection has WAL, a long wait for other writers, foreign keys and cheap commits."""
    assert pragma(sqlite, "journal_mode") == "wal"
    assert pragma(sqlite, "busy_timeout") == 30_000
    assert pragma(sqlite, "foreign_keys") == 1
    assert pragma(sqlite, "synchronous") == 1


def test_opening_twice_keeps_the_rows(settings: Settings, tmp_path: Path) -> None:
    """A second start finds what the first one wrote."""
    settings = replace(settings, workspace_dir=tmp_path / "new" / "100% mine")
    with closing(open_database(settings)) as database, database.session() as session:
        session.add(worker("a"))
    with closing(open_database(settings)) as database, database.read_session() as session:
        assert session.get(Worker, "a") is not None


def test_four_processes_on_an_empty_workspace(settings: Settings, new_url: str, tmp_path: Path) -> None:
    """Processes that start at the same moment on nothing all open the database; none is locked out."""
    settings = replace(settings, workspace_dir=tmp_path / "new", database_url=new_url)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_WHEN_TOLD, str(settings.workspace_dir), str(number), new_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert errors == [""] * 4
    with closing(open_database(settings)) as database, database.read_session() as session:
        assert session.query(Worker).count() == 4 * 20


def test_block_that_raises_is_undone(database: Database) -> None:
    """Nothing of a block that raises is kept."""

    def fail_halfway() -> None:
        with database.session() as session:
            session.add(worker("a"))
            session.flush()
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail_halfway()
    with database.read_session() as session:
        assert session.get(Worker, "a") is None


def test_writers_take_turns(database: Database) -> None:
    """A read followed by a write loses no update, however many threads do so at once."""
    with database.session() as session:
        session.add(worker("counter"))

    def count() -> None:
        for _ in range(10):
            with database.session() as session:
                counter = session.get_one(Worker, "counter")
                counter.pid = counter.pid + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read_session() as session:
        assert session.get_one(Worker, "counter").pid == 1 + 4 * 10


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is written while a block reads is not in what it reads next."""
    with database.read_session() as reading:
        assert reading.query(Worker).count() == 0
        with database.session() as session:
            session.add(worker("a"))
        assert reading.query(Worker).count() == 0
    with database.read_session() as reading:
        assert reading.query(Worker).count() == 1


def test_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """While one block writes, another reads the state before it."""
    with database.session() as writing:
        writing.add(worker("a"))
        writing.flush()
        with database.read_session() as reading:
            assert reading.get(Worker, "a") is None


def test_read_session_cannot_write(database: Database) -> None:
    """A write in a reading block fails always, not only when another writer is at it."""
    with pytest.raises(StorageError, match=r"read-?only"), database.read_session() as session:
        session.add(worker("a"))
    with database.session() as session:
        session.add(worker("a"))
    with pytest.raises(StorageError, match=r"read-?only"), database.read_session() as session:  # on its connection
        session.add(worker("b"))


def test_who_writes_in_a_process_waits_for_who_writes_there(database: Database) -> None:
    """In line, before the database is asked; who gives up at last is told so."""
    database = replace(database, writing=FewSecondsLock())
    with database.session() as session:
        session.add(worker("a"))
        with pytest.raises(StorageError, match="without a pause"), database.of_space(None).session():
            raise AssertionError("two wrote at once")
    with database.session() as session:
        assert session.get(Worker, "a") is not None


class FewSecondsLock:
    """A lock for which nobody waits as long as they say."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        assert timeout == BUSY_TIMEOUT_SECONDS
        return self._lock.acquire(timeout=0.05)

    def release(self) -> None:
        self._lock.release()


def test_constraints_speak_for_themselves(database: Database) -> None:
    """A refusal by a constraint is the caller's business and stays an IntegrityError."""
    with database.session() as session:
        session.add(worker("a"))
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(worker("a"))


def test_full_disk(sqlite: Database) -> None:
    """SQLite's own "disk is full" becomes a NoSpaceError, and writing works again when there is room."""

    def write_too_much() -> None:
        with sqlite.session() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            session.add(worker("a" * 1_000_000))

    with pytest.raises(NoSpaceError, match="BLUETIT_WORKSPACE_DIR"):
        write_too_much()
    with sqlite.session() as session:
        session.execute(text("PRAGMA max_page_count = 1000000"))
        session.add(worker("a" * 1_000_000))


def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A damaged file gives a StorageError that names the workspace."""
    settings = Settings(workspace_dir=tmp_path)
    (tmp_path / "bluetit.sqlite3").write_bytes(b"certainly not a database" * 100)
    with pytest.raises(StorageError, match="not a database") as caught:
        open_database(settings)
    assert str(tmp_path) in str(caught.value)


def test_workspace_that_cannot_be_made(tmp_path: Path) -> None:
    """A workspace below a file gives a StorageError."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        open_database(Settings(workspace_dir=tmp_path / "file" / "workspace"))


def test_newer_database_is_refused(settings: Settings, new_url: str) -> None:
    """A schema that this code does not know is left alone, with the advice to update."""
    settings = replace(settings, database_url=new_url)
    with closing(open_database(settings)) as database, database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=r"newer Bluetit \(schema 9999.*Update Bluetit"):
        open_database(settings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("no url: password", "is not an SQLAlchemy URL", id="not a URL"),
        pytest.param("mysql://host/name", "can use sqlite and postgresql", id="other database"),
        pytest.param("sqlite:///relative.db", "an absolute path was expected", id="relative path"),
        pytest.param("sqlite://", "an absolute path was expected", id="in memory"),
        pytest.param("postgresql+nonsense://host/name", "cannot be used", id="unknown driver"),
    ],
)
def test_unusable_urls(tmp_path: Path, url: str, words: str) -> None:
    """A URL that cannot work is refused with the reason and without showing a password."""
    with pytest.raises(SettingsError, match=words) as caught:
        open_database(Settings(workspace_dir=tmp_path, database_url=url))
    assert "password" not in str(caught.value)
