"""Where a zip has its table of contents, told from the last bytes of the file alone.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section numbers below)
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from core.datasets.archives.rules import ArchiveLimits, too_many_entries
from core.datasets.archives.zip_headers import CENTRAL_MAGIC, END_MAGIC
from core.errors import ArchiveError

_END = struct.Struct("<4s4H2LH")  # 4.3.16
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_MAX_COMMENT_BYTES = 65_535
_IN_ZIP64_SHORT = 0xFFFF  # the same for a number of 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipTable:
    """Where the table of contents lies."""

    start: int
    end: int
    shift: int  # bytes in front of the archive, such as the program of a self-extracting one


def find_table(file: BinaryIO, name: str, limits: ArchiveLimits, volume_starts: Sequence[int]) -> ZipTable | None:
    """Where the table of contents lies; None when it is lost.

    Raises:
        ArchiveError: the archive claims too many entries, refused from the last bytes of the file alone; or it
            is one part of several.
    """
    num_file_bytes = file.seek(0, 2)
    tail_start = max(0, num_file_bytes - _END.size - _MAX_COMMENT_BYTES)
    file.seek(tail_start)
    tail = file.read(_END.size + _MAX_COMMENT_BYTES)
    found = tail.rfind(END_MAGIC, 0, max(0, len(tail) - _END.size + len(END_MAGIC)))
    if found < 0:
        return None
    end = tail_start + found
    _, volume, table_volume, _, num_entries, num_table_bytes, offset, _ = _END.unpack_from(tail, found)
    if volume not in (0, _IN_ZIP64_SHORT) and volume + 1 != len(volume_starts):
        raise ArchiveError(
            f"{name!r} is the last of {volume + 1:,} pieces of a divided archive, and {len(volume_starts):,} came. "
            f"Add all of them at once: {_piece_names(name, volume)}."
        )
    wide = _read_end_64(file, end)
    if wide is not None:
        end, num_entries, num_table_bytes, offset, table_volume = wide
    offset += volume_start(table_volume, volume_starts)
    if num_entries > limits.max_entries:
        raise too_many_entries(name, limits)
    start = end - num_table_bytes
    shift = start - offset
    if start < 0 or shift < 0:
        return None
    file.seek(start)
    if num_table_bytes > 0 and file.read(len(CENTRAL_MAGIC)) != CENTRAL_MAGIC:
        return None
    return ZipTable(start=start, end=end, shift=shift)


def _piece_names(name: str, num_before: int) -> str:
    stem = name[:-4] if name.casefold().endswith(".zip") else name
    between = {1: "", 2: f", {stem}.z02"}.get(num_before, f" to {stem}.z{num_before:02d}")
    return f"{stem}.z01{between} and {name}"


def _read_end_64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int] | None:
    """Place, number of entries, bytes, offset and piece of the table, from the 64-bit record where there is one."""
    if end < _LOCATOR.size + _END_64.size:
        return None
    file.seek(end - _LOCATOR.size)
    magic, _, told, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    # Told from the archive's beginning, which is not the file's where something stands in front.
    for place in (told, end - _LOCATOR.size - _END_64.size):
        if place + _END_64.size <= end:
            file.seek(place)
            magic, *_, table_volume, _, num_entries, num_table_bytes, offset = _END_64.unpack(file.read(_END_64.size))
            if magic == b"PK\x06\x06":
                return place, num_entries, num_table_bytes, offset, table_volume
    return None


def volume_start(volume: int, volume_starts: Sequence[int]) -> int:
    """Where the piece of a divided zip begins from which an offset is counted."""
    return volume_starts[volume] if volume < len(volume_starts) else 0
