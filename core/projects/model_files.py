"""Looking at the files of a model that came from elsewhere before anything else does.

Arrays are compared with what their headers claim, and a LiteRT file is tried out in a process of its own: a file made
to crash its reader then ends that process and no other.
"""

import json
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from core.errors import ProjectError
from core.jobs.supervisor import PROJECT_ROOT
from core.records import Record

TRIAL_SECONDS = 120.0  # longest; the largest network of the catalogue takes ten
_MAX_HEADER_BYTES = 10_000  # of an array; NumPy's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape(Record):
    """What a LiteRT file takes and gives."""

    image_size: tuple[int, int]  # height and width, px
    num_features: int
    num_classes: int  # 0: it has features only


def check_arrays(path: Path, what: str) -> None:
    """Refuse arrays that would take more memory than their file, or that hold programs.

    Args:
        path: an `.npz` file.
        what: what messages call it.

    Raises:
        ProjectError: it is none that Bluetit writes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                # What `numpy.savez` writes is not packed, so that it cannot grow when it is read.
                if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                    raise ProjectError(f"{what} is packed as Bluetit packs no arrays. Nothing was brought in.")
                with archive.open(entry) as file:
                    if not _claims_its_size(file, entry.file_size):
                        raise ProjectError(
                            f"{what} holds something else than arrays of numbers. Nothing was brought in."
                        )
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError, OSError) as exc:
        raise ProjectError(f"{what} cannot be read as arrays. Nothing was brought in.") from exc


def try_network(path: Path, what: str) -> NetworkShape:
    """Load a LiteRT file in a process of its own, and ask it once.

    Args:
        path: the file.
        what: what messages call it.

    Raises:
        ProjectError: LiteRT cannot read it, needs too much memory or time, or it is no network for photos.
    """
    command = [sys.executable, "-m", "core.projects.network_trial", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=PROJECT_ROOT, timeout=TRIAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise ProjectError(f"{what} does not answer within {TRIAL_SECONDS:.0f} s. Nothing was brought in.") from exc
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise ProjectError(
            f"{what} is no network that LiteRT can load: it was tried out in a process of its own, which failed. "
            "Nothing was brought in."
        )
    return NetworkShape.from_json(json.loads(lines[-1]))


def _claims_its_size(file: IO[bytes], num_bytes: int) -> bool:
    """Whether the header of an array asks for the memory that its numbers take, and for numbers only."""
    if np.lib.format.read_magic(file) != (1, 0):  # others are for headers longer than any of ours
        return False
    shape, _, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_MAX_HEADER_BYTES)
    count = 1
    for side in shape:  # in whole numbers, which do not overflow
        count *= side
    return not dtype.hasobject and min(shape, default=0) >= 0 and count * dtype.itemsize == num_bytes - file.tell()
