"""The copies that a node has of what is in an object store: which version each is of, and which go for room.

Beside each copy that may change, in a folder `.store`, lies a mark with the version that it is a copy of and the size
and time that the file had then. A file without a fitting mark was written here, and is sent; one with it is not. While
it is being sent the mark says so: the store may have it already, under a version that nobody here knows yet.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors

MARKS_FOLDER = ".store"
# A copy that was used so recently may be about to be opened.
IN_USE_SECONDS = 600.0
_TOUCH_SECONDS = 60.0  # from one note of a use to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a file was when it was last the same as in the store."""

    version: str  # empty: it has never been in the store
    num_bytes: int
    modified_ns: int
    sent_at: float  # Unix seconds at which sending it began; 0: it is not being sent

    @property
    def is_being_sent(self) -> bool:
        """Whether somebody sends it, or has died over it not long ago."""
        return time.time() - self.sent_at < IN_USE_SECONDS

    def fits(self, facts: os.stat_result) -> bool:
        """Whether a file is as it was then, and in the store."""
        return not self.sent_at and (self.num_bytes, self.modified_ns) == (facts.st_size, facts.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that may go for room, if the store has it."""

    path: Path
    num_bytes: int
    used_at: float  # Unix seconds


def facts_of(path: Path) -> os.stat_result | None:
    """What the disk says of a file; None where there is none."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_mark(path: Path) -> Mark | None:
    """The mark of a file; None where there is none, or half of one."""
    try:
        version, num_bytes, modified_ns, sent_at = _mark_path(path).read_text(encoding="utf-8").split("\n")
        return Mark(version=version, num_bytes=int(num_bytes), modified_ns=int(modified_ns), sent_at=float(sent_at))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def write_mark(path: Path, version: str, facts: os.stat_result, *, sent_at: float = 0.0) -> None:
    """Note that a file, as it was then, is the same as a version in the store, or will be once it is sent."""
    mark = _mark_path(path)
    draft = mark.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{time.monotonic_ns()}-{mark.name}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(f"{version}\n{facts.st_size}\n{facts.st_mtime_ns}\n{sent_at}", encoding="utf-8")
    os.replace(draft, mark)


def remove_mark(path: Path) -> None:
    """Forget what is known of a file."""
    _mark_path(path).unlink(missing_ok=True)


def note_use(path: Path, facts: os.stat_result) -> None:
    """Note that a copy is used now; its time of change stays."""
    now_ns = time.time_ns()
    if now_ns - facts.st_atime_ns > _TOUCH_SECONDS * 1e9:
        with contextlib.suppress(OSError):  # it goes at this very moment, or is somebody else's
            os.utime(path, ns=(now_ns, facts.st_mtime_ns))


def files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Finished files below a folder, or the file itself; neither marks nor drafts."""
    facts = facts_of(folder)
    if facts is not None and not folder.is_dir():
        yield folder, facts
        return
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != MARKS_FOLDER and not name.startswith(TEMPORARY_PREFIX)]
        for name in names:
            path = Path(place, name)
            if not name.startswith(TEMPORARY_PREFIX) and (facts := facts_of(path)) is not None:
                yield path, facts


def list_copies(folders: tuple[Path, ...]) -> list[Copy]:
    """All files below some folders, the longest unused ones first."""
    found = [
        Copy(path, facts.st_size, max(facts.st_atime, facts.st_mtime))
        for folder in folders
        for path, facts in files_below(folder)
    ]
    return sorted(found, key=lambda copy: copy.used_at)


@contextlib.contextmanager
def arriving(path: Path) -> Iterator[Path]:
    """A draft that becomes the file once the block is over, without waiting for the disk: the store has it too."""
    draft = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    with translating_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def _mark_path(path: Path) -> Path:
    return path.parent / MARKS_FOLDER / path.name
