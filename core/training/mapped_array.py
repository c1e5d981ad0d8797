"""An array in a file, for what does not fit into memory."""

import contextlib
import math
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.storage.files import translating_disk_errors


class MappedArray:
    """An array in a file of its own, which can be closed whoever still knows this object.

    Windows deletes no file that is mapped. NumPy's `memmap` is unmapped when the last reference to it is gone, and the
    traceback of an error holds references to everything. Here only this object refers to the map: what is read is
    copied.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        """Make the file, full of zeros, or replace it.

        Args:
            path: of the file; its folder is made when missing.
            shape: of the array, which must not be empty.
            dtype: of the array.

        Raises:
            NoSpaceError: the disk is full.
            StorageError: the file cannot be made.
        """
        self.path = path
        num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        with translating_disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w+b") as file:
                file.truncate(num_bytes)
                self._map = mmap.mmap(file.fileno(), num_bytes)
        self._array: npt.NDArray[Any] = np.frombuffer(self._map, dtype).reshape(shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array; (0,) once it is closed."""
        return self._array.shape

    @property
    def is_closed(self) -> bool:
        """Whether the file is let go of."""
        return self._map.closed

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """A copy of the rows that an array of indices picks, or of any other part."""
        part: npt.NDArray[Any] = self._array[key]
        return part.copy() if np.may_share_memory(part, self._array) else part

    def __setitem__(self, key: Any, values: npt.ArrayLike) -> None:
        """Write a part."""
        self._array[key] = values

    def close(self) -> None:
        """Let go of the file; what is in the array is gone."""
        self._array = np.empty(0, self._array.dtype)
        # Another thread may be reading at this moment; then the map goes with what it reads.
        with contextlib.suppress(BufferError):
            self._map.close()
