"""Reads tar, plain or compressed, from front to back in flat memory.

Python's `tarfile` keeps every member it has met and reads long names whole, whatever size they claim; here only the
current one is kept, and `tarfile.TarInfo` reads the single header. Links to files of the archive come last, with the
content of their targets: for those, and only when they are read, the archive is passed a second time.
Source: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar and pax),
https://www.gnu.org/software/tar/manual/html_node/Standard.html (GNU)
"""

import bz2
import functools
import gzip
import hashlib
import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from backports import zstd

from core.datasets.archives.cursor import Cursor
from core.datasets.archives.name_encodings import ArchiveNames, NameEncodings
from core.datasets.archives.rules import (
    CHUNK_BYTES,
    CUT_OFF,
    ENDS_EARLY,
    UNREADABLE,
    ArchiveLimits,
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
_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"

_MAX_LINK_HOPS = 5  # from link to link until the file comes
_MAX_LINK_NAME_BYTES = 64_000_000  # of all links together, as their names are kept until the archive's end
_MAX_KEPT_BYTES = 50_000_000  # of a file with several links, which is then read once for all of them


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins like this is compressed with gzip, bzip2, xz or zstd."""
    return head.startswith((_GZIP_MAGIC, _BZIP2_MAGIC, _XZ_MAGIC, _ZSTD_MAGIC))


def is_tar_header(block: bytes) -> bool:
    """Whether the first 512 bytes of a file are a tar's; a tar of nothing at all counts too."""
    if len(block) < _BLOCK_BYTES:
        return False
    try:
        _parse_header(block)
    except tarfile.HeaderError:
        return not any(block)
    return True


@dataclass(frozen=True, slots=True)
class _Span:
    """Where the content of a file lies in the unpacked tar."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Link:
    """A link to another file of the archive, by the keys of both."""

    raw_name: bytes
    target: bytes
    span: _Span | None  # of a hard link: the file that bore the target's name at this place


class TarReader:
    """The files of a tar."""

    def __init__(self, file: BinaryIO, name: str, limits: ArchiveLimits, *, name_encoding: str | None = None) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._num_file_bytes = file.seek(0, io.SEEK_END)
        self._names = ArchiveNames(self._untold_names, name_encoding)

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that are no UTF-8, once there was such a one."""
        return self._names.encodings

    def begins_like_tar(self, budget: Budget) -> bool:
        """Whether a tar is inside, once it is unpacked."""
        try:
            return is_tar_header(self._open_stream(budget).read_block())
        except BrokenArchiveError:
            return False

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file and device from the front, links at the end; folders are left out.

        Raises:
            ArchiveError: more comes out than the limits allow.
            BrokenArchiveError: the rest cannot be read.
        """
        stream = self._open_stream(budget)
        spans: dict[bytes, _Span] = {}
        links: list[_Link] = []
        num_link_bytes = 0
        broken: BrokenArchiveError | None = None
        try:
            while (header := _next_header(stream, budget)) is not None:
                # Links, folders and devices may state a size, but no data follows theirs.
                has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
                start = stream.position
                end = start + header.size if has_data else start
                raw_name = _raw(header.name)
                link = _link_of(header, spans) if num_link_bytes < _MAX_LINK_NAME_BYTES else None
                if link is not None:
                    links.append(link)
                    num_link_bytes += len(raw_name)
                elif not header.isdir():
                    if header.isreg():
                        spans[_key(raw_name)] = _Span(start, end)
                    yield Member(
                        path=self._readable(raw_name),
                        num_bytes=end - start,
                        refusal=_refusal(header),
                        chunks=functools.partial(_chunks, stream, start, end),
                    )
                stream.skip_to(start + _padded(end - start))
        except BrokenArchiveError as exc:
            broken = exc
        yield from self._linked(links, spans, budget)
        if broken is not None:
            raise broken

    def _linked(self, links: list[_Link], spans: dict[bytes, _Span], budget: Budget) -> Iterator[Member]:
        """The links, in the order in which the content that they lead to lies in the archive."""
        targets = {_key(link.raw_name): link.target for link in links}
        found: list[tuple[_Span, _Link]] = []
        for link in links:
            span = link.span or _find_target(link.target, spans, targets)
            if span is not None:
                found.append((span, link))
            else:
                yield Member(path=self._readable(link.raw_name), num_bytes=0, refusal=_LINK, chunks=lambda: iter(()))
        replay = _Replay(self._open_stream, budget)
        for span, link in sorted(found, key=lambda item: item[0].start):
            yield Member(
                path=self._readable(link.raw_name),
                num_bytes=span.end - span.start,
                refusal=None,
                chunks=functools.partial(replay.chunks, span),
            )

    def _readable(self, raw_name: bytes) -> str:
        """A name without the lone surrogates that stand for bytes which are no UTF-8: no database takes them."""
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            return self._names.read(raw_name)

    def _untold_names(self) -> Iterator[bytes]:
        """The names that are no UTF-8, for which the archive is passed once more."""
        budget = Budget(self._name, self._num_file_bytes, self._limits)
        stream = self._open_stream(budget)
        with suppress(BrokenArchiveError):  # said when the files are read
            while (header := _next_header(stream, budget)) is not None:
                raw_name = _raw(header.name)
                if not _is_utf8(raw_name):
                    yield raw_name
                has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
                stream.skip_to(stream.position + (_padded(header.size) if has_data else 0))

    def _open_stream(self, budget: Budget) -> "_Stream":
        file = Cursor(self._file)
        head = file.read(len(_XZ_MAGIC))
        file.seek(0)
        if head.startswith(_GZIP_MAGIC):
            return _Stream(gzip.GzipFile(fileobj=cast(BinaryIO, file), mode="rb"), budget)
        if head.startswith(_BZIP2_MAGIC):
            return _Stream(bz2.BZ2File(cast(BinaryIO, file)), budget)
        if head.startswith(_XZ_MAGIC):
            return _Stream(_FramedFile(file, _new_xz_decompressor), budget)
        if head.startswith(_ZSTD_MAGIC):
            return _Stream(_FramedFile(file, zstd.ZstdDecompressor), budget)
        return _Stream(file, budget, seek=file.seek, num_bytes=self._num_file_bytes)


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


class _Replay:
    """Reads files once more, in the order in which they lie in the archive."""

    def __init__(self, open_stream: "Callable[[Budget], _Stream]", budget: Budget) -> None:
        self._open_stream = open_stream
        self._budget = budget
        self._stream: _Stream | None = None
        self._span: _Span | None = None
        self._kept: list[bytes] = []

    def chunks(self, span: _Span) -> Iterator[bytes]:
        if span == self._span:
            for data in self._kept:
                self._budget.spend(len(data))
                yield data
            return
        self._kept, self._span = [], None
        stream = self._stream_at(span.start)
        is_kept = span.end - span.start <= _MAX_KEPT_BYTES
        for data in _chunks(stream, span.start, span.end):
            if is_kept:
                self._kept.append(data)
            yield data
        self._span = span if is_kept else None

    def _stream_at(self, start: int) -> "_Stream":
        # What is passed over on the way comes out a second time, and is kept by nobody.
        with self._budget.counting_container():
            try:
                if self._stream is None or self._stream.position > start:
                    self._stream = self._open_stream(self._budget)
                self._stream.skip_to(start)
            except BrokenArchiveError as exc:
                raise BrokenMemberError(CUT_OFF) from exc
        return self._stream


class _Stream:
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

    def read_block(self, size: int = _BLOCK_BYTES) -> bytes:
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


def _next_header(stream: _Stream, budget: Budget) -> tarfile.TarInfo | None:
    """The header of the next member, with its long names from the headers before it; None at the end."""
    name: str | None = None
    link_name: str | None = None
    size: int | None = None
    while True:
        block = stream.read_block()
        if not any(block) and len(block) == _BLOCK_BYTES:
            stream.finish()
            return None
        header = _checked_header(block)
        budget.count_entry()
        if header.type == tarfile.GNUTYPE_LONGNAME:
            name = _text(_read_extra(stream, header.size).rstrip(b"\0"))
        elif header.type == tarfile.GNUTYPE_LONGLINK:
            link_name = _text(_read_extra(stream, header.size).rstrip(b"\0"))
        elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            pax = _parse_pax(_read_extra(stream, header.size))
            name = pax.get("path", name)
            link_name = pax.get("linkpath", link_name)
            size = int(pax["size"]) if pax.get("size", "").isdecimal() else size
        elif header.type == tarfile.XGLTYPE:
            stream.skip_to(stream.position + _padded(header.size))
        else:
            header.name = header.name if name is None else name
            header.linkname = header.linkname if link_name is None else link_name
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
        records[_text(key)] = _text(value)
        position += length
    return records


def _skip_sparse_map(stream: _Stream, block: bytes) -> None:
    has_more = block[_SPARSE_MORE_BYTE] != 0
    while has_more:
        block = stream.read_block()
        if len(block) < _BLOCK_BYTES:
            raise BrokenArchiveError(ENDS_EARLY)
        has_more = block[_SPARSE_MORE_BYTE_NEXT] != 0


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


def _text(raw: bytes) -> str:
    """As `tarfile` reads names: bytes that are no UTF-8 as lone surrogates, from which `_raw` has them back."""
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- links ------------------------------------------------------------------------------------------------


def _link_of(header: tarfile.TarInfo, spans: dict[bytes, _Span]) -> _Link | None:
    """A hard link (GNU tar writes one for the second name of a file) or a symbolic one inside the archive."""
    raw_name, raw_target = _raw(header.name), _raw(header.linkname)
    if header.islnk():
        key = _key(raw_target)
        return _Link(raw_name, key, spans.get(key))
    if header.issym() and not raw_target.startswith(b"/"):
        return _Link(raw_name, _key(posixpath.join(posixpath.dirname(raw_name), raw_target)), None)
    return None


def _find_target(target: bytes, spans: dict[bytes, _Span], targets: dict[bytes, bytes]) -> _Span | None:
    for _ in range(_MAX_LINK_HOPS):
        if target in spans:
            return spans[target]
        if target not in targets:
            return None
        target = targets[target]
    return None


def _key(raw_name: bytes) -> bytes:
    """What a file is found by: short, as 200,000 of them may be kept, whatever their names."""
    return hashlib.blake2b(posixpath.normpath(raw_name), digest_size=16).digest()
