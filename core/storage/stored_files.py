"""The files of an object store by their keys, with its errors in our words; nothing here knows of copies."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import StoreError
from core.storage.store_connection import (
    connect,
    connection_errors,
    stored_at,
    translating_store_errors,
    version_of,
)

_SMALL_BYTES = 4_000_000  # up to which a file goes through memory, in one request
_AWAY_SECONDS = 3.0  # for which a failure holds for all
_BLOCK_BYTES = 8 * 1024 * 1024


class GoneError(Exception):
    """What was to be read is not in the store any more."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the store says of a file."""

    version: str
    num_bytes: int
    stored_at: float  # Unix seconds


Listing = dict[str, StoredFile]  # by key


class StoredFiles:
    """The files below the address of a store; safe between threads."""

    def __init__(self, url: str) -> None:
        """Make a connection; nobody is called yet.

        Raises:
            SettingsError: the address cannot be used.
        """
        self.url = url
        self._files, self._root = connect(url)
        self._errors = connection_errors()
        self._away_until, self._failure = float("-inf"), ""  # of the monotonic clock

    def find(self, key: str) -> Listing:
        """A file, or all files below a folder; all there are for an empty key.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        try:
            with self._translating():
                found: dict[str, dict[str, Any]] = self._files.find(self._address(key), detail=True)
        except FileNotFoundError:
            return {}
        begin = len(self._root) + 1
        return {
            name[begin:]: StoredFile(version_of(info), int(info["size"]), stored_at(info))
            for name, info in found.items()
            if info["type"] != "directory"  # some servers list a folder that is empty
        }

    def read(self, key: str, num_bytes: int = 0) -> Iterator[bytes]:
        """The bytes of a file, in pieces; of one of at most some megabytes, or of unknown size, in one.

        Raises:
            GoneError: it is not there.
            StoreError: the store does not answer, or does not let us in.
        """
        try:
            with self._translating():
                if num_bytes <= _SMALL_BYTES:
                    yield self._files.cat_file(self._address(key))
                    return
            yield from self._pieces(key)
        except FileNotFoundError as exc:
            raise GoneError(key) from exc

    def _pieces(self, key: str) -> Iterator[bytes]:
        with self._translating():
            file: IO[bytes] = self._files.open(self._address(key), "rb", block_size=_BLOCK_BYTES)
        with file:
            while True:
                with self._translating():
                    piece = file.read(_BLOCK_BYTES)
                if not piece:
                    return
                yield piece

    def write(self, key: str, path: Path) -> None:
        """Store a file as it is here, whole or not at all.

        Raises:
            FileNotFoundError: it is not here.
            NoSpaceError: the store is full.
            StoreError: the store does not answer, or does not let us in.
        """
        content = path.read_bytes() if path.stat().st_size <= _SMALL_BYTES else None
        with self._translating():
            if content is not None:
                self._files.pipe_file(self._address(key), content)
            else:
                self._files.put_file(str(path), self._address(key))

    def version(self, key: str) -> str:
        """Which version of a file is stored.

        Raises:
            GoneError: it is not there.
            StoreError: the store does not answer, or does not let us in.
        """
        try:
            with self._translating():
                return version_of(self._files.info(self._address(key)))
        except FileNotFoundError as exc:
            raise GoneError(key) from exc

    def remove(self, key: str) -> None:
        """Delete a file; one that is not there is no failure.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        with suppress(FileNotFoundError), self._translating():
            self._files.rm_file(self._address(key))

    def copy(self, source: str, target: str) -> None:
        """Give a file a second key, within the store.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        with suppress(FileNotFoundError), self._translating():
            self._files.cp_file(self._address(source), self._address(target))

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """As `translating_store_errors`; a store that has just failed is not asked by everybody, each of whom waits."""
        if time.monotonic() < self._away_until:
            raise StoreError(self._failure)
        try:
            with translating_store_errors(self.url, self._errors):
                yield
        except StoreError as exc:
            self._failure, self._away_until = str(exc), time.monotonic() + _AWAY_SECONDS
            raise

    def _address(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root
