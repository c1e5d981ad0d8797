"""Looking for pieces of files in other files: whether anything of what was deleted is left somewhere.

A piece is `WINDOW_BYTES` long. Files are looked through at every offset, so that a piece is found wherever it lies: in
a database, in an archive that is not compressed, in a longer file.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from core.storage.store import Store

WINDOW_BYTES = 64
_CHUNK_BYTES = 8 * 1024 * 1024
_NUM_FILTERS = 3  # of two bytes each; after them every 100,000th place is left among random bytes
# A window with fewer different bytes may be of a plain area, such as many photos have.
_MIN_DIFFERENT_BYTES = 28
_JPEG_SCAN = b"\xff\xda"
# Parts of a file at which a window is taken; more are tried where the bytes there are too much alike.
_PLACES = (0.35, 0.6, 0.85)
_TRIES = 40

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What looking through files has found."""

    num_files: int
    num_bytes: int
    found: dict[Path, int]  # files in which windows were found, and how many of them each has
    unreadable: tuple[Path, ...]  # that were there and could not be read

    def with_more(self, other: "Scan") -> "Scan":
        """This and another look together."""
        return Scan(
            num_files=self.num_files + other.num_files,
            num_bytes=self.num_bytes + other.num_bytes,
            found={**self.found, **other.found},
            unreadable=(*self.unreadable, *other.unreadable),
        )


def windows_of(data: bytes) -> list[bytes]:
    """Pieces by which a photo can be found again; none where all of it is too plain to be told from others.

    Args:
        data: of a JPEG or PNG. What all photos have in common, tables and headers, is passed over.
    """
    begin = max(0, data.find(_JPEG_SCAN)) + 16
    room = len(data) - begin - WINDOW_BYTES
    if room <= 0:
        return []
    found = []
    for place in _PLACES:
        first = begin + int(room * place)
        step = max(1, room // (_TRIES * 4))
        for offset in range(first, min(first + step * _TRIES, begin + room), step):
            window = data[offset : offset + WINDOW_BYTES]
            if len(set(window)) >= _MIN_DIFFERENT_BYTES:
                found.append(window)
                break
    return found


def scan_files(paths: Iterable[Path], windows: Collection[bytes]) -> Scan:
    """Look through files for windows.

    Args:
        paths: of files; one that goes meanwhile holds nothing any more.
        windows: each of `WINDOW_BYTES` bytes.
    """
    sought = _Sought(windows)
    num_files = num_bytes = 0
    found: dict[Path, int] = {}
    unreadable = []
    for path in paths:
        seen: set[bytes] = set()
        try:
            with path.open("rb") as file:
                for chunk in _overlapping(_pieces(file)):
                    num_bytes += len(chunk)
                    seen |= sought.find(chunk)
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(path)
            continue
        num_files += 1
        if seen:
            found[path] = len(seen)
    return Scan(num_files=num_files, num_bytes=num_bytes, found=found, unreadable=tuple(unreadable))


def scan_stored(store: Store, windows: Collection[bytes], *, but: str) -> Scan:
    """Look through everything in an object store for windows, in its bytes and in what it is called.

    Args:
        store: without one, there is nothing.
        windows: each of `WINDOW_BYTES` bytes.
        but: key that is passed over.

    Returns:
        Files by their keys, as relative paths.

    Raises:
        StoreError: the store does not answer.
    """
    sought = _Sought(windows)
    num_files = num_bytes = 0
    found: dict[Path, int] = {}
    for key, pieces in store.all_files():
        if key == but:
            continue
        seen = sought.find(key.encode())
        for chunk in _overlapping(pieces):
            num_bytes += len(chunk)
            seen |= sought.find(chunk)
        num_files += 1
        if seen:
            found[Path(key)] = len(seen)
    return Scan(num_files=num_files, num_bytes=num_bytes, found=found, unreadable=())


def files_below(folders: Iterable[Path]) -> Iterator[Path]:
    """All files in folders and those inside them; links are not followed.

    Raises:
        PermissionError: a folder may not be looked into.
    """
    for folder in folders:
        for place, _, names in os.walk(folder, onerror=_passing_over_gone):
            yield from (path for name in names if not (path := Path(place, name)).is_symlink())


def _passing_over_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


class _Sought:
    """Windows, and tables by which nearly all places of a file are passed over."""

    def __init__(self, windows: Collection[bytes]) -> None:
        self._windows = frozenset(windows)
        self._tables = np.zeros((_NUM_FILTERS, 65_536), bool)
        for window in self._windows:
            for number in range(_NUM_FILTERS):
                self._tables[number, int.from_bytes(window[2 * number : 2 * number + 2], "little")] = True

    def find(self, chunk: bytes) -> set[bytes]:
        """Which of the windows a chunk has."""
        if not self._windows or len(chunk) < WINDOW_BYTES:
            return set()
        data = np.frombuffer(chunk, np.uint8)
        last = len(chunk) - WINDOW_BYTES
        found = set()
        for parity in (0, 1):
            pairs = np.frombuffer(chunk, "<u2", count=(len(chunk) - parity) // 2, offset=parity)
            places = 2 * np.flatnonzero(self._tables[0][pairs]) + parity
            places = places[places <= last]
            for number in range(1, _NUM_FILTERS):
                places = places[self._tables[number][_pairs_at(data, places + 2 * number)]]
            found |= {window for place in places if (window := chunk[place : place + WINDOW_BYTES]) in self._windows}
        return found


def _pairs_at(data: Bytes, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    pairs = data[places].astype(np.uint16)
    pairs |= data[places + 1].astype(np.uint16) << 8
    return pairs


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_CHUNK_BYTES):
        yield piece


def _overlapping(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of a file, each beginning with the end of the one before, so that no window is cut in two."""
    kept = b""
    for piece in pieces:
        chunk = kept + piece
        yield chunk
        kept = chunk[-(WINDOW_BYTES - 1) :]
