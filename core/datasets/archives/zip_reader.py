"""Reads zip archives in flat memory, from hostile ones no more than the limits allow.

Python's `zipfile` reads the whole table of contents before it counts, unpacks bzip2 without a bound, and has nothing
to say about an archive that was cut off. Here the table is walked, and an archive without one is read from the front.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section numbers below)
"""

import bz2
import functools
import itertools
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

import inflate64
from backports import zstd

from core.datasets.archives.name_encodings import ArchiveNames, NameEncodings
from core.datasets.archives.rules import (
    CHUNK_BYTES,
    CUT_OFF,
    DAMAGED,
    ENCRYPTED,
    ENDS_EARLY,
    LARGER_THAN_TOLD,
    UNREADABLE,
    ArchiveLimits,
    BrokenArchiveError,
    BrokenMemberError,
    Budget,
    Member,
    too_many_entries,
)
from core.errors import ArchiveError

_LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END = struct.Struct("<4s4H2LH")  # 4.3.16
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_DESCRIPTOR_MAGIC = b"PK\7\x08"
_MAGICS = (_LOCAL_MAGIC, _END_MAGIC, _DESCRIPTOR_MAGIC)

_MAX_COMMENT_BYTES = 65_535
_IN_ZIP64 = 0xFFFFFFFF  # a size or offset that stands in the zip64 extra field instead
_IN_ZIP64_SHORT = 0xFFFF  # the same for a number of 16 bits
_ZIP64_EXTRA = 1  # 4.5.3
_UNICODE_PATH_EXTRA = 0x7075  # 4.6.9
_LOCKED_FLAGS = 0x1 | 0x40 | 0x2000  # encrypted, strongly encrypted, table of contents encrypted
_DESCRIPTOR_FLAG = 0x8  # sizes and checksum follow the data
_UTF8_FLAG = 0x800
_STORED, _DEFLATED, _DEFLATED64, _BZIP2, _LZMA, _ZSTD, _XZ = 0, 8, 9, 12, 14, 93, 95  # 4.4.5
_UNIX = 3
_UNIX_TYPE_MASK, _UNIX_LINK, _UNIX_FILE, _UNIX_FOLDER = 0o170000, 0o120000, 0o100000, 0o040000

_DEFLATE64_PIECE_BYTES = 512  # the library gives all that comes out of them: 15 MB at most
_MAX_DICTIONARY_BYTES = 256_000_000  # of LZMA; the archive may ask for 4 GB

_LINK = "It is a link or another special file, not a photo. Put the photo itself into the archive."
_METHOD = "It is packed in a way (method {}) that is not read here. Pack the archive again as an ordinary zip."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a zip says about a file: in its table of contents or before the file's data."""

    raw_name: bytes
    told_name: str | None  # where the archive says which character set the name has
    flags: int
    method: int
    crc: int
    packed_bytes: int
    num_bytes: int
    offset: int  # of the local header, in the file
    is_special: bool = False  # a link or device


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Where the table of contents lies."""

    start: int
    end: int
    shift: int  # bytes in front of the archive, such as the program of a self-extracting one


def is_zip(head: bytes) -> bool:
    """Whether a file that begins like this is a zip."""
    return head.startswith(_MAGICS)


class ZipReader:
    """The files of a zip.

    Raises:
        ArchiveError: it has too many entries, or entries that overlap.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        limits: ArchiveLimits,
        *,
        volume_starts: Sequence[int] = (0,),
        name_encoding: str | None = None,
    ) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._names = ArchiveNames(self._untold_names, name_encoding)
        self._volume_starts = volume_starts
        self._num_file_bytes = file.seek(0, 2)
        self._table = _find_table(file, name, limits, volume_starts)
        if self._table is not None:
            self._refuse_overlaps(self._table, name, limits)

    @property
    def has_table(self) -> bool:
        """Whether the table of contents, at the very end of the file, is there."""
        return self._table is not None

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file in the order of the table of contents, or from the front where that is lost.

        Raises:
            ArchiveError: more comes out than the limits allow.
            BrokenArchiveError: the rest cannot be read.
        """
        for record in self._walk(budget):
            budget.count_entry()
            path = self._names.read(record.raw_name) if record.told_name is None else record.told_name
            if path.endswith(("/", "\\")):
                continue
            yield Member(
                path=path,
                num_bytes=record.num_bytes,
                refusal=_refusal(record),
                chunks=functools.partial(self._chunks, record, budget),
            )

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that do not say their character set, once there was such a one."""
        return self._names.encodings

    def _walk(self, budget: Budget) -> Iterator[_Record]:
        return self._walk_data(budget) if self._table is None else self._walk_table(self._table)

    def _untold_names(self) -> Iterator[bytes]:
        """The names that do not say their character set; they tell it only all together."""
        with suppress(BrokenArchiveError):  # said when the files are read
            for record in self._walk(Budget(self._name, self._num_file_bytes, self._limits)):
                if record.told_name is None:
                    yield record.raw_name

    def _refuse_overlaps(self, table: _Table, name: str, limits: ArchiveLimits) -> None:
        """Refuse files that share bytes: the trick behind a small zip that never ends, and behind no honest one.

        Source: Fifield 2019, "A better zip bomb", https://www.usenix.org/conference/woot19/presentation/fifield
        """
        counter = Budget(name, self._num_file_bytes, limits)
        spans = []
        try:
            for record in self._walk_table(table):
                counter.count_entry()
                spans.append((record.offset, record.offset + _LOCAL.size + record.packed_bytes))
        except BrokenArchiveError:
            pass  # said when the files are read
        spans.sort()
        for (_, end), (following_start, _) in itertools.pairwise(spans):
            if following_start < end:
                raise ArchiveError(
                    f"{name!r} holds files that lie on top of each other, as no ordinary program packs them; it was "
                    "refused as an attack. If you trust it, unpack it and use the folder."
                )

    # --- the table of contents ------------------------------------------------------------------------------

    def _walk_table(self, table: _Table) -> Iterator[_Record]:
        position = table.start
        while position < table.end:
            self._file.seek(position)
            header = self._file.read(_CENTRAL.size)
            if len(header) < _CENTRAL.size or not header.startswith(_CENTRAL_MAGIC):
                raise BrokenArchiveError(UNREADABLE)
            (_, version, _, flags, method, _, _, crc, packed, size, *rest) = _CENTRAL.unpack(header)
            name_length, extra_length, comment_length, volume, _, attributes, offset = rest
            name = self._file.read(name_length)
            extra = self._file.read(extra_length)
            wide = _zip64_values(extra)
            size = wide.take(size)
            packed = wide.take(packed)
            offset = wide.take(offset)
            unix_type = (attributes >> 16) & _UNIX_TYPE_MASK if version >> 8 == _UNIX else 0
            yield _Record(
                raw_name=name,
                told_name=_told_name(name, flags, extra),
                flags=flags,
                method=method,
                crc=crc,
                packed_bytes=packed,
                num_bytes=size,
                offset=offset + _volume_start(volume, self._volume_starts) + table.shift,
                is_special=unix_type not in (0, _UNIX_FILE, _UNIX_FOLDER),
            )
            position += _CENTRAL.size + name_length + extra_length + comment_length

    # --- from the front, where the table is lost ------------------------------------------------------------

    def _walk_data(self, budget: Budget) -> Iterator[_Record]:
        position = 0
        while True:
            self._file.seek(min(position, self._num_file_bytes))
            header = self._file.read(_LOCAL.size)
            if header.startswith((_CENTRAL_MAGIC, _END_MAGIC)):
                # Every file was there; the cut went through the table of contents.
                return
            if len(header) < _LOCAL.size:
                raise BrokenArchiveError(ENDS_EARLY)
            if not header.startswith(_LOCAL_MAGIC):
                raise BrokenArchiveError(UNREADABLE)
            _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
            name = self._file.read(name_length)
            extra = self._file.read(extra_length)
            wide = _zip64_values(extra)
            size = wide.take(size)
            packed = wide.take(packed)
            start = position + _LOCAL.size + name_length + extra_length
            record = _Record(
                raw_name=name,
                told_name=_told_name(name, flags, extra),
                flags=flags,
                method=method,
                crc=crc,
                packed_bytes=packed,
                num_bytes=size,
                offset=position,
            )
            if flags & _DESCRIPTOR_FLAG:
                record, position = self._measure(record, start, budget)
            else:
                position = start + packed
            yield record

    def _measure(self, record: _Record, start: int, budget: Budget) -> tuple[_Record, int]:
        """Find out sizes that stand behind the data, by unpacking it; with the place of the next header."""
        if record.method != _DEFLATED or record.flags & _LOCKED_FLAGS:
            raise BrokenArchiveError(UNREADABLE)  # only deflated data says itself where it ends
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        num_bytes = 0
        self._file.seek(start)
        try:
            while not unpacker.eof:
                packed = unpacker.unconsumed_tail or self._file.read(CHUNK_BYTES)
                data = unpacker.decompress(packed, CHUNK_BYTES)
                if not packed and not data:
                    raise BrokenArchiveError(ENDS_EARLY)
                num_bytes += len(data)
                budget.spend(len(data))
        except zlib.error as exc:
            raise BrokenArchiveError(UNREADABLE) from exc
        end = self._file.tell() - len(unpacker.unused_data)
        crc, descriptor_bytes = self._read_descriptor(end)
        measured = replace(record, crc=crc, packed_bytes=end - start, num_bytes=num_bytes)
        return measured, end + descriptor_bytes

    def _read_descriptor(self, position: int) -> tuple[int, int]:
        """Checksum and length of what follows the data (4.3.9): its signature is optional, its sizes 32 or 64 bits."""
        self._file.seek(position)
        found = self._file.read(28)
        skipped = 4 if found.startswith(_DESCRIPTOR_MAGIC) else 0
        for length in (skipped + 12, skipped + 20):
            if found[length : length + 2] == b"PK":
                return int.from_bytes(found[skipped : skipped + 4], "little"), length
        raise BrokenArchiveError(ENDS_EARLY)

    # --- one file -------------------------------------------------------------------------------------------

    def _chunks(self, record: _Record, budget: Budget) -> Iterator[bytes]:
        self._file.seek(min(record.offset, self._num_file_bytes))
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            raise BrokenMemberError(CUT_OFF)
        if not header.startswith(_LOCAL_MAGIC):
            raise BrokenMemberError(DAMAGED)
        _, _, flags, *_, name_length, extra_length = _LOCAL.unpack(header)
        if flags & _LOCKED_FLAGS:
            raise BrokenMemberError(ENCRYPTED)
        self._file.seek(name_length + extra_length, 1)
        crc = num_bytes = 0
        try:
            for data in _UNPACKERS[record.method](self._packed(record.packed_bytes)):
                budget.spend(len(data))
                num_bytes += len(data)
                if num_bytes > record.num_bytes:
                    raise BrokenMemberError(LARGER_THAN_TOLD)
                crc = zlib.crc32(data, crc)
                yield data
        except (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, ValueError, EOFError) as exc:
            raise BrokenMemberError(DAMAGED) from exc
        if num_bytes < record.num_bytes or crc != record.crc:
            raise BrokenMemberError(DAMAGED)

    def _packed(self, num_bytes: int) -> Iterator[bytes]:
        while num_bytes > 0:
            data = self._file.read(min(CHUNK_BYTES, num_bytes))
            if not data:
                raise BrokenMemberError(CUT_OFF)
            num_bytes -= len(data)
            yield data


# --- unpacking, never more than one piece at a time -----------------------------------------------------------


def _inflate(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    while not unpacker.eof:
        piece = unpacker.unconsumed_tail or next(packed, b"")
        data = unpacker.decompress(piece, CHUNK_BYTES)
        if not piece and not data:
            return  # ends too early: the sizes tell
        yield data


def _inflate64(packed: Iterator[bytes]) -> Iterator[bytes]:
    """As Windows packs files of more than 2 GB."""
    unpacker = inflate64.Inflater()
    for piece in packed:
        for start in range(0, len(piece), _DEFLATE64_PIECE_BYTES):
            data = unpacker.inflate(piece[start : start + _DEFLATE64_PIECE_BYTES])
            yield from (data[place : place + CHUNK_BYTES] for place in range(0, len(data), CHUNK_BYTES))


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _unpack_with(unpacker: _Unpacker, packed: Iterator[bytes]) -> Iterator[bytes]:
    while not unpacker.eof:
        needs_input = unpacker.needs_input
        piece = next(packed, b"") if needs_input else b""
        data = unpacker.decompress(piece, CHUNK_BYTES)
        if needs_input and not piece and not data:
            return  # ends too early, or LZMA without a mark at its end: the sizes tell
        yield data


def _unpack_bzip2(packed: Iterator[bytes]) -> Iterator[bytes]:
    return _unpack_with(bz2.BZ2Decompressor(), packed)


def _unpack_zstd(packed: Iterator[bytes]) -> Iterator[bytes]:
    return _unpack_with(zstd.ZstdDecompressor(), packed)


def _unpack_xz(packed: Iterator[bytes]) -> Iterator[bytes]:
    return _unpack_with(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DICTIONARY_BYTES), packed)


def _unpack_lzma(packed: Iterator[bytes]) -> Iterator[bytes]:
    """With its properties in front (5.8.8): version, their length, three small numbers in one byte, dictionary."""
    piece = next(packed, b"")
    _, length, packed_numbers, dictionary_bytes = struct.unpack("<HHBL", piece[:9].ljust(9, b"\0"))
    if length != 5 or dictionary_bytes > _MAX_DICTIONARY_BYTES:
        raise ValueError
    numbers, lc = divmod(packed_numbers, 9)
    pb, lp = divmod(numbers, 5)
    properties = {"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary_bytes, 4_096), "lc": lc, "lp": lp, "pb": pb}
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
    return _unpack_with(unpacker, itertools.chain([piece[9:]], packed))


_UNPACKERS: dict[int, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    _STORED: iter,
    _DEFLATED: _inflate,
    _DEFLATED64: _inflate64,
    _BZIP2: _unpack_bzip2,
    _LZMA: _unpack_lzma,
    _ZSTD: _unpack_zstd,
    _XZ: _unpack_xz,
}


# --- reading what the archive says ----------------------------------------------------------------------------


class _Zip64Values:
    """The 64-bit numbers of an extra field, in their fixed order."""

    def __init__(self, values: list[int]) -> None:
        self._values = values

    def take(self, value: int) -> int:
        """The number itself, or the next wide one where it stands for that."""
        if value != _IN_ZIP64 or not self._values:
            return value
        return self._values.pop(0)


def _zip64_values(extra: bytes) -> _Zip64Values:
    data = _extra_field(extra, _ZIP64_EXTRA) or b""
    num_values = min(len(data) // 8, 3)
    return _Zip64Values(list(struct.unpack_from(f"<{num_values}Q", data)))


def _extra_field(extra: bytes, kind: int) -> bytes | None:
    position = 0
    while position + 4 <= len(extra):
        found, length = struct.unpack_from("<HH", extra, position)
        if found == kind:
            return extra[position + 4 : position + 4 + length]
        position += 4 + length
    return None


def _volume_start(volume: int, volume_starts: Sequence[int]) -> int:
    """Where the piece of a divided zip begins from which an offset is counted."""
    return volume_starts[volume] if volume < len(volume_starts) else 0


def _find_table(file: BinaryIO, name: str, limits: ArchiveLimits, volume_starts: Sequence[int]) -> _Table | None:
    """Where the table of contents lies; None when it is lost.

    Raises:
        ArchiveError: the archive claims too many entries, refused from the last bytes of the file alone; or it
            is one part of several.
    """
    num_file_bytes = file.seek(0, 2)
    tail_start = max(0, num_file_bytes - _END.size - _MAX_COMMENT_BYTES)
    file.seek(tail_start)
    tail = file.read(_END.size + _MAX_COMMENT_BYTES)
    found = tail.rfind(_END_MAGIC, 0, max(0, len(tail) - _END.size + len(_END_MAGIC)))
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
    offset += _volume_start(table_volume, volume_starts)
    if num_entries > limits.max_entries:
        raise too_many_entries(name, limits)
    start = end - num_table_bytes
    shift = start - offset
    if start < 0 or shift < 0:
        return None
    file.seek(start)
    if num_table_bytes > 0 and file.read(len(_CENTRAL_MAGIC)) != _CENTRAL_MAGIC:
        return None
    return _Table(start=start, end=end, shift=shift)


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


def _told_name(raw: bytes, flags: int, extra: bytes) -> str | None:
    """A name whose character set is told: by the Unicode path (4.6.9), by the flag, or because it is ASCII."""
    field = _extra_field(extra, _UNICODE_PATH_EXTRA) or b""
    # Its checksum is of the other name: a program that knew only that one has renamed the file.
    is_current = len(field) > 5 and field[0] == 1 and int.from_bytes(field[1:5], "little") == zlib.crc32(raw)
    is_told = raw.isascii() or flags & _UTF8_FLAG
    # The Unicode path first: beside it the other name may be nothing but question marks.
    for told in (field[5:] if is_current else None, raw if is_told else None):
        if told is not None:
            with suppress(UnicodeDecodeError):
                return told.decode("utf-8")
    return None


def _refusal(record: _Record) -> str | None:
    if record.flags & _LOCKED_FLAGS:
        return ENCRYPTED
    if record.is_special:
        return _LINK
    return None if record.method in _UNPACKERS else _METHOD.format(record.method)
