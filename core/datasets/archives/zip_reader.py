"""Reads zip archives in flat memory, from hostile ones no more than the limits allow.

Python's `zipfile` reads the whole table of contents before it counts, unpacks bzip2 without a bound, and has nothing
to say about an archive that was cut off. Here the table is walked, and an archive without one is read from the front.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section numbers below)
"""

import functools
import itertools
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

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
)
from core.datasets.archives.zip_headers import (
    CENTRAL_HEADER,
    CENTRAL_MAGIC,
    DESCRIPTOR_FLAG,
    DESCRIPTOR_MAGIC,
    END_MAGIC,
    LOCAL_HEADER,
    LOCAL_MAGIC,
    LOCKED_FLAGS,
    ZipRecord,
    refusal_of,
    told_name,
    zip64_values,
)
from core.datasets.archives.zip_methods import DEFLATED, UNPACKERS
from core.datasets.archives.zip_table import ZipTable, find_table, volume_start
from core.errors import ArchiveError

_MAGICS = (LOCAL_MAGIC, END_MAGIC, DESCRIPTOR_MAGIC)
_UNIX = 3
_UNIX_TYPE_MASK, _UNIX_LINK, _UNIX_FILE, _UNIX_FOLDER = 0o170000, 0o120000, 0o100000, 0o040000


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
        self._table = find_table(file, name, limits, volume_starts)
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
                refusal=refusal_of(record),
                chunks=functools.partial(self._chunks, record, budget),
            )

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that do not say their character set, once there was such a one."""
        return self._names.encodings

    def _walk(self, budget: Budget) -> Iterator[ZipRecord]:
        return self._walk_data(budget) if self._table is None else self._walk_table(self._table)

    def _untold_names(self) -> Iterator[bytes]:
        """The names that do not say their character set; they tell it only all together."""
        with suppress(BrokenArchiveError):  # said when the files are read
            for record in self._walk(Budget(self._name, self._num_file_bytes, self._limits)):
                if record.told_name is None:
                    yield record.raw_name

    def _refuse_overlaps(self, table: ZipTable, name: str, limits: ArchiveLimits) -> None:
        """Refuse files that share bytes: the trick behind a small zip that never ends, and behind no honest one.

        Source: Fifield 2019, "A better zip bomb", https://www.usenix.org/conference/woot19/presentation/fifield
        """
        counter = Budget(name, self._num_file_bytes, limits)
        spans = []
        try:
            for record in self._walk_table(table):
                counter.count_entry()
                spans.append((record.offset, record.offset + LOCAL_HEADER.size + record.packed_bytes))
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

    def _walk_table(self, table: ZipTable) -> Iterator[ZipRecord]:
        position = table.start
        while position < table.end:
            self._file.seek(position)
            header = self._file.read(CENTRAL_HEADER.size)
            if len(header) < CENTRAL_HEADER.size or not header.startswith(CENTRAL_MAGIC):
                raise BrokenArchiveError(UNREADABLE)
            (_, version, _, flags, method, _, _, crc, packed, size, *rest) = CENTRAL_HEADER.unpack(header)
            name_length, extra_length, comment_length, volume, _, attributes, offset = rest
            name = self._file.read(name_length)
            extra = self._file.read(extra_length)
            wide = zip64_values(extra)
            size = wide.take(size)
            packed = wide.take(packed)
            offset = wide.take(offset)
            unix_type = (attributes >> 16) & _UNIX_TYPE_MASK if version >> 8 == _UNIX else 0
            yield ZipRecord(
                raw_name=name,
                told_name=told_name(name, flags, extra),
                flags=flags,
                method=method,
                crc=crc,
                packed_bytes=packed,
                num_bytes=size,
                offset=offset + volume_start(volume, self._volume_starts) + table.shift,
                is_special=unix_type not in (0, _UNIX_FILE, _UNIX_FOLDER),
            )
            position += CENTRAL_HEADER.size + name_length + extra_length + comment_length

    # --- from the front, where the table is lost ------------------------------------------------------------

    def _walk_data(self, budget: Budget) -> Iterator[ZipRecord]:
        position = 0
        while True:
            self._file.seek(min(position, self._num_file_bytes))
            header = self._file.read(LOCAL_HEADER.size)
            if header.startswith((CENTRAL_MAGIC, END_MAGIC)):
                # Every file was there; the cut went through the table of contents.
                return
            if len(header) < LOCAL_HEADER.size:
                raise BrokenArchiveError(ENDS_EARLY)
            if not header.startswith(LOCAL_MAGIC):
                raise BrokenArchiveError(UNREADABLE)
            _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(header)
            name = self._file.read(name_length)
            extra = self._file.read(extra_length)
            wide = zip64_values(extra)
            size = wide.take(size)
            packed = wide.take(packed)
            start = position + LOCAL_HEADER.size + name_length + extra_length
            record = ZipRecord(
                raw_name=name,
                told_name=told_name(name, flags, extra),
                flags=flags,
                method=method,
                crc=crc,
                packed_bytes=packed,
                num_bytes=size,
                offset=position,
            )
            if flags & DESCRIPTOR_FLAG:
                record, position = self._measure(record, start, budget)
            else:
                position = start + packed
            yield record

    def _measure(self, record: ZipRecord, start: int, budget: Budget) -> tuple[ZipRecord, int]:
        """Find out sizes that stand behind the data, by unpacking it; with the place of the next header."""
        if record.method != DEFLATED or record.flags & LOCKED_FLAGS:
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
        skipped = 4 if found.startswith(DESCRIPTOR_MAGIC) else 0
        for length in (skipped + 12, skipped + 20):
            if found[length : length + 2] == b"PK":
                return int.from_bytes(found[skipped : skipped + 4], "little"), length
        raise BrokenArchiveError(ENDS_EARLY)

    # --- one file -------------------------------------------------------------------------------------------

    def _chunks(self, record: ZipRecord, budget: Budget) -> Iterator[bytes]:
        self._file.seek(min(record.offset, self._num_file_bytes))
        header = self._file.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size:
            raise BrokenMemberError(CUT_OFF)
        if not header.startswith(LOCAL_MAGIC):
            raise BrokenMemberError(DAMAGED)
        _, _, flags, *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
        if flags & LOCKED_FLAGS:
            raise BrokenMemberError(ENCRYPTED)
        self._file.seek(name_length + extra_length, 1)
        crc = num_bytes = 0
        try:
            for data in UNPACKERS[record.method](self._packed(record.packed_bytes)):
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
