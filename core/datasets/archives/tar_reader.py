"""Reads tar, plain or compressed, once from front to back in flat memory.

Python's `tarfile` keeps every member it has met and reads long names whole, whatever size they claim; here only the
current one is kept, and `tarfile.TarInfo` reads the single header.
Source: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar and pax),
https://www.gnu.org/software/tar/manual/html_node/Standard.html (GNU)
"""

import bz2
import functools
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from core.datasets.archives.rules import (
    CHUNK_BYTES,
    CUT_OFF,
    ENDS_EARLY,
    UNREADABLE,
    BrokenArchiveError,
    BrokenMemberError,
    Budget,
    Member,
)

_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAX_HEADER_BYTES = 1_000_000  # of a long name or pax header; real ones have some hundred
_XZ_MEMORY_BYTES = 256_000_000  # `xz -9` needs 65 MB to unpack; the header may ask for 4 GB
_SPARSE_MORE_BYTE = 482  # of an old GNU sparse header: further header blocks follow
_SPARSE_MORE_BYTE_NEXT = 504  # the same, of each further block

_LINK = "It is a link to another file, not a photo. Put the photo itself into the archive."
_DEVICE = "It is a device or another special file of the system, not a photo."
_SPARSE = "It is packed as a sparse file. Pack the archive again, without --sparse."
_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins like this is compressed with gzip, bzip2 or xz."""
    return head.startswith((_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC))


def is_tar_header(block: bytes) -> bool:
    """Whether the first 512 bytes of a file are a tar's; a tar of nothing at all counts too."""
    if len(block) < _BLOCK_BYTES:
        return False
    try:
        _parse_header(block)
    except tarfile.HeaderError:
        return not any(block)
    return True


class TarReader:
    """The files of a tar."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def begins_like_tar(self, budget: Budget) -> bool:
        """Whether a tar is inside, once it is unpacked."""
        try:
            return is_tar_header(self._open_stream(budget).read_block())
        except BrokenArchiveError:
            return False

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file, link and device from the front; folders are left out.

        Raises:
            ArchiveError: more comes out than the limits allow.
            BrokenArchiveError: the rest cannot be read.
        """
        stream = self._open_stream(budget)
        while (header := _next_header(stream, budget)) is not None:
            # Links, folders and devices may state a size, but no data follows theirs.
            has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
            start = stream.position
            end = start + header.size if has_data else start
            if not header.isdir():
                yield Member(
                    path=_readable_name(header.name),
                    num_bytes=end - start,
                    refusal=_refusal(header),
                    chunks=functools.partial(_chunks, stream, start, end),
                )
            stream.skip_to(start + _padded(end - start))

    def _open_stream(self, budget: Budget) -> "_Stream":
        self._file.seek(0)
        head = self._file.read(len(_XZ_MAGIC))
        self._file.seek(0)
        if head.startswith(_GZIP_MAGIC):
            return _Stream(gzip.GzipFile(fileobj=self._file, mode="rb"), budget)
        if head.startswith(_BZIP2_MAGIC):
            return _Stream(bz2.BZ2File(self._file), budget)
        if head.startswith(_XZ_MAGIC):
            return _Stream(_XzFile(self._file), budget)
        return _Stream(self._file, budget)


class _XzFile:
    """As `lzma.LZMAFile`, but a header cannot make it ask for gigabytes of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = self._new_decompressor()

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

    @staticmethod
    def _new_decompressor() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


class _Stream:
    """Unpacked bytes from front to back, counted, with the errors of every compression in one."""

    def __init__(self, file: _Readable, budget: Budget) -> None:
        self._file = file
        self._budget = budget
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
        except (OSError, zlib.error, lzma.LZMAError) as exc:
            self._broken = UNREADABLE
            raise BrokenArchiveError(self._broken) from exc
        self.position += len(data)
        self._budget.spend(len(data))
        return data

    def read_block(self, size: int = _BLOCK_BYTES) -> bytes:
        """Exactly `size` bytes; fewer only at the end of the file."""
        data = b""
        while len(data) < size and (more := self.read(size - len(data))):
            data += more
        return data

    def skip_to(self, position: int) -> None:
        """Read on to a place that lies ahead."""
        while self.position < position:
            if not self.read(min(CHUNK_BYTES, position - self.position)):
                raise BrokenArchiveError(ENDS_EARLY)


def _next_header(stream: _Stream, budget: Budget) -> tarfile.TarInfo | None:
    """The header of the next member, with its long name from the headers before it; None at the end."""
    name: str | None = None
    size: int | None = None
    while True:
        block = stream.read_block()
        if not any(block) and len(block) == _BLOCK_BYTES:
            _read_to_end(stream)
            return None
        header = _checked_header(block)
        budget.count_entry()
        if header.type == tarfile.GNUTYPE_LONGNAME:
            name = _decode(_read_extra(stream, header.size).rstrip(b"\0"))
        elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            pax = _parse_pax(_read_extra(stream, header.size))
            name = pax.get("path", name)
            size = int(pax["size"]) if pax.get("size", "").isdecimal() else size
        elif header.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            stream.skip_to(stream.position + _padded(header.size))
        else:
            header.name = header.name if name is None else name
            header.size = header.size if size is None else size
            if header.type == tarfile.GNUTYPE_SPARSE:
                _skip_sparse_map(stream, block)
            return header


def _checked_header(block: bytes) -> tarfile.TarInfo:
    # A tar must end with blocks of zeros; where they are missing, something came after.
    if len(block) < _BLOCK_BYTES:
        raise BrokenArchiveError(ENDS_EARLY)
    try:
        header = _parse_header(block)
    except tarfile.HeaderError as exc:
        raise BrokenArchiveError(UNREADABLE) from exc
    if header.size < 0:  # GNU's base-256 numbers have a sign
        raise BrokenArchiveError(UNREADABLE)
    return header


def _parse_header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (ValueError, OverflowError) as exc:  # numbers that no header has
        raise tarfile.HeaderError(str(exc)) from exc


def _read_extra(stream: _Stream, num_bytes: int) -> bytes:
    if num_bytes > _MAX_HEADER_BYTES:
        raise BrokenArchiveError(UNREADABLE)
    data = stream.read_block(_padded(num_bytes))
    if len(data) < num_bytes:
        raise BrokenArchiveError(ENDS_EARLY)
    return data[:num_bytes]


def _parse_pax(data: bytes) -> dict[str, str]:
    """The records of a pax header: "<length> <key>=<value>\\n", the length being that of the whole record."""
    records = {}
    position = 0
    while position < len(data):
        digits, space, _ = data[position : position + 20].partition(b" ")
        length = int(digits) if digits.isdigit() and space else 0
        if not len(digits) < length <= len(data) - position:
            raise BrokenArchiveError(UNREADABLE)
        key, _, value = data[position + len(digits) + 1 : position + length].rstrip(b"\n").partition(b"=")
        records[_decode(key)] = _decode(value)
        position += length
    return records


def _skip_sparse_map(stream: _Stream, block: bytes) -> None:
    has_more = block[_SPARSE_MORE_BYTE] != 0
    while has_more:
        block = stream.read_block()
        if len(block) < _BLOCK_BYTES:
            raise BrokenArchiveError(ENDS_EARLY)
        has_more = block[_SPARSE_MORE_BYTE_NEXT] != 0


def _read_to_end(stream: _Stream) -> None:
    """Read what follows the last member: only then is a compressed file's checksum compared."""
    while stream.read(CHUNK_BYTES):
        pass


def _refusal(header: tarfile.TarInfo) -> str | None:
    if header.issym() or header.islnk():
        return _LINK
    if header.type == tarfile.GNUTYPE_SPARSE:
        return _SPARSE
    return None if header.isreg() or header.isdir() else _DEVICE


def _chunks(stream: _Stream, start: int, end: int) -> Iterator[bytes]:
    if stream.position != start:
        raise BrokenMemberError(CUT_OFF)
    while stream.position < end:
        try:
            data = stream.read(min(CHUNK_BYTES, end - stream.position))
        except BrokenArchiveError as exc:
            raise BrokenMemberError(CUT_OFF) from exc
        if not data:
            raise BrokenMemberError(CUT_OFF)
        yield data


def _padded(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _readable_name(name: str) -> str:
    """A name without the lone surrogates that stand for bytes which are no UTF-8: no database takes them."""
    return _decode(name.encode("utf-8", "surrogateescape"))
