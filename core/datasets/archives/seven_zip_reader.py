"""Reads 7-Zip archives through py7zr, file by file, in bounded memory and without writing anything.

py7zr unpacks whole archives; here only its reading of the header and its decompressors are used. What they would do
to a hostile archive is refused before: headers that grow without end, millions of files, dictionaries of gigabytes,
and methods whose libraries cannot be told how much to unpack at once.
Source: https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import py7zr
from backports import zstd
from py7zr.archiveinfo import HeaderStreamsInfo, SignatureHeader, StreamsInfo, read_boolean, read_uint64
from py7zr.compressor import SevenZipDecompressor
from py7zr.exceptions import ArchiveError as ForeignArchiveError
from py7zr.exceptions import PasswordRequired

from core.datasets.archives.cursor import Cursor
from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.archives.rules import (
    CHUNK_BYTES,
    DAMAGED,
    ENCRYPTED,
    ArchiveLimits,
    BrokenMemberError,
    Budget,
    Member,
    too_many_entries,
)
from core.errors import ArchiveError

_MAGIC = b"7z\xbc\xaf\x27\x1c"
_MAX_HEADER_BYTES = 24_000_000  # unpacked; 200,000 files of 50 letters have as many
_MAX_DICTIONARY_BYTES = 600_000_000  # 7-Zip's "ultra" takes 256 MB; a header may ask for 4 GB

_COPY, _DELTA, _LZMA, _LZMA2 = b"\x00", b"\x03", b"\x03\x01\x01", b"\x21"
_BZIP2, _DEFLATE, _DEFLATE64, _ZSTD = b"\x04\x02\x02", b"\x04\x01\x08", b"\x04\x01\x09", b"\x04\xf7\x11\x01"
_AES = b"\x06\xf1\x07\x01"
# Filters that make programs of x86, PowerPC, ARM, Thumb and SPARC smaller; some packers use the first for everything.
_BRANCHES = (b"\x03\x03\x01\x03", b"\x03\x03\x02\x05", b"\x03\x03\x05\x01", b"\x03\x03\x07\x01", b"\x03\x03\x08\x05")
_HEADER_METHODS = frozenset({_COPY, _LZMA, _LZMA2, *_BRANCHES})
_METHODS = frozenset({_COPY, _DELTA, _LZMA, _LZMA2, _BZIP2, _DEFLATE, _DEFLATE64, _ZSTD, *_BRANCHES})
# Bytes of the archive that are unpacked at once. The latter give all that comes out of these at once.
_BLOCK_BYTES = 32_768
_SMALL_BLOCK_BYTES = 512
_UNBOUNDED_METHODS = frozenset({_DEFLATE, _DEFLATE64, _ZSTD})

_END, _HEADER, _MAIN_STREAMS, _FILES = b"\x00", b"\x01", b"\x04", b"\x05"
_PACK_INFO, _UNPACK_INFO, _SIZES, _CRC, _FOLDER, _ENCODED_HEADER = b"\x06", b"\x07", b"\x09", b"\x0a", b"\x0b", b"\x17"

# py7zr checks little of what it reads: any of these comes out of a damaged archive, and means that.
_FAULTS = (
    *(ForeignArchiveError, PasswordRequired, lzma.LZMAError, struct.error, zlib.error, zstd.ZstdError),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError),
)

_LINK = "It is a link or another special file, not a photo. Put the photo itself into the archive."
_METHOD = "It is packed in a way that is not read here. Pack the archive again with 7-Zip's usual method, or as a zip."
_MEMORY = "Unpacking it needs more than {:,.0f} MB of memory. Pack the archive again with a smaller dictionary."
_GET_AGAIN = "Copy or download it again; if that does not help, pack it anew, best as a zip."


def is_seven_zip(head: bytes) -> bool:
    """Whether a file that begins like this is a 7-Zip archive."""
    return head.startswith(_MAGIC)


@dataclass(frozen=True, slots=True)
class _Block:
    """Files that were packed one behind the other ("solid"): to read one, all before it must be unpacked."""

    coders: list[dict[str, Any]]
    unpack_sizes: list[int]
    start: int  # in the archive
    num_packed_bytes: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    num_bytes: int
    crc: int | None
    block: _Block | None  # None: empty
    offset: int  # in what comes out of the block
    refusal: str | None


class SevenZipReader:
    """The files of a 7-Zip archive.

    Raises:
        ArchiveError: it cannot be read, is encrypted together with its names, or holds more than the limits allow.
    """

    def __init__(self, file: BinaryIO, name: str, limits: ArchiveLimits) -> None:
        self._file = file
        try:
            _check_header(file, name, limits)
            self._files = _read_files(file)
        except PasswordRequired as exc:
            raise _locked(name) from exc
        except _FAULTS as exc:
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
        self._block: _Block | None = None
        self._broken_at: int | None = None  # place in the block behind which nothing comes
        self._position = 0

    def chunks(self, file: _File) -> Iterator[bytes]:
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

    def _go_to(self, block: _Block, offset: int) -> None:
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
            except _FAULTS as exc:
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
        except _FAULTS as exc:
            self._broken_at = self._position
            raise BrokenMemberError(DAMAGED) from exc
        self._position += len(data)
        self._budget.spend(len(data))
        return data


# --- the table of contents ----------------------------------------------------------------------------------


def _check_header(file: BinaryIO, name: str, limits: ArchiveLimits) -> None:
    """Look at the numbers in the header before py7zr makes lists of such lengths."""
    file.seek(0)
    signature = SignatureHeader.retrieve(file)
    after_signature = file.tell()
    num_bytes = file.seek(0, io.SEEK_END) - after_signature - signature.nextheaderofs
    if signature.nextheadersize > min(num_bytes, _MAX_HEADER_BYTES):
        raise EOFError
    file.seek(after_signature + signature.nextheaderofs)
    header = io.BytesIO(file.read(signature.nextheadersize))
    if header.read(1) == _ENCODED_HEADER:
        header = _unpack_header(file, header, after_signature, name)
    header.seek(0)
    if not header.getvalue():
        return  # an archive of nothing
    if header.read(1) != _HEADER:
        raise ValueError
    kind = header.read(1)
    if kind == _MAIN_STREAMS:
        place = header.tell()
        _check_streams(header, name, limits)
        header.seek(place)
        StreamsInfo.retrieve(header)
        kind = header.read(1)
    if kind == _FILES and read_uint64(header) > limits.max_entries:
        raise too_many_entries(name, limits)


def _unpack_header(file: BinaryIO, header: io.BytesIO, after_signature: int, name: str) -> io.BytesIO:
    place = header.tell()
    _check_streams(header, name, ArchiveLimits(max_entries=1))
    header.seek(place)
    streams = HeaderStreamsInfo.retrieve(header)
    (folder,) = streams.unpackinfo.folders
    if any(coder["method"] == _AES for coder in folder.coders):
        raise _locked(name)
    num_bytes = folder.unpacksizes[-1]
    is_usual = {coder["method"] for coder in folder.coders} <= _HEADER_METHODS
    if not is_usual or num_bytes > _MAX_HEADER_BYTES or _dictionary_bytes(folder.coders) > _MAX_DICTIONARY_BYTES:
        raise ValueError
    cursor = Cursor(file, after_signature + streams.packinfo.packpos)
    decompressor = SevenZipDecompressor(folder.coders, streams.packinfo.packsizes[0], folder.unpacksizes, None)
    data = b""
    while len(data) < num_bytes:
        before = cursor.tell()
        more = decompressor.decompress(cursor, num_bytes - len(data))
        if not more and cursor.tell() == before:
            raise EOFError
        data += more
    return io.BytesIO(data)


def _check_streams(header: io.BytesIO, name: str, limits: ArchiveLimits) -> None:
    """Compare the numbers of packed streams and of solid blocks with the limit."""
    kind = header.read(1)
    if kind == _PACK_INFO:
        read_uint64(header)  # where they begin
        num_streams = read_uint64(header)
        if num_streams > limits.max_entries:
            raise too_many_entries(name, limits)
        while (kind := header.read(1)) != _END:
            if kind == _SIZES:
                for _ in range(num_streams):
                    read_uint64(header)
            elif kind == _CRC:
                header.seek(4 * sum(read_boolean(header, num_streams, checkall=True)), io.SEEK_CUR)
            else:
                raise ValueError
        kind = header.read(1)
    if kind == _UNPACK_INFO:
        if header.read(1) != _FOLDER:
            raise ValueError
        if read_uint64(header) > limits.max_entries:
            raise too_many_entries(name, limits)


def _read_files(file: BinaryIO) -> list[_File]:
    file.seek(0)
    archive = py7zr.SevenZipFile(file, "r")
    if not hasattr(archive, "files"):
        return []
    blocks: dict[int, _Block] = {}
    streams = getattr(archive.header, "main_streams", None)
    if streams is not None:
        starts = streams.packinfo.packpositions
        for number, folder in enumerate(streams.unpackinfo.folders):
            blocks[id(folder)] = _Block(
                coders=folder.coders,
                unpack_sizes=folder.unpacksizes,
                start=archive.afterheader + streams.packinfo.packpos + starts[number],
                num_packed_bytes=starts[number + 1] - starts[number],
                refusal=_block_refusal(folder.coders),
            )
    offsets: dict[int, int] = {}
    files = []
    for found in archive.files:
        if found.is_directory:
            continue
        key = id(found.folder)
        block = None if found.emptystream else blocks[key]
        offset = offsets.get(key, 0)
        num_bytes = 0 if block is None else found.uncompressed
        if block is not None:
            offsets[key] = offset + num_bytes
        is_special = found.is_symlink or found.is_junction or found.is_socket
        files.append(
            _File(
                name=found.filename,
                num_bytes=num_bytes,
                crc=found.crc32,
                block=block,
                offset=offset,
                refusal=_LINK if is_special else block.refusal if block else None,
            )
        )
    return files


def _block_refusal(coders: list[dict[str, Any]]) -> str | None:
    methods = {coder["method"] for coder in coders}
    if _AES in methods:
        return ENCRYPTED
    if not methods <= _METHODS:
        return _METHOD
    if _dictionary_bytes(coders) > _MAX_DICTIONARY_BYTES:
        return _MEMORY.format(_MAX_DICTIONARY_BYTES / 1e6)
    return None


def _dictionary_bytes(coders: list[dict[str, Any]]) -> int:
    """Memory that unpacking needs: the header says it, and liblzma takes it at once."""
    needed = 0
    for coder in coders:
        properties = coder["properties"] or b""
        if coder["method"] == _LZMA and len(properties) == 5:
            needed = max(needed, int.from_bytes(properties[1:], "little"))
        elif coder["method"] == _LZMA2 and len(properties) == 1:
            bits = properties[0]
            needed = max(needed, (2 | bits & 1) << (bits // 2 + 11) if bits <= 40 else 1 << 62)
    return needed


def _locked(name: str) -> ArchiveError:
    return ArchiveError(
        f"{name!r} is locked with a password, its names too. Unpack it with the password and use the photos inside."
    )
