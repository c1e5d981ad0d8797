"""Boxes, the pieces of which JP2 and JPEG XL containers are made.

Source: ISO/IEC 15444-1, annex I.4.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Box(NamedTuple):
    """Where the content of a box is, in bytes from the beginning of the file."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """All boxes of a file, or of the content of a box, until one of them makes no sense."""
    end = len(data) if end is None else min(end, len(data))
    while start + 8 <= end:
        length, content = int.from_bytes(data[start : start + 4], "big"), start + 8
        if length == 1:
            length, content = int.from_bytes(data[content : content + 8], "big"), content + 8
        # The last box may leave its length open.
        stop = min(end, start + length) if length else end
        if stop < content:
            return
        yield Box(data[start + 4 : start + 8], content, stop)
        start = stop
