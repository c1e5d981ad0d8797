"""The directories of a TIFF file: what it says about each of its pictures, before any pixel is read.

Cameras' raw files are TIFF files too, whose first picture is a small preview; only the directories tell.

Source: TIFF Revision 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf; BigTIFF,
https://www.awaresystems.be/imaging/tiff/bigtiff.html; Adobe DNG 1.7.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

# Stacks of a microscope have thousands of pictures; more of them than this are not looked for.
MAX_DIRECTORIES = 5_000
# A directory has some dozen tags; a broken one may claim anything.
_MAX_TAGS = 4_096
# Of all directories together: a slide has a million tiles, and broken directories may all point to the same bytes.
_MAX_VALUES = 4_000_000
_MAX_SUB_DIRECTORIES = 64


class Tag(IntEnum):
    """Tags that are read."""

    NEW_SUBFILE_TYPE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    DESCRIPTION = 270
    MAKE = 271
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    MIN_SAMPLE_VALUE = 280
    MAX_SAMPLE_VALUE = 281
    PLANAR_CONFIGURATION = 284
    SOFTWARE = 305
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    SUB_DIRECTORIES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    S_MIN_SAMPLE_VALUE = 340
    S_MAX_SAMPLE_VALUE = 341
    ICC_PROFILE = 34675
    GDAL_METADATA = 42112
    GDAL_NO_DATA = 42113
    DNG_VERSION = 50706


# By the number of a type: its bytes and its letter in `struct`; None for text and unknown bytes.
_TYPES: dict[int, tuple[int, str | None]] = {
    1: (1, "B"),
    2: (1, None),
    3: (2, "H"),
    4: (4, "I"),
    5: (8, "II"),
    6: (1, "b"),
    7: (1, None),
    8: (2, "h"),
    9: (4, "i"),
    10: (8, "ii"),
    11: (4, "f"),
    12: (8, "d"),
    13: (4, "I"),
    16: (8, "Q"),
    17: (8, "q"),
    18: (8, "Q"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What a TIFF file says about one of its pictures."""

    offset: int  # bytes from the beginning of the file
    values: dict[int, Any]  # by tag: a tuple of numbers, or bytes for text

    def numbers(self, tag: Tag) -> tuple[float, ...]:
        """All numbers of a tag; none if it is missing or no number."""
        found = self.values.get(tag, ())
        return found if isinstance(found, tuple) else ()

    def number(self, tag: Tag, default: int = 0) -> int:
        """The first number of a tag as an integer."""
        found = self.numbers(tag)
        return int(found[0]) if found and found[0] == found[0] and abs(found[0]) < 2**63 else default

    def text(self, tag: Tag) -> str:
        """The text of a tag; empty if it is missing."""
        found = self.values.get(tag, b"")
        return found.rstrip(b"\0").decode("utf-8", errors="replace").strip() if isinstance(found, bytes) else ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.number(Tag.WIDTH), self.number(Tag.HEIGHT)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller copy of another picture, or a mask: none that a person would call a page."""
        return bool(self.number(Tag.NEW_SUBFILE_TYPE) & 0b101)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """All directories of a file."""

    byte_order: str  # as in `struct`: < or >
    is_big: bool  # BigTIFF
    pages: tuple[Directory, ...]  # one after the other
    below_pages: tuple[Directory, ...]  # those that a page points to

    def everything(self) -> tuple[Directory, ...]:
        """Pages and what is below them."""
        return self.pages + self.below_pages


def read_directories(data: bytes) -> Directories:
    """Read all directories; those that are cut off or point nowhere are left out."""
    byte_order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    reader = _Reader(data, byte_order, is_big)
    pages = tuple(reader.chain())
    below: list[Directory] = []
    for page in pages[:_MAX_SUB_DIRECTORIES]:
        for offset in page.numbers(Tag.SUB_DIRECTORIES)[:_MAX_SUB_DIRECTORIES]:
            found = reader.directory(int(offset))
            if found is not None:
                below.append(found[0])
    return Directories(byte_order=byte_order, is_big=is_big, pages=pages, below_pages=tuple(below))


def with_first_page(data: bytes, directories: Directories, page: Directory) -> bytes:
    """The file as if a page were its first, for readers that cannot reach it otherwise."""
    if directories.pages and directories.pages[0].offset == page.offset:
        return data
    letter, start, end = ("Q", 8, 16) if directories.is_big else ("I", 4, 8)
    return data[:start] + struct.pack(directories.byte_order + letter, page.offset) + data[end:]


class _Reader:
    """Reads directories at offsets."""

    def __init__(self, data: bytes, byte_order: str, is_big: bool) -> None:
        self._data = data
        self._order = byte_order
        self._is_big = is_big
        self._offset_letter = "Q" if is_big else "I"
        self._offset_bytes = 8 if is_big else 4
        self._num_values_left = _MAX_VALUES

    def chain(self) -> Iterator[Directory]:
        offset = self._number(self._offset_letter, 8 if self._is_big else 4)
        seen: set[int] = set()
        while offset and offset not in seen and len(seen) < MAX_DIRECTORIES:
            seen.add(offset)
            found = self.directory(offset)
            if found is None:
                return
            directory, offset = found
            yield directory

    def directory(self, offset: int) -> tuple[Directory, int] | None:
        """A directory and the offset of the next one; None if there is none at this offset."""
        count_letter, count_bytes, entry_bytes = ("Q", 8, 20) if self._is_big else ("H", 2, 12)
        num_tags = self._number(count_letter, offset)
        start = offset + count_bytes
        if not 0 < num_tags <= _MAX_TAGS or start + num_tags * entry_bytes > len(self._data):
            return None
        values: dict[int, Any] = {}
        for position in range(start, start + num_tags * entry_bytes, entry_bytes):
            tag = self._number("H", position)
            if tag in _READ_TAGS and tag not in values:
                found = self._values(position)
                if found is not None:
                    values[tag] = found
        return Directory(offset=offset, values=values), self._number(
            self._offset_letter, start + num_tags * entry_bytes
        )

    def _values(self, position: int) -> tuple[float, ...] | bytes | None:
        kind = self._number("H", position + 2)
        count = self._number(self._offset_letter, position + 4)
        if kind not in _TYPES:
            return None
        size, letter = _TYPES[kind]
        # A byte of text takes less than a tenth of a number.
        cost = count if letter is not None else count // 10
        if cost > self._num_values_left:
            return None
        self._num_values_left -= cost
        place = position + 4 + self._offset_bytes
        if count * size > self._offset_bytes:
            place = self._number(self._offset_letter, place)
        content = self._data[place : place + count * size]
        if len(content) < count * size:
            return None
        if letter is None:
            return content
        numbers: tuple[float, ...] = struct.unpack(f"{self._order}{count * len(letter)}{letter[0]}", content)
        if len(letter) == 2:  # fractions
            return tuple(
                above / below if below else 0.0 for above, below in zip(numbers[::2], numbers[1::2], strict=True)
            )
        return numbers

    def _number(self, letter: str, offset: int) -> int:
        """0 beyond the end of the file."""
        size = struct.calcsize(letter)
        if offset < 0 or offset + size > len(self._data):
            return 0
        return int(struct.unpack_from(self._order + letter, self._data, offset)[0])


_READ_TAGS = frozenset(int(tag) for tag in Tag)
