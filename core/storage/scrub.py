"""Nothing is left of deleted rows: not in free pages, not in the log, where the database lets itself be told."""

import sqlite3
import time
from dataclasses import dataclass

from core.errors import StorageError
from core.storage.db import BUSY_TIMEOUT_SECONDS, Database

_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbing:
    """What became of the places where deleted rows had been."""

    is_complete: bool  # whether no byte of deleted rows is left in the files of the database
    sentence: str  # the same for people


def scrub(database: Database) -> Scrubbing:
    """Write the database anew without what was deleted, and cut its log off.

    SQLite only marks deleted rows as free, and keeps older pages in its write-ahead log. VACUUM copies what is left
    into new pages; a checkpoint that truncates empties the log.
    Source: https://www.sqlite.org/lang_vacuum.html, https://www.sqlite.org/pragma.html#pragma_wal_checkpoint

    Raises:
        StorageError: others kept the database busy all the time, or the disk is full.
    """
    if database.engine.dialect.name != "sqlite":
        return _scrub_server(database)
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = OFF")  # the connection may have served a reader
        cursor.execute("VACUUM")
        deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
        while True:
            # (whether others kept it from finishing, pages in the log, pages moved)
            if not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                break
            if time.monotonic() > deadline:
                raise StorageError("Others read the database all the time, so its log could not be emptied. Try again.")
            time.sleep(_RETRY_SECONDS)
        (num_free,) = cursor.execute("PRAGMA freelist_count").fetchone()
    except sqlite3.Error as exc:
        raise StorageError(f"The database could not be written anew: {exc}. It is tried again.") from exc
    finally:
        connection.close()
    return Scrubbing(
        is_complete=num_free == 0,
        sentence="The database was written anew: it has no free pages with old content, and its log is empty.",
    )


def _scrub_server(database: Database) -> Scrubbing:
    """PostgreSQL writes over deleted rows when it vacuums; its own log and its backups are its administrator's."""
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM")
    return Scrubbing(
        is_complete=False,
        sentence="The rows are deleted, and the database server was asked to vacuum. When it writes over their place, "
        "and how long its own log keeps them, is for its administrator to say.",
    )
