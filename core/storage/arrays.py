"""Named arrays in one `.npz` file: written whole or not at all, read without pickles, and one error for any damage."""

import errno
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ArrayFileError
from core.storage.files import translating_disk_errors, write_atomically

# What NumPy and the modules below it raise for a file that is none of ours: pickles, broken headers and text
# (ValueError), an empty file (EOFError), no archive or a broken one (BadZipFile, zlib.error), a member that is locked
# or packed in a way nobody reads (RuntimeError; NotImplementedError is one), a name that only the table of contents
# has (KeyError).
_DAMAGE = (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, eq=False)
class StoredArrays:
    """The arrays of one file, by name."""

    path: Path
    arrays: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One array.

        Raises:
            ArrayFileError: the file holds none of this name.
        """
        if name not in self.arrays:
            raise self.damaged(f"it holds no “{name}”")
        return self.arrays[name]

    def damaged(self, reason: str) -> ArrayFileError:
        """The error for arrays that are not what their reader expects."""
        return ArrayFileError(f"The file {self.path} is damaged: {reason}.")


def read_arrays(path: Path) -> StoredArrays:
    """All arrays of a file.

    Raises:
        ArrayFileError: the file is missing, damaged, or was written by something else.
        StorageError: the file cannot be read.
    """
    with translating_disk_errors(path):
        try:
            # Opened here: NumPy leaves a file open that turns out to be damaged.
            with path.open("rb") as file:
                content = np.load(file, allow_pickle=False)
                # A single array has no names; of a member of the archive that is no array NumPy hands out the bytes.
                arrays = {name: content[name] for name in getattr(content, "files", ())}
        except FileNotFoundError as exc:
            raise ArrayFileError(f"The file {path} is missing.") from exc
        except (*_DAMAGE, OSError) as exc:
            # A table of contents that is damaged sends the reader to a place before the file's beginning.
            if isinstance(exc, OSError) and exc.errno != errno.EINVAL:
                raise
            # In words of ours: NumPy advises to load pickles.
            raise ArrayFileError(f"The file {path} is damaged: it cannot be read as arrays.") from exc
    if not arrays or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ArrayFileError(f"The file {path} is damaged: it holds something else than named arrays.")
    return StoredArrays(path, arrays)


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Replace a file by these arrays.

    Args:
        path: ends in `.npz`.
        arrays: by name; none of them holds Python objects.

    Raises:
        NoSpaceError: the disk is full; an older file is as it was.
        StorageError: the file cannot be written; an older file is as it was.
    """
    with write_atomically(path) as temporary:
        np.savez(temporary, allow_pickle=False, **dict(arrays))
