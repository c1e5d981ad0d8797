"""The database: opened, migrated and guarded so that several threads and processes can use it at once.

SQLite in the workspace by default, PostgreSQL by setting.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy import exc as sa_exc
from sqlalchemy.orm import Session

from core.errors import LookOnlyError, NewerDatabaseError, SettingsError, StorageError
from core.settings import Settings
from core.storage.files import no_space_error, translating_disk_errors
from core.storage.limits import SpaceRoom
from core.storage.misplaced import adopt_misplaced_database
from core.storage.notices import Notices
from core.storage.one_look import look_again
from core.storage.own_rows import OwnSession, refuse_unbound

BUSY_TIMEOUT_SECONDS = 30.0  # longest wait for another writer; ours write for milliseconds

_READ_ONLY_OPTION = "bluetit_read_only"
_WRITER_LOCK = 0x626C7565  # "blue"; PostgreSQL's advisory lock takes any number that all agree on
# SQLite keeps names of 512 bytes, its own "-journal" at the end included. Source: MAX_PATHNAME in its os_unix.c
_MAX_SQLITE_PATH_BYTES = 504
_OLDEST_SQLITE = (3, 35, 0)  # first with UPDATE ... RETURNING
_WAL_RETRY_SECONDS = 0.02
# A full disk is SQLITE_FULL, but SQLITE_IOERR_SHMSIZE ("disk I/O error") when it is full at opening.
_SQLITE_DISK_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_POSTGRESQL_DISK_FULL = "53100"  # Source: https://www.postgresql.org/docs/current/errcodes-appendix.html

# These say that a caller asked for something wrong, not that the database failed.
_CALLER_ERRORS = (
    sa_exc.IntegrityError,
    sa_exc.ProgrammingError,
    sa_exc.DataError,
    sa_exc.NotSupportedError,
)


@dataclass(frozen=True, slots=True)
class Database:
    """An open database, all of it or the part that is one space's; safe to share between threads."""

    engine: Engine
    folder: Path  # named in error messages
    notices: Notices = field(compare=False, repr=False)  # what it tells of changes
    space_id: int | None = None  # whose rows are seen; None: everybody's
    room: SpaceRoom | None = None  # how much that space may have; None: as much as there is room for
    is_read_only: bool = False  # whether it refuses to write
    # Who writes in this process, one after the other. SQLite has them wait, too, but asleep: longer and longer, up to a
    # tenth of a second at a time, however short the others write, and in no order.
    writing: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def of_space(self, space_id: int | None, room: SpaceRoom | None = None) -> "Database":
        """The same database for one space, whose rows alone are seen and changed; None: for everything in it.

        Args:
            space_id: whose rows; None: everybody's.
            room: how much may come into it; None: whoever writes puts in what they like, as a teacher who hands out.
        """
        return replace(self, space_id=space_id, room=room)

    def for_reading(self) -> "Database":
        """The same database, which refuses to write whatever is asked of it."""
        return replace(self, is_read_only=True)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction that may write: committed at the end of the block, undone when it raises.

        It is the only writer from its first statement on (SQLite: BEGIN IMMEDIATE): keep it short.

        Raises:
            NoSpaceError: the disk is full.
            LookOnlyError: it is for reading.
            StorageError: the database failed. A refusal by a constraint stays SQLAlchemy's `IntegrityError`.
        """
        if self.is_read_only:
            raise LookOnlyError("These are somebody else's things. They can be looked at here, and not changed.")
        try:
            with (
                _translating_database_errors(self.folder),
                self._taking_turns(),
                self._open(self.engine) as session,
                session.begin(),
            ):
                yield session
        finally:
            look_again()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self.writing.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StorageError(
                f"The database was written to for {BUSY_TIMEOUT_SECONDS:.0f} s without a pause. Try again."
            )
        try:
            yield
        finally:
            self.writing.release()

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        """A transaction that only reads; it never waits for a writer. Raises like `session`."""
        reading = self.engine.execution_options(**{_READ_ONLY_OPTION: True})
        with _translating_database_errors(self.folder), self._open(reading) as session, session.begin():
            yield session

    def _open(self, engine: Engine) -> Session:
        return Session(engine) if self.space_id is None else OwnSession(engine, self.space_id, self.room)

    def close(self) -> None:
        """Close the idle connections; the database must not be used after it."""
        self.notices.close()
        self.engine.dispose()


def open_database(settings: Settings) -> Database:
    """Open the database of the settings, made or brought up to date first.

    Several processes may do so at the same moment, on an empty workspace too.

    Raises:
        NoSpaceError: the disk is full.
        SettingsError: `database_url` names no database that Bluetit can use.
        StorageError: the folder or the database cannot be used, or was written by a newer Bluetit.
    """
    if settings.database_url:
        url = _parse_url(settings.database_url)
    else:
        # Not as text, which would be cut at "?" and have "%20" decoded.
        url = URL.create("sqlite", database=str(settings.database_path))
        _refuse_long_path(settings.database_path)
        adopt_misplaced_database(settings.workspace_dir, settings.database_path)
    with translating_disk_errors(settings.workspace_dir):
        settings.workspace_dir.mkdir(parents=True, exist_ok=True)
    _migrate(url, settings.workspace_dir)
    engine = _create_engine(url)
    refuse_unbound(engine)
    return Database(engine, settings.workspace_dir, Notices(engine))


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration, for commands on `connection`."""
    config = migration_scripts()
    config.attributes["connection"] = connection
    return config


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except sa_exc.ArgumentError as exc:
        # The text is not repeated: it may hold a password.
        raise SettingsError(
            "BLUETIT_DATABASE_URL is not an SQLAlchemy URL such as postgresql+psycopg://user@host/name."
        ) from exc
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"BLUETIT_DATABASE_URL names a {url.get_backend_name()} database; Bluetit can use sqlite and postgresql."
        )
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_absolute():
        raise SettingsError(
            f"BLUETIT_DATABASE_URL names the SQLite file {url.database!r}; an absolute path was expected, "
            "because server and workers run in different folders."
        )
    return url


def _refuse_long_path(path: Path) -> None:
    num_bytes = len(os.fsencode(path))
    if os.name != "nt" and num_bytes > _MAX_SQLITE_PATH_BYTES:
        raise StorageError(
            f"The path of the database has {num_bytes} bytes; SQLite can use {_MAX_SQLITE_PATH_BYTES}. "
            "Set BLUETIT_WORKSPACE_DIR to a folder with a shorter path."
        )


def _create_engine(url: URL, *, has_foreign_keys: bool = True) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _create_sqlite_engine(url, has_foreign_keys=has_foreign_keys)
    try:
        return _create_postgresql_engine(url)
    except ImportError as exc:
        raise SettingsError(
            f"BLUETIT_DATABASE_URL needs the Python package {exc.name!r}, which is not installed."
        ) from exc
    except sa_exc.ArgumentError as exc:
        raise SettingsError(f"BLUETIT_DATABASE_URL cannot be used: {exc}.") from exc


def _create_postgresql_engine(url: URL) -> Engine:
    # The server may restart while a training runs for hours: each connection is tried before it is used.
    engine = create_engine(url, pool_pre_ping=True)

    # As on SQLite: who reads sees one state, and of writers there is one at a time, or two that read before they write
    # would lose what the other wrote.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_READ_ONLY_OPTION, False):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        else:
            connection.exec_driver_sql(
                f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_SECONDS:.0f}s'; SELECT pg_advisory_xact_lock({_WRITER_LOCK})"
            )

    return engine


def _create_sqlite_engine(url: URL, *, has_foreign_keys: bool) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageError(
            f"Python brings SQLite {sqlite3.sqlite_version}; Bluetit needs 3.35 or newer. Use a newer Python."
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    # The sqlite3 module begins transactions too late and as readers; of two readers that turn writers, one
    # fails with "database is locked" without waiting. So SQLAlchemy begins them, and writers say so at once.
    # Source: https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-enabling-transactions
    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _: object) -> None:
        dbapi_connection.isolation_level = None
        dbapi_connection.execute(f"PRAGMA foreign_keys = {'ON' if has_foreign_keys else 'OFF'}")
        # With WAL a power cut may undo the last transactions but never damages the file.
        dbapi_connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_read_only = connection.get_execution_options().get(_READ_ONLY_OPTION, False)
        # Asked only for a change: it is a third of the statements of what reads one row.
        if connection.info.get(_READ_ONLY_OPTION) is not is_read_only:
            connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if is_read_only else 'OFF'}")
            connection.info[_READ_ONLY_OPTION] = is_read_only
        connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")

    return engine


def _migrate(url: URL, folder: Path) -> None:
    """Bring the schema up to date in one transaction, which also keeps other processes out meanwhile."""
    # An engine of its own: to alter a table SQLite drops the old copy, and with foreign keys on, that deletes
    # the rows that refer to it.
    engine = _create_engine(url, has_foreign_keys=False)
    try:
        with _translating_database_errors(folder):
            if engine.dialect.name == "sqlite":
                _enable_wal(engine)
            if _is_up_to_date(engine):
                return
            with engine.begin() as connection:
                config = migration_config(connection)
                _refuse_newer(connection, config)
                command.upgrade(config, "head")
    finally:
        engine.dispose()


def _is_up_to_date(engine: Engine) -> bool:
    """Whether the schema is the newest, as at nearly every start: Alembic is slow to find nothing to do."""
    with engine.execution_options(**{_READ_ONLY_OPTION: True}).begin() as connection:
        return MigrationContext.configure(connection).get_current_heads() == _newest_revisions()


@cache
def _newest_revisions() -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(migration_scripts()).get_heads())


def migration_scripts() -> Config:
    """Alembic's configuration, for commands that need no database."""
    config = Config()
    config.set_main_option("script_location", "core.storage:migrations")
    return config


def _enable_wal(engine: Engine) -> None:
    """Let readers and a writer work at the same time; the database file remembers it."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            # SQLite does not wait by itself when two processes switch at once, as both hold a read lock.
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        finally:
            connection.close()
        time.sleep(_WAL_RETRY_SECONDS)


def _refuse_newer(connection: Connection, config: Config) -> None:
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise NewerDatabaseError(
            f"The database was written by a newer Bluetit (schema {', '.join(sorted(unknown))}; "
            f"this one knows up to {max(known)}). "
            "Update Bluetit, or set BLUETIT_WORKSPACE_DIR to another folder."
        )


@contextmanager
def _translating_database_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except _CALLER_ERRORS:
        raise
    except sa_exc.TimeoutError as exc:
        raise StorageError("The database is too busy: no connection became free. Try again.") from exc
    except sa_exc.DBAPIError as exc:
        raise _database_error(exc.orig, folder) from exc
    except sqlite3.Error as exc:  # from a new connection's pragmas, which SQLAlchemy does not translate
        raise _database_error(exc, folder) from exc


def _database_error(error: BaseException | None, folder: Path) -> StorageError:
    sqlite_code = getattr(error, "sqlite_errorcode", None)
    postgresql_code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if sqlite_code in _SQLITE_DISK_FULL or postgresql_code == _POSTGRESQL_DISK_FULL:
        return no_space_error(folder)
    return StorageError(f"The database of {folder} failed: {error}.")
