"""Files and folders that appear whole or not at all, and disk errors in words that help.

Everything is written under a temporary name in its final folder and moved into place, so a reader, or the
next start after a power cut, sees the old content or the new one, never half of it.
"""

import contextlib
import errno
import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import NoSpaceError, StorageError

# First letters of the names of unfinished files and folders.
TEMPORARY_PREFIX = ".tmp-"
# No file takes so long to write: an older draft belongs to a writer that was killed.
ABANDONED_AFTER_SECONDS = 6 * 3600.0

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
# ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED.
# Source: https://learn.microsoft.com/windows/win32/debug/system-error-codes
_FULL_WINERRORS = frozenset({39, 112, 1295})
# ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION: a virus scanner has the file open for a moment.
_IN_USE_WINERRORS = frozenset({5, 32})
_IN_USE_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)

_ELSEWHERE = "set BLUETIT_WORKSPACE_DIR or BLUETIT_CACHE_DIR to a folder"


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Write a file as a whole: the body fills the temporary path, the end of the block moves it into place.

    Args:
        path: the final file; its folder is made when missing, an older file is replaced.

    Yields:
        A path that does not exist yet, in the same folder and with the same suffix (Keras wants it).

    Raises:
        NoSpaceError: the disk is full; nothing was changed.
        StorageError: the file cannot be written; nothing was changed.
    """
    with translating_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_path(path)
        try:
            yield temporary
            _flush_to_disk(temporary)
            _replace(temporary, path)
            _flush_to_disk(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def write_directory_atomically(final_dir: Path) -> Iterator[Path]:
    """Write a folder as a whole: the body fills the temporary folder, the end of the block publishes it.

    Args:
        final_dir: the final folder; when another process publishes it first, theirs stays.

    Yields:
        An empty folder beside `final_dir`.

    Raises:
        NoSpaceError: the disk is full; nothing was published.
        StorageError: the folder cannot be written; nothing was published.
    """
    with translating_disk_errors(final_dir.parent):
        temporary_dir = _temporary_path(final_dir)
        temporary_dir.mkdir(parents=True)
        try:
            yield temporary_dir
            publish_directory(temporary_dir, final_dir)
        finally:
            shutil.rmtree(temporary_dir, ignore_errors=True)


def publish_directory(temporary_dir: Path, final_dir: Path) -> None:
    """Move a finished folder to its final name in one step.

    When `final_dir` is there already, another process published the same content first: theirs stays and ours
    is deleted.

    Args:
        temporary_dir: finished folder on the same disk as `final_dir`.
        final_dir: where readers look for it.

    Raises:
        NoSpaceError: the disk is full; nothing was published.
        StorageError: the folder cannot be moved.
    """
    with translating_disk_errors(final_dir.parent):
        for folder, _, names in os.walk(temporary_dir):
            for name in names:
                _flush_to_disk(Path(folder) / name)
            _flush_to_disk(Path(folder))
        try:
            _replace(temporary_dir, final_dir)
        except OSError:
            if not final_dir.is_dir():
                raise
            shutil.rmtree(temporary_dir, ignore_errors=True)
        _flush_to_disk(final_dir.parent)


@contextmanager
def translating_disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's disk errors into `StorageError`s that name the folder and the remedy.

    Args:
        path: the file or folder that the block works on.

    Raises:
        NoSpaceError: the disk or the user's quota is full.
        StorageError: any other `OSError`.
    """
    try:
        yield
    except OSError as exc:
        folder = path if path.is_dir() else path.parent
        if exc.errno in _FULL_ERRNOS or getattr(exc, "winerror", None) in _FULL_WINERRORS:
            raise no_space_error(folder) from exc
        reason = exc.strerror or str(exc)
        if isinstance(exc, PermissionError) or exc.errno == errno.EROFS:
            raise StorageError(
                f"Bluetit may not write in {folder} ({reason}). "
                f"Give it permission there, or {_ELSEWHERE} that it may write in."
            ) from exc
        raise StorageError(f"A file in {folder} cannot be read or written: {reason}.") from exc


def remove_abandoned_drafts(folder: Path) -> None:
    """Delete temporary files and folders in `folder` that belong to writers which were killed long ago.

    Those that cannot be deleted are left to the next time.
    """
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for draft in folder.glob(f"{TEMPORARY_PREFIX}*"):
        # Another process may be publishing or sweeping it at this very moment, or it is somebody else's.
        with contextlib.suppress(OSError):
            if draft.stat().st_mtime >= oldest:
                continue
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)


def ensure_free_space(folder: Path, needed_bytes: int) -> None:
    """Refuse long work early that would fill the disk.

    Args:
        folder: where the bytes would go; need not exist yet.
        needed_bytes: size of what will be written.

    Raises:
        NoSpaceError: the disk has less free space.
        StorageError: the disk does not tell its free space.
    """
    existing = next((place for place in (folder, *folder.parents) if os.path.isdir(place)), Path.cwd())
    with translating_disk_errors(folder):
        free_bytes = shutil.disk_usage(existing).free
    if free_bytes < needed_bytes:
        raise NoSpaceError(
            f"The disk that holds {folder} has {free_bytes // 1_000_000:,} MB free; "
            f"{math.ceil(needed_bytes / 1e6):,} MB are needed. Free some space, or {_ELSEWHERE} on another disk."
        )


def no_space_error(folder: Path) -> NoSpaceError:
    """The error for a full disk, naming the folder and the remedy."""
    return NoSpaceError(f"The disk that holds {folder} is full. Free some space, or {_ELSEWHERE} on another disk.")


def _temporary_path(final: Path) -> Path:
    return final.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{final.name}")


def _replace(source: Path, target: Path) -> None:
    for wait_seconds in _IN_USE_RETRY_SECONDS:
        try:
            os.replace(source, target)
            return
        except PermissionError as exc:
            # Windows only: an existing folder is refused for good, a file in use only for a moment.
            if getattr(exc, "winerror", None) not in _IN_USE_WINERRORS or target.is_dir():
                raise
            time.sleep(wait_seconds)
    os.replace(source, target)


def _flush_to_disk(path: Path) -> None:
    if path.is_dir():
        if os.name == "nt":  # Windows cannot open folders; NTFS journals the names by itself
            return
        descriptor = os.open(path, os.O_RDONLY)
    else:
        descriptor = os.open(path, os.O_RDWR)  # Windows flushes only files that are open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
