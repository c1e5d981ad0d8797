"""Reads 7-Zip archives through py7zr, file by file, in bounded memory and without writing anything.

py7zr unpacks whole archives; here only its reading of the header and its decompressors are used. What they would do
to a hostile archive is refused before: headers that grow without end, millions of files, dictionaries of gigabytes,
and methods whose libraries cannot be told how much to unpack at once.
Source: https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from py7zr.compressor import SevenZipDecompressor
from py7zr.exceptions import PasswordRequired

from core.datasets.archives.cursor import Cursor
from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.archives.rules import (
    CHUNK_BYTES,
    DAMAGED,
    ArchiveLimits,
    BrokenMemberError,
    Budget,
    Member,
    too_many_entries,
)
from core.datasets.archives.seven_zip_header import (
    DEFLATE,
    DEFLATE64,
    FAULTS,
    ZSTD,
    PackedFile,
    SolidBlock,
    check_header,
    locked_error,
    read_files,
)
from core.errors import ArchiveError

_MAGIC = b"7z\xbc\xaf\x27\x1c"
# Bytes of the archive that are unpacked at once. The latter give all that comes out of these at once.
_BLOCK_BYTES = 32_768
_SMALL_BLOCK_BYTES = 512
_UNBOUNDED_METHODS = frozenset({DEFLATE, DEFLATE64, ZSTD})
_GET_AGAIN = "Copy or download it again; if that does not help, pack it anew, best as a zip."


def is_seven_zip(head: bytes) -> bool:
    """Whether a file that begins like this is a 7-Zip archive."""
    return head.startswith(_MAGIC)


class SevenZipReader:
    """The files of a 7-Zip archive.

    Raises:
        ArchiveError: it cannot be read, is encrypted together with its names, or holds more than the limits allow.
    """

    def __init__(self, file: BinaryIO, name: str, limits: ArchiveLimits) -> None:
        self._file = file
        try:
            check_header(file, name, limits)
            self._files = read_files(file)
        except PasswordRequired as exc:
            raise locked_error(name) from exc
        except FAULTS as exc:
            raise ArchiveError(
                f"Nothing can be read from {name!r}: its table of contents is damaged. {_GET_AGAIN}"
            ) from exc
        if len(self._files) > limits.max_entries:
            raise too_many_entries(name, limits)
        # Solid blocks are unpacked as a whole, so their sizes count before anything is.
        Budget(name, file.seek(0, io.SEEK_END), limits).spend(sum(found.num_bytes for found in self._files))

    @property
    def name_encodings(self) -> NameEncodings | None:
        """Nothing: names are Unicode."""
        return None

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file in stored order; folders are left out.

        Raises:
            ArchiveError: more comes out than the limits allow.
        """
        unpacking = _Unpacking(self._file, budget)
        for found in self._files:
            budget.count_entry()
            yield Member(
                path=found.name,
                num_bytes=found.num_bytes,
                refusal=found.refusal,
                chunks=lambda found=found: unpacking.chunks(found),  # type: ignore[misc]
            )


class _Unpacking:
    """What is being unpacked: one block from its front to its end."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        self._block: SolidBlock | None = None
        self._broken_at: int | None = None  # place in the block behind which nothing comes
        self._position = 0

    def chunks(self, file: PackedFile) -> Iterator[bytes]:
        """A file in pieces of at most `CHUNK_BYTES`."""
        if file.block is None:
            return
        self._go_to(file.block, file.offset)
        crc = 0
        end = file.offset + file.num_bytes
        while self._position < end:
            data = self._unpack(min(CHUNK_BYTES, end - self._position))
            crc = zlib.crc32(data, crc)
            yield data
        if file.crc is not None and crc != file.crc:
            raise BrokenMemberError(DAMAGED)

    def _go_to(self, block: SolidBlock, offset: int) -> None:
        if self._block is not block or self._position > offset:
            self._block, self._position, self._broken_at = block, 0, None
            self._cursor = Cursor(self._file, block.start)
            methods = {coder["method"] for coder in block.coders}
            try:
                self._decompressor = SevenZipDecompressor(
                    block.coders,
                    block.num_packed_bytes,
                    block.unpack_sizes,
                    None,
                    blocksize=_SMALL_BLOCK_BYTES if methods & _UNBOUNDED_METHODS else _BLOCK_BYTES,
                )
            except FAULTS as exc:
                self._broken_at = 0
                raise BrokenMemberError(DAMAGED) from exc
        while self._position < offset:
            self._unpack(min(CHUNK_BYTES, offset - self._position))

    def _unpack(self, max_bytes: int) -> bytes:
        """Some of what follows in the block, at most so much."""
        if self._broken_at is not None:
            raise BrokenMemberError(DAMAGED)
        try:
            while True:
                before = self._cursor.tell()
                data = bytes(self._decompressor.decompress(self._cursor, max_bytes))
                if data:
                    break
                if self._cursor.tell() == before:
                    raise EOFError
        except FAULTS as exc:
            self._broken_at = self._position
            raise BrokenMemberError(DAMAGED) from exc
        self._position += len(data)
        self._budget.spend(len(data))
        return data
