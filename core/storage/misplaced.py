"""A workspace's database that an older Bluetit put elsewhere, brought into the workspace.

Up to version 0.1 the database's address was put together as text and then read as a URL: a `?` in the workspace's
path cut it off there, and `%20` became a space. So the database of `/data/what?/birds` was the file `/data/what`, and
that of `/data/my%20birds` lay in `/data/my birds`, which may be a workspace of its own.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from core.errors import StorageError
from core.storage.files import translating_disk_errors, write_atomically

logger = logging.getLogger(__name__)

IN_USE_SECONDS = 10.0  # longest wait for another process that does the same; it takes as long as copying the file

_RETRY_SECONDS = 0.05


def adopt_misplaced_database(workspace_dir: Path, database_path: Path) -> None:
    """Bring the database that an older Bluetit used for this workspace to its right place, if there is one.

    It is moved when all photos and runs that it knows are in this workspace, copied when only some are: then other
    workspaces used the same file, and find it where they left it. One that knows none of ours is left alone. Nothing
    happens where a database is in the right place already. Several processes may do so at the same moment.

    Args:
        workspace_dir: absolute path of the workspace.
        database_path: where its database belongs, inside the workspace.

    Raises:
        NoSpaceError: the disk is full; nothing was changed.
        StorageError: another program has that database open, or it cannot be read.
    """
    if not workspace_dir.is_dir():
        return  # a new workspace: whatever lies there was not its own
    for old_path in _old_paths(database_path):
        if not database_path.exists() and old_path.is_file():
            _adopt(old_path, workspace_dir, database_path)


def _old_paths(database_path: Path) -> Iterator[Path]:
    """Where the file may be: SQLAlchemy 2.1 decoded `%20` and the like, SQLAlchemy 2.0 did not."""
    beginning = str(database_path).partition("?")[0]
    for text in dict.fromkeys([unquote(beginning), beginning]):
        path = Path(os.path.abspath(text))
        if "\0" not in text and path != database_path:
            yield path


def _adopt(old_path: Path, workspace_dir: Path, database_path: Path) -> None:
    deadline = time.monotonic() + IN_USE_SECONDS
    while not database_path.exists() and old_path.is_file():
        try:
            with translating_disk_errors(database_path):
                _try_to_adopt(old_path, workspace_dir, database_path)
            return
        except sqlite3.Error as exc:
            if database_path.exists():
                return  # another process was faster, and this one looked at what it left
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise StorageError(
                    f"The database of {workspace_dir} was put into {old_path} by an older Bluetit and cannot be moved "
                    f"to its place: {exc}."
                ) from exc
            if time.monotonic() > deadline:
                raise StorageError(
                    f"The database of {workspace_dir} was put into {old_path} by an older Bluetit, and a program has "
                    "it open. Stop the older Bluetit, then start this one again."
                ) from exc
        time.sleep(_RETRY_SECONDS)


def _try_to_adopt(old_path: Path, workspace_dir: Path, database_path: Path) -> None:
    if not _is_sqlite(old_path):
        return
    # Not by its plain name, which would make the file anew when another process has just moved it.
    address = f"{old_path.as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "tasks"} <= tables:
            return  # somebody else's database
        listed = list(_listed_files(connection, workspace_dir, tables))
        # Where nothing is listed, nothing tells whose it is: beside a workspace it is ours, in another it is not.
        if not (any(path.exists() for path in listed) if listed else old_path.name != database_path.name):
            return
        # Merges its log (-wal) into the file; refused while another connection is open, even an idle one.
        connection.execute("PRAGMA journal_mode = DELETE")
        # Kept after the transaction, which a backup would wait for without end.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        if database_path.exists():
            return
        is_alone = all(path.exists() for path in _listed_files(connection, workspace_dir, tables))
        with write_atomically(database_path) as draft, closing(sqlite3.connect(draft)) as copy:
            connection.backup(copy)
    logger.warning("The database of %s was in %s; it is in its place now.", workspace_dir, old_path)
    if is_alone:
        try:
            old_path.unlink(missing_ok=True)
        except OSError as exc:  # Windows: the process that came second looks at it
            logger.warning("%s is not needed any more and could not be deleted: %s", old_path, exc)


def _is_sqlite(path: Path) -> bool:
    with translating_disk_errors(path), path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _listed_files(connection: sqlite3.Connection, workspace_dir: Path, tables: set[str]) -> Iterator[Path]:
    """Where the files of all photos and runs would be, if the database belonged to this workspace."""
    if "photos" in tables:
        for photo_hash, suffix in connection.execute("SELECT hash, suffix FROM photos"):
            yield workspace_dir / "photos" / photo_hash[:2] / f"{photo_hash}{suffix}"
    if "runs" in tables:
        for (run_id,) in connection.execute("SELECT id FROM runs WHERE started_at IS NOT NULL"):
            yield workspace_dir / "runs" / str(run_id)
