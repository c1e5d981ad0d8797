"""Pixels of TIFF pages that Pillow cannot read, or not without cutting their values down to 8 bits.

Every strip and tile is unpacked to no more bytes than the page's size says: a small file cannot fill the memory.

Source: TIFF Revision 6.0; Adobe Photoshop TIFF technical note 3 (2005) for predictor 3.
"""

import io
import lzma
import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from core.errors import DamagedImageError, UnsupportedImageError
from core.photos.tiff_tags import Directory, Tag

_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
_READ_COMPRESSIONS = frozenset((_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD))
COMPRESSION_NAMES = {
    2: "fax", 3: "fax", 4: "fax", 6: "old JPEG", 7: "JPEG", 9: "JBIG", 10: "JBIG", 33003: "JPEG 2000",
    33004: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "JPEG",
    34934: "JPEG XR", 22610: "JPEG XR",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
# Rows of packed samples that are unpacked together: each bit takes a byte meanwhile.
_BITS_AT_ONCE = 8_000_000


class TiffPixels:
    """The samples of one page."""

    def __init__(self, data: bytes, byte_order: str, page: Directory, name: str) -> None:
        """Look at how the samples are written.

        Raises:
            UnsupportedImageError: in a way that is not read.
            DamagedImageError: the directory contradicts itself.
        """
        self._data, self._order, self._page, self._name = data, byte_order, page, name
        self.width, self.height = page.size
        self.num_samples = max(1, page.number(Tag.SAMPLES_PER_PIXEL, 1))
        self.bits = bits_of(page)
        self._is_planar = page.number(Tag.PLANAR_CONFIGURATION, 1) == 2 and self.num_samples > 1
        self._compression = page.number(Tag.COMPRESSION, 1)
        self._predictor = page.number(Tag.PREDICTOR, 1)
        self._dtype = self._checked_dtype()

    def _checked_dtype(self) -> np.dtype[Any]:
        page = self._page
        if self._compression not in _READ_COMPRESSIONS:
            how = COMPRESSION_NAMES.get(self._compression, f"method {self._compression}")
            raise self._unsupported(f"has {self.bits} bits a sample and is compressed with {how}")
        bits = set(page.numbers(Tag.BITS_PER_SAMPLE)) or {1}
        kind = page.number(Tag.SAMPLE_FORMAT, _UNSIGNED)
        if len(bits) > 1:
            raise self._unsupported("has bands of different depths")
        if kind == _FLOAT and self.bits in (16, 32, 64):
            return np.dtype(f"{self._order}f{self.bits // 8}")
        if kind == _SIGNED and self.bits in (8, 16, 32, 64):
            return np.dtype(f"{self._order}i{self.bits // 8}")
        if kind not in (_UNSIGNED, 4) or not 1 <= self.bits <= 64 or (self.bits > 16 and self.bits not in (32, 64)):
            raise self._unsupported(f"has samples of a kind that is not read ({self.bits} bits, format {kind})")
        if page.number(Tag.FILL_ORDER, 1) == 2 and self.bits % 8:
            raise self._unsupported("has its bits in reversed order")
        num_bytes = next(size for size in (1, 2, 4, 8) if self.bits <= 8 * size)
        # Samples that do not fill whole bytes are written most significant bit first, whatever the file's order.
        return np.dtype(f"{self._order if self.bits % 8 == 0 else '='}u{num_bytes}")

    def _unsupported(self, how: str) -> UnsupportedImageError:
        return UnsupportedImageError(
            f"{self._name!r} is a TIFF file that {how}. Save it uncompressed with 8 or 16 bits, or export it as PNG."
        )

    def _damaged(self) -> DamagedImageError:
        return DamagedImageError(
            f"{self._name!r} is a TIFF file, but it is incomplete or damaged. Copy or download it again; if it opens "
            "in a picture program, save it anew from there."
        )

    def read(self, skipped_bytes: int = 0) -> NDArray[Any]:
        """All samples, in the machine's byte order: (height, width, samples).

        Args:
            skipped_bytes: how much further the pixels begin than the directory says, in stacks with one directory.

        Raises:
            DamagedImageError: the pixels are incomplete or cannot be unpacked.
        """
        is_tiled = bool(self._page.numbers(Tag.TILE_OFFSETS))
        tags = (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS) if is_tiled else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS)
        if is_tiled:
            block = (self._page.number(Tag.TILE_HEIGHT), self._page.number(Tag.TILE_WIDTH))
        else:
            block = (min(self.height, self._page.number(Tag.ROWS_PER_STRIP, self.height) or self.height), self.width)
        # A tile is no larger than the page by more than a tile's usual side.
        if min(*block, self.width, self.height) < 1 or block[0] > self.height + 4096 or block[1] > self.width + 4096:
            raise self._damaged()
        offsets = [int(offset) + skipped_bytes for offset in self._page.numbers(tags[0])]
        counts = [int(count) for count in self._page.numbers(tags[1])]
        down, across = math.ceil(self.height / block[0]), math.ceil(self.width / block[1])
        planes = self.num_samples if self._is_planar else 1
        samples = 1 if self._is_planar else self.num_samples
        if len(offsets) < down * across * planes:
            raise self._damaged()
        if len(counts) < len(offsets):
            # Old writers leave the counts out; without compression they are known anyway.
            counts = [len(self._data)] * len(offsets)
        pixels = np.zeros((self.height, self.width, self.num_samples), self._dtype.newbyteorder("="))
        for number in range(down * across * planes):
            plane, place = divmod(number, down * across)
            top, left = place // across * block[0], place % across * block[1]
            rows = block[0] if is_tiled else min(block[0], self.height - top)
            values = self._block(offsets[number], counts[number], (rows, block[1], samples))
            kept = values[: self.height - top, : self.width - left]
            bands = slice(plane, plane + 1) if self._is_planar else slice(None)
            pixels[top : top + kept.shape[0], left : left + kept.shape[1], bands] = kept
        return pixels

    def _block(self, offset: int, count: int, shape: tuple[int, int, int]) -> NDArray[Any]:
        rows, columns, samples = shape
        row_bytes = (columns * samples * self.bits + 7) // 8
        packed = self._data[offset : offset + count]
        content = self._unpack(packed, rows, row_bytes)[: rows * row_bytes]
        if len(content) < rows * row_bytes:
            raise self._damaged()
        if self._predictor == 3 and self._dtype.kind == "f":
            return self._undo_float_predictor(content, shape)
        if self.bits % 8:
            return _unpack_bits(content, rows, columns * samples, self.bits, self._dtype).reshape(shape)
        values = np.frombuffer(content, self._dtype).reshape(shape).astype(self._dtype.newbyteorder("="))
        if self._predictor == 2:
            # Differences are those of the bit patterns, of floating-point numbers too.
            patterns = values.view(f"u{values.dtype.itemsize}")
            np.cumsum(patterns, axis=1, dtype=patterns.dtype, out=patterns)
        return values

    def _unpack(self, packed: bytes, rows: int, row_bytes: int) -> bytes:
        wanted = rows * row_bytes
        try:
            match self._compression:
                case 8 | 32946:
                    return zlib.decompressobj().decompress(packed, wanted)
                case 32773:
                    return _unpack_packbits(packed, wanted)
                case 34925:
                    return lzma.LZMADecompressor().decompress(packed, wanted)
                case 50000:
                    return _zstd(packed, wanted)
                case 5:
                    return _unpack_lzw(packed, rows, row_bytes)
        except UnsupportedImageError:
            raise
        except (zlib.error, lzma.LZMAError, ValueError, OSError, SyntaxError, EOFError, struct.error) as exc:
            raise self._damaged() from exc
        return packed

    def _undo_float_predictor(self, content: bytes, shape: tuple[int, int, int]) -> NDArray[Any]:
        """Bytes of a row stand most significant first, all first bytes before all second ones, as differences."""
        rows, columns, samples = shape
        size = self._dtype.itemsize
        differences = np.frombuffer(content, np.uint8).reshape(rows, size * columns, samples)
        planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(rows, size, columns * samples)
        most_significant_first = np.ascontiguousarray(planes.transpose(0, 2, 1))
        return most_significant_first.view(self._dtype.newbyteorder(">")).reshape(shape).astype(f"=f{size}")


def bits_of(page: Directory) -> int:
    """Bits of a sample; of the deepest one, where they differ."""
    return int(max(page.numbers(Tag.BITS_PER_SAMPLE) or (1,)))


def _unpack_bits(content: bytes, rows: int, per_row: int, bits: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    packed = np.frombuffer(content, np.uint8).reshape(rows, -1)
    values = np.empty((rows, per_row), dtype)
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.int64)
    step = max(1, _BITS_AT_ONCE // (per_row * bits))
    for top in range(0, rows, step):
        flags = np.unpackbits(packed[top : top + step], axis=1)[:, : per_row * bits]
        values[top : top + step] = flags.reshape(-1, per_row, bits) @ weights
    return values


def _unpack_packbits(packed: bytes, wanted: int) -> bytes:
    """Source: TIFF Revision 6.0, section 9."""
    unpacked = bytearray()
    position = 0
    while position < len(packed) and len(unpacked) < wanted:
        head = packed[position]
        if head < 128:
            unpacked += packed[position + 1 : position + 2 + head]
            position += 2 + head
        else:
            if head > 128:
                unpacked += packed[position + 1 : position + 2] * (257 - head)
            position += 2 if head > 128 else 1
    return bytes(unpacked)


def _zstd(packed: bytes, wanted: int) -> bytes:
    try:
        from backports import zstd  # of the standard library from Python 3.14 on
    except ImportError as exc:
        raise UnsupportedImageError(
            "A TIFF file is compressed with Zstandard, which is not read here. Save it uncompressed or as PNG."
        ) from exc
    try:
        return zstd.ZstdDecompressor().decompress(packed, wanted)
    except zstd.ZstdError as exc:
        raise ValueError("broken Zstandard data") from exc


def _unpack_lzw(packed: bytes, rows: int, row_bytes: int) -> bytes:
    """Let libtiff unpack a block, as the rows of a page of bytes: in Python it would take seconds."""
    tags = [
        (256, 4, row_bytes), (257, 4, rows), (258, 3, 8), (259, 3, 5), (262, 3, 1), (273, 4, 0), (277, 3, 1),
        (278, 4, rows), (279, 4, len(packed)),
    ]  # fmt: skip
    pixels_offset = 8 + 2 + 12 * len(tags) + 4
    entries = [
        struct.pack("<HHIHH" if kind == 3 else "<HHII", tag, kind, 1, pixels_offset if tag == 273 else value, *rest)
        for tag, kind, value in tags
        for rest in [(0,) if kind == 3 else ()]
    ]
    page = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(entries) + b"\0\0\0\0" + packed
    return TiffImagePlugin.TiffImageFile(io.BytesIO(page)).tobytes()
