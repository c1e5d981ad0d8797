"""Features of photos, kept from one check, map or training to the next. The file may be deleted at any time.

A cache never stands in the way: what is damaged, locked or does not fit on the disk counts as not there and is computed
again. Several threads and processes may use it at once, and several hosts where the folder is theirs together: SQLite's
write-ahead log (WAL) needs memory that all its users share, so they have a file of their own with a rollback journal.
Source: https://www.sqlite.org/wal.html ("All processes using a database must be on the same host computer").

Of networks that stand side by side the features of each are kept as its own, so that those which a run with one of them
alone has computed are there for a run with all.
"""

import contextlib
import logging
import math
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import parts_of
from core.settings import Settings
from core.storage.network_folder import is_on_network

logger = logging.getLogger(__name__)

_FILE = "features-1.sqlite3"  # another layout gets another number
_SHARED_FILE = "features-1-shared.sqlite3"  # where several hosts may write; nobody ever opens it with a log
_BUSY_SECONDS = 10.0
# Features of 1,280 numbers take 5 kB: three of them fill a page of this size, one would fill half of the usual two.
_PAGE_BYTES = 16_384
_MAX_VARIABLES = 500  # SQLite takes at least 999 in a statement
# Times of use are only written when they have changed by this much, or every reading would be a writing.
_USED_RESOLUTION_SECONDS = 3600
# When the cache is full it is emptied down to this part, so that it is not full again at once.
_KEPT_SHARE = 0.9

_SCHEMA = """
CREATE TABLE IF NOT EXISTS features (
    scope TEXT NOT NULL,
    photo TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS features_key ON features (scope, photo);
CREATE INDEX IF NOT EXISTS features_used ON features (used_at);
"""

Features = npt.NDArray[np.float32]
Result = TypeVar("Result")


class FeatureCache:
    """Pooled features by network, way of fitting, view and photo."""

    def __init__(self, settings: Settings) -> None:
        folder = settings.cache_path / "features"
        self._is_shared = settings.cache_is_shared or is_on_network(folder)
        self._path = folder / (_SHARED_FILE if self._is_shared else _FILE)
        self._max_bytes = settings.feature_cache_bytes

    def get(self, fingerprint: str, fit_mode: str, hashes: Collection[str], *, view: str = "") -> dict[str, Features]:
        """The features that are kept, by photo hash; photos without are left out.

        Args:
            fingerprint: of the network's artefact.
            fit_mode: how a photo became what the network saw.
            hashes: of the photos.
            view: which augmented version of each photo; empty for the photo itself.

        Returns:
            float32 (channels,) for each photo.
        """
        nothing: dict[str, Features] = {}
        parts = [
            self._attempt(partial(_select, scope=scope, hashes=hashes), nothing)
            for scope in _scopes(fingerprint, fit_mode, view)
        ]
        if len(parts) == 1:
            return parts[0]
        whole = set(parts[0]).intersection(*parts[1:])
        return {photo_hash: np.concatenate([part[photo_hash] for part in parts]) for photo_hash in whole}

    def missing(self, fingerprint: str, fit_mode: str, hashes: Iterable[str], *, view: str = "") -> list[str]:
        """Which of the photos have no features here, in their order. Arguments are those of `get`."""
        hashes = list(hashes)
        nothing: set[str] = set()
        known = [
            self._attempt(partial(_select_known, scope=scope, hashes=hashes), nothing)
            for scope in _scopes(fingerprint, fit_mode, view)
        ]
        return [photo_hash for photo_hash in hashes if not all(photo_hash in part for part in known)]

    def put(self, fingerprint: str, fit_mode: str, features: Mapping[str, Features], *, view: str = "") -> None:
        """Keep features; the longest unused ones are deleted when there are too many.

        Args:
            fingerprint: of the network's artefact.
            fit_mode: how a photo became what the network saw.
            features: float32 (channels,) by photo hash.
            view: which augmented version of each photo; empty for the photo itself.
        """
        scopes = _scopes(fingerprint, fit_mode, view)
        now = int(time.time())
        rows = []
        for photo_hash, values in features.items():
            for scope, part in zip(scopes, np.split(values, len(scopes)), strict=True):
                content = np.ascontiguousarray(part, dtype="<f4").tobytes()
                rows.append((scope, photo_hash, now, _checksum(scope, photo_hash, content), content))
        if rows:
            self._attempt(lambda connection: _insert(connection, rows, self._max_bytes), None)

    def forget(self, hashes: Collection[str]) -> int:
        """Delete whatever is kept of photos, so that the file holds nothing of them, and return how many entries.

        What is locked stays, as with everything here, and the answer is 0.
        """
        return self._attempt(lambda connection: _forget(connection, hashes), 0) if self._path.exists() else 0

    def _attempt(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """What `work` returns, or `otherwise` when the cache cannot be used now; a damaged file is begun anew."""
        try:
            with _connected(self._path, is_shared=self._is_shared) as connection:
                return work(connection)
        except (sqlite3.OperationalError, OSError) as exc:  # locked, no space, read-only
            logger.warning("The cache of features %s cannot be used now: %s", self._path, exc)
        except sqlite3.DatabaseError as exc:
            logger.warning("The cache of features %s is damaged and begun anew: %s", self._path, exc)
            for ending in ("", "-wal", "-shm", "-journal"):
                # On Windows it stays while another process has it open; the last one gets rid of it.
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        return otherwise


# --- the file --------------------------------------------------------------------------------------------


@contextmanager
def _connected(path: Path, *, is_shared: bool) -> Iterator[sqlite3.Connection]:
    """A connection of the caller's own: opening takes a fraction of a millisecond, and no two threads share it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'features_used'").fetchone():
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            # The file shrinks when rows are deleted; like the size of a page it is decided before the first table.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            if not is_shared:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        yield connection
    finally:
        connection.close()


def _select(connection: sqlite3.Connection, scope: str, hashes: Collection[str]) -> dict[str, Features]:
    stale_before = int(time.time()) - _USED_RESOLUTION_SECONDS
    found: dict[str, Features] = {}
    stale = []
    for chunk in _chunked(hashes):
        rows = connection.execute(
            f"SELECT photo, used_at, checksum, content FROM features WHERE scope = ? AND photo IN ({_marks(chunk)})",
            (scope, *chunk),
        )
        for photo_hash, used_at, checksum, content in rows:
            # What was damaged on the disk is computed again and then replaced.
            if isinstance(content, bytes) and checksum == _checksum(scope, photo_hash, content):
                found[photo_hash] = np.frombuffer(content, dtype="<f4").astype(np.float32)
                if used_at < stale_before:
                    stale.append(photo_hash)
    # While another process writes, this waits for the next time.
    with contextlib.suppress(sqlite3.OperationalError):
        for chunk in _chunked(stale):
            connection.execute(
                f"UPDATE features SET used_at = ? WHERE scope = ? AND photo IN ({_marks(chunk)})",
                (int(time.time()), scope, *chunk),
            )
    return found


def _select_known(connection: sqlite3.Connection, scope: str, hashes: Collection[str]) -> set[str]:
    return {
        photo_hash
        for chunk in _chunked(hashes)
        for (photo_hash,) in connection.execute(
            f"SELECT photo FROM features WHERE scope = ? AND photo IN ({_marks(chunk)})", (scope, *chunk)
        )
    }


def _insert(connection: sqlite3.Connection, rows: list[tuple[str, str, int, int, bytes]], max_bytes: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?, ?)", rows)
    is_full = False
    while (num_bytes := _used_bytes(connection)) > max_bytes:
        (num_rows,) = connection.execute("SELECT COUNT(*) FROM features").fetchone()
        if num_rows == 0:
            break
        is_full = True
        num_deleted = math.ceil(num_rows * (1 - _KEPT_SHARE * max_bytes / num_bytes))
        connection.execute(
            "DELETE FROM features WHERE rowid IN (SELECT rowid FROM features ORDER BY used_at, rowid LIMIT ?)",
            (num_deleted,),
        )
    connection.execute("COMMIT")
    if is_full:
        # Not `execute`: it takes one step of a statement without rows, and each step gives back one page.
        connection.executescript("PRAGMA incremental_vacuum")


def _forget(connection: sqlite3.Connection, hashes: Collection[str]) -> int:
    num_deleted = 0
    connection.execute("PRAGMA secure_delete = ON")  # over the rows, not only over the way to them
    connection.execute("BEGIN IMMEDIATE")
    for chunk in _chunked(hashes):
        num_deleted += connection.execute(f"DELETE FROM features WHERE photo IN ({_marks(chunk)})", chunk).rowcount
    connection.execute("COMMIT")
    connection.executescript("PRAGMA incremental_vacuum")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # without a log it does nothing
    return num_deleted


def _used_bytes(connection: sqlite3.Connection) -> int:
    num_pages, num_free_pages = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count")
    )
    return _PAGE_BYTES * (num_pages - num_free_pages)


def _scopes(fingerprint: str, fit_mode: str, view: str) -> list[str]:
    """One for each of the networks that stand side by side."""
    return [f"{part} {fit_mode} {view}" for part in parts_of(fingerprint)]


def _checksum(scope: str, photo_hash: str, content: bytes) -> int:
    """Covers the key too: a damaged index must not give one photo the features of another."""
    return zlib.crc32(content, zlib.crc32(f"{scope} {photo_hash}".encode()))


def _chunked(hashes: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(hashes)
    while chunk := list(islice(remaining, _MAX_VARIABLES)):
        yield chunk


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
