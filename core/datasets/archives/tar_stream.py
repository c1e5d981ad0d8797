"""The bytes inside of a tar, unpacked on the way, from front to back in flat memory."""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from backports import zstd

from core.datasets.archives.cursor import Cursor
from core.datasets.archives.rules import CHUNK_BYTES, ENDS_EARLY, UNREADABLE, BrokenArchiveError, Budget

BLOCK_BYTES = tarfile.BLOCKSIZE
_XZ_MEMORY_BYTES = 256_000_000  # `xz -9` needs 65 MB to unpack; the header may ask for 4 GB
_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins like this is compressed with gzip, bzip2, xz or zstd."""
    return head.startswith((_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC, _ZSTD_MAGIC))


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class TarStream:
    """Unpacked bytes from front to back, counted, with the errors of every compression in one."""

    def __init__(
        self, file: _Readable, budget: Budget, *, seek: Callable[[int], int] | None = None, num_bytes: int = 0
    ) -> None:
        """Take what is read.

        Args:
            file: unpacked bytes.
            budget: counts them.
            seek: of a file that is not compressed; nothing needs to be read then to get past it.
            num_bytes: of such a file.
        """
        self._file = file
        self._budget = budget
        self._seek = seek
        self._num_bytes = num_bytes
        self._broken = ""  # why nothing more can be read
        self.position = 0  # bytes read so far

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        if self._broken:
            raise BrokenArchiveError(self._broken)
        try:
            data = self._file.read(size)
        except EOFError as exc:
            self._broken = ENDS_EARLY
            raise BrokenArchiveError(self._broken) from exc
        except (OSError, zlib.error, lzma.LZMAError, zstd.ZstdError) as exc:
            self._broken = UNREADABLE
            raise BrokenArchiveError(self._broken) from exc
        self.position += len(data)
        self._budget.spend(len(data))
        return data

    def read_block(self, size: int = BLOCK_BYTES) -> bytes:
        """Exactly `size` bytes; fewer only at the end of the file."""
        data = b""
        while len(data) < size and (more := self.read(size - len(data))):
            data += more
        return data

    def skip_to(self, position: int) -> None:
        """Read on to a place that lies ahead."""
        if self._seek is not None and self.position < position <= self._num_bytes:
            self._seek(position)
            self.position = position
        while self.position < position:
            if not self.read(min(CHUNK_BYTES, position - self.position)):
                raise BrokenArchiveError(ENDS_EARLY)

    def finish(self) -> None:
        """Read what follows the last member: only then is a compressed file's checksum compared."""
        while self._seek is None and self.read(CHUNK_BYTES):
            pass


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _FramedFile:
    """As `lzma.LZMAFile`, one compressed frame behind the other, but no header makes it ask for gigabytes of memory."""

    def __init__(self, file: _Readable, new_decompressor: Callable[[], _Decompressor]) -> None:
        self._file = file
        self._new_decompressor = new_decompressor
        self._decompressor = new_decompressor()

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decompressor.eof:
                following = (self._decompressor.unused_data or self._file.read(CHUNK_BYTES)).lstrip(b"\0")
                if not following:
                    return b""
                self._decompressor = self._new_decompressor()
            else:
                following = self._file.read(CHUNK_BYTES) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not following:
                    raise EOFError(ENDS_EARLY)
            data = self._decompressor.decompress(following, size)
            if data:
                return data


def _new_xz_decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


def open_tar_stream(packed: BinaryIO, budget: Budget) -> TarStream:
    """The bytes inside of a tar from its beginning; several streams of one file do not disturb each other.

    Args:
        packed: the whole tar, compressed or not.
        budget: counts what comes out.
    """
    file = Cursor(packed)
    head = file.read(len(_XZ_MAGIC))
    file.seek(0)
    if head.startswith(_GZIP_MAGIC):
        return TarStream(gzip.GzipFile(fileobj=cast(BinaryIO, file), mode="rb"), budget)
    if head.startswith(_BZIP2_MAGIC):
        return TarStream(bz2.BZ2File(cast(BinaryIO, file)), budget)
    if head.startswith(_XZ_MAGIC):
        return TarStream(_FramedFile(file, _new_xz_decompressor), budget)
    if head.startswith(_ZSTD_MAGIC):
        return TarStream(_FramedFile(file, zstd.ZstdDecompressor), budget)
    return TarStream(file, budget, seek=file.seek, num_bytes=packed.seek(0, io.SEEK_END))
