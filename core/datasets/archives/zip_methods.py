"""The ways in which files of a zip are packed, unpacked never more than one piece at a time.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section numbers below)
"""

import bz2
import itertools
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import inflate64
from backports import zstd

from core.datasets.archives.rules import CHUNK_BYTES

_STORED, DEFLATED, _DEFLATED64, _BZIP2, _LZMA, _ZSTD, _XZ = 0, 8, 9, 12, 14, 93, 95  # 4.4.5
_DEFLATE64_PIECE_BYTES = 512  # the library gives all that comes out of them: 15 MB at most
_MAX_DICTIONARY_BYTES = 256_000_000  # of LZMA; the archive may ask for 4 GB


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


UNPACKERS: dict[int, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    _STORED: iter,
    DEFLATED: _inflate,
    _DEFLATED64: _inflate64,
    _BZIP2: _unpack_bzip2,
    _LZMA: _unpack_lzma,
    _ZSTD: _unpack_zstd,
    _XZ: _unpack_xz,
}
