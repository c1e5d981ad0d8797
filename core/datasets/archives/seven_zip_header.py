"""What is in a 7-Zip archive, as its header says, which is looked at before py7zr makes lists of it.

Source: https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

import io
import lzma
import struct
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import py7zr
from backports import zstd
from py7zr.archiveinfo import HeaderStreamsInfo, SignatureHeader, StreamsInfo, read_boolean, read_uint64
from py7zr.compressor import SevenZipDecompressor
from py7zr.exceptions import ArchiveError as ForeignArchiveError
from py7zr.exceptions import PasswordRequired

from core.datasets.archives.cursor import Cursor
from core.datasets.archives.rules import ENCRYPTED, ArchiveLimits, too_many_entries
from core.errors import ArchiveError

_MAX_HEADER_BYTES = 24_000_000  # unpacked; 200,000 files of 50 letters have as many
_MAX_DICTIONARY_BYTES = 600_000_000  # 7-Zip's "ultra" takes 256 MB; a header may ask for 4 GB

_COPY, _DELTA, _LZMA, _LZMA2 = b"\x00", b"\x03", b"\x03\x01\x01", b"\x21"
_BZIP2, DEFLATE, DEFLATE64, ZSTD = b"\x04\x02\x02", b"\x04\x01\x08", b"\x04\x01\x09", b"\x04\xf7\x11\x01"
_AES = b"\x06\xf1\x07\x01"
# Filters that make programs of x86, PowerPC, ARM, Thumb and SPARC smaller; some packers use the first for everything.
_BRANCHES = (b"\x03\x03\x01\x03", b"\x03\x03\x02\x05", b"\x03\x03\x05\x01", b"\x03\x03\x07\x01", b"\x03\x03\x08\x05")
_HEADER_METHODS = frozenset({_COPY, _LZMA, _LZMA2, *_BRANCHES})
_METHODS = frozenset({_COPY, _DELTA, _LZMA, _LZMA2, _BZIP2, DEFLATE, DEFLATE64, ZSTD, *_BRANCHES})
_END, _HEADER, _MAIN_STREAMS, _FILES = b"\x00", b"\x01", b"\x04", b"\x05"
_PACK_INFO, _UNPACK_INFO, _SIZES, _CRC, _FOLDER, _ENCODED_HEADER = b"\x06", b"\x07", b"\x09", b"\x0a", b"\x0b", b"\x17"

# py7zr checks little of what it reads: any of these comes out of a damaged archive, and means that.
FAULTS = (
    *(ForeignArchiveError, PasswordRequired, lzma.LZMAError, struct.error, zlib.error, zstd.ZstdError),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError),
)

_LINK = "It is a link or another special file, not a photo. Put the photo itself into the archive."
_METHOD = "It is packed in a way that is not read here. Pack the archive again with 7-Zip's usual method, or as a zip."
_MEMORY = "Unpacking it needs more than {:,.0f} MB of memory. Pack the archive again with a smaller dictionary."


@dataclass(frozen=True, slots=True)
class SolidBlock:
    """Files that were packed one behind the other ("solid"): to read one, all before it must be unpacked."""

    coders: list[dict[str, Any]]
    unpack_sizes: list[int]
    start: int  # in the archive
    num_packed_bytes: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of an archive."""

    name: str
    num_bytes: int
    crc: int | None
    block: SolidBlock | None  # None: empty
    offset: int  # in what comes out of the block
    refusal: str | None


def check_header(file: BinaryIO, name: str, limits: ArchiveLimits) -> None:
    """Look at the numbers in the header before py7zr makes lists of such lengths.

    Raises one of `FAULTS` where the archive is damaged, and:

    Raises:
        ArchiveError: it is locked, or holds more than the limits allow.
    """
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
        raise locked_error(name)
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


def read_files(file: BinaryIO) -> list[PackedFile]:
    """Every file of an archive whose header was checked, in stored order; folders are left out.

    Raises one of `FAULTS` where the archive is damaged.
    """
    file.seek(0)
    archive = py7zr.SevenZipFile(file, "r")
    if not hasattr(archive, "files"):
        return []
    blocks: dict[int, SolidBlock] = {}
    streams = getattr(archive.header, "main_streams", None)
    if streams is not None:
        starts = streams.packinfo.packpositions
        for number, folder in enumerate(streams.unpackinfo.folders):
            blocks[id(folder)] = SolidBlock(
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
            PackedFile(
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


def locked_error(name: str) -> ArchiveError:
    """The error for an archive whose header is encrypted."""
    return ArchiveError(
        f"{name!r} is locked with a password, its names too. Unpack it with the password and use the photos inside."
    )
