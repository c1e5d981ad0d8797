"""Photos out of a zip or tar that a stranger packed, one after the other, without writing anything to disk.

The file's content decides what it is, never its name. What is wrong with the archive as a whole raises
`ArchiveError`; what is wrong with one file inside is its reason in `Archive.read_all`, and the others are read.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from core.datasets.archives.rules import ArchiveLimits, BrokenArchiveError, BrokenMemberError, Budget, Member
from core.datasets.archives.tar_reader import TarReader, is_compressed, is_tar_header
from core.datasets.archives.zip_reader import ZipReader, is_zip
from core.datasets.incoming_paths import is_junk, normalise_path, path_refusal, shown_path
from core.errors import ArchiveError
from core.storage.files import translating_disk_errors

__all__ = ["Archive", "ArchiveEntry", "ArchiveLimits", "open_archive"]

READABLE_ARCHIVES = "zip, tar, tar.gz, tar.bz2 and tar.xz"

_HEAD_BYTES = 4_096
_NESTED = "It is an archive inside an archive. Unpack it and add it by itself."
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst")
_TAR_MAGIC, _TAR_MAGIC_START = b"ustar", 257
_FOREIGN_ARCHIVES = ((b"Rar!\x1a\x07", "a RAR archive"), (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"))
# An Office document is a zip too; who reads photos has better words for it.
_OFFICE_MARKS = (b"[Content_Types].xml", b"mimetypeapplication/vnd.")


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file inside an archive."""

    path: str  # with "/" between folders, as in the archive otherwise
    num_bytes: int  # as the archive says


class _Reader(Protocol):
    def members(self, budget: Budget) -> Iterator[Member]: ...


class Archive:
    """An open archive; made by `open_archive`."""

    def __init__(self, reader: _Reader, name: str, *, num_bytes: int, limits: ArchiveLimits) -> None:
        self._reader = reader
        self._name = name
        self._num_bytes = num_bytes
        self._limits = limits

    def entries(self) -> Iterator[ArchiveEntry]:
        """The files that look as if they can be read, in stored order; a path may come twice.

        What `read_all` refuses for its name or kind is left out. A compressed tar is unpacked for it once.

        Raises:
            ArchiveError: more than the limits allow, or nothing can be listed because the archive is broken.
        """
        num_listed = 0
        try:
            for member in self._reader.members(self._new_budget()):
                path = normalise_path(member.path)
                if self._refusal(member, path) is None and not is_junk(path):
                    num_listed += 1
                    yield ArchiveEntry(path, member.num_bytes)
        except BrokenArchiveError as exc:
            # Otherwise `read_all` says so, beside what could be read.
            if num_listed == 0:
                raise ArchiveError(f"Nothing can be read from {self._name!r}: {exc}. {_GET_AGAIN}") from exc

    def read_all(self) -> Iterator[tuple[ArchiveEntry, bytes | str]]:
        """Every file with its bytes, or with the reason why it is refused, in stored order.

        One file is held in memory at a time, as long as the caller keeps none. Hidden files and those of the
        operating system are left out. When the archive is cut off or damaged, the last item has the
        archive's own name and says so.

        Raises:
            ArchiveError: more came out than the limits allow.
        """
        num_members = 0
        try:
            for member in self._reader.members(self._new_budget()):
                num_members += 1
                path = normalise_path(member.path)
                refusal = self._refusal(member, path)
                if path_refusal(path) is None and is_junk(path):
                    continue
                if refusal is not None:
                    yield ArchiveEntry(shown_path(path or member.path), member.num_bytes), refusal
                else:
                    # No variable may keep the bytes, or two files would be in memory.
                    yield ArchiveEntry(path, member.num_bytes), self._read(member)
        except BrokenArchiveError as exc:
            found = "one file" if num_members == 1 else f"{num_members:,} files"
            reason = f"Only its first {found} could be found: {exc}. {_GET_AGAIN}"
            yield ArchiveEntry(self._name, self._num_bytes), reason

    def _new_budget(self) -> Budget:
        return Budget(self._name, self._num_bytes, self._limits)

    def _refusal(self, member: Member, path: str) -> str | None:
        """Why a file is not read, as far as can be told without reading it."""
        refusal = path_refusal(path) or member.refusal
        if refusal is None and path.casefold().endswith(_ARCHIVE_SUFFIXES):
            return _NESTED
        if refusal is None and member.num_bytes > self._limits.max_photo_bytes:
            return self._too_large()
        return refusal

    def _read(self, member: Member) -> bytes | str:
        # BytesIO hands its buffer over without a second copy.
        buffer = io.BytesIO()
        try:
            for chunk in member.chunks():
                if buffer.tell() + len(chunk) > self._limits.max_photo_bytes:
                    return self._too_large()
                buffer.write(chunk)
        except BrokenMemberError as exc:
            return str(exc)
        return _NESTED if _is_nested(buffer.getbuffer()[:_HEAD_BYTES].tobytes()) else buffer.getvalue()

    def _too_large(self) -> str:
        return f"It has more than {self._limits.max_photo_bytes / 1e6:,.0f} MB, the most that is read of one photo."


_GET_AGAIN = "Copy or download the archive again; if that does not help, pack it anew."


@contextmanager
def open_archive(path: Path, name: str, limits: ArchiveLimits) -> Iterator[Archive]:
    """Open a zip, a tar or a compressed tar.

    Args:
        path: the file.
        name: what messages call it.
        limits: what is read at most.

    Raises:
        ArchiveError: the file is no such archive, is larger than the limits, or has too many entries.
        StorageError: the file cannot be read.
    """
    with translating_disk_errors(path):
        file = path.open("rb")
    with file:
        num_bytes = path.stat().st_size
        if num_bytes > limits.max_bytes:
            raise ArchiveError(
                f"{name!r} has {num_bytes / 1e6:,.0f} MB; archives of at most {limits.max_bytes / 1e6:,.0f} MB are "
                "read. Divide it into several, or ask the administrator to raise BLUETIT_MAX_ARCHIVE_BYTES."
            )
        reader = _recognise(file, name, limits)
        yield Archive(reader, name, num_bytes=num_bytes, limits=limits)


def _recognise(file: BinaryIO, name: str, limits: ArchiveLimits) -> _Reader:
    head = file.read(_HEAD_BYTES)
    if not head:
        raise ArchiveError(f"{name!r} is empty (0 bytes); an archive was expected. Copy or download it again.")
    if is_zip(head):
        return ZipReader(file, name, limits)
    if is_tar_header(head[:512]):
        return TarReader(file)
    if is_compressed(head):
        reader = TarReader(file)
        if reader.begins_like_tar(Budget(name, len(head), limits)):
            return reader
        raise ArchiveError(
            f"{name!r} is compressed, but holds no tar or only the beginning of one. {_GET_AGAIN} "
            f"These are read: {READABLE_ARCHIVES}."
        )
    zip_behind_program = ZipReader(file, name, limits)
    if zip_behind_program.has_table:
        return zip_behind_program
    what = next((what for magic, what in _FOREIGN_ARCHIVES if head.startswith(magic)), "no archive that can be read")
    raise ArchiveError(
        f"{name!r} is {what}; one of {READABLE_ARCHIVES} was expected. Unpack it, and add the folder or a zip of it."
    )


def _is_nested(head: bytes) -> bool:
    if is_zip(head):
        return not any(mark in head for mark in _OFFICE_MARKS)
    is_foreign = any(head.startswith(magic) for magic, _ in _FOREIGN_ARCHIVES)
    return is_foreign or is_compressed(head) or head.startswith(_TAR_MAGIC, _TAR_MAGIC_START)
