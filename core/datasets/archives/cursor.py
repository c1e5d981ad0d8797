"""Several readers of one open file, each with a place of its own."""

import io
from typing import BinaryIO


class Cursor:
    """A place in a file, whatever others read of it meanwhile."""

    def __init__(self, file: BinaryIO, position: int = 0) -> None:
        self._file = file
        self._position = position

    def read(self, size: int = -1, /) -> bytes:
        """As of any file."""
        self._file.seek(self._position)
        data = self._file.read(size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As of any file."""
        if whence != io.SEEK_SET:
            self._file.seek(self._position)
            offset = self._file.seek(offset, whence)
        self._position = offset
        return offset

    def tell(self) -> int:
        """The place that is read next."""
        return self._position

    def seekable(self) -> bool:
        """Always."""
        return True
