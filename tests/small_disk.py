"""A disk that is really full: a small one of its own, in memory, that somebody else fills at the worst moment."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_FILLER = "somebody-elses-file"
_BLOCK_BYTES = 1 << 20
_PAGE_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class SmallDisk:
    """A folder on a disk of its own."""

    folder: Path

    def fill(self, *, left_bytes: int = 0) -> None:
        """Leave no more than some bytes free."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file:
            for size in (_BLOCK_BYTES, _PAGE_BYTES):
                while self.free_bytes >= left_bytes + size:
                    file.write(bytes(size))

    def give_back(self) -> None:
        """Take away what `fill` has written."""
        (self.folder / _FILLER).unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free


@contextmanager
def small_disk(folder: Path, num_bytes: int) -> Iterator[SmallDisk]:
    """Put an empty disk at a folder; the test is skipped where nobody may do so."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs a superuser, who may mount a disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "bluetit-test", str(folder)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        pytest.skip(f"needs the right to mount a disk: {process.stderr.strip()}")
    try:
        yield SmallDisk(folder=folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # lazy: whoever still has a file open may end
