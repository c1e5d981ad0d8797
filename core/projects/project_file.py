"""An open project file, of which nothing is believed: what is read of it is bounded, and compared with its checksum."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from core.datasets.archives.rules import ArchiveLimits, BrokenArchiveError, BrokenMemberError, Budget, Member
from core.datasets.archives.zip_reader import ZipReader, is_zip
from core.errors import ArchiveError, BluetitError, ProjectError
from core.projects.json_text import parse_json
from core.projects.layout import (
    CHECKSUMS,
    FORMAT_VERSION,
    MAX_LINE_BYTES,
    MAX_RUNS,
    SUMMARY,
    ProjectRecord,
    ProjectSummary,
    app_version,
    is_entry,
    is_hash,
    is_photo_path,
    max_bytes_of,
)
from core.records import Record
from core.storage.files import translating_disk_errors

AnyRecord = TypeVar("AnyRecord", bound=Record)

_COPY_AGAIN = "Nothing was brought in. Copy the file again, or take the project home once more."
_HEAD_BYTES = 4
_SPOOL_MEMORY_BYTES = 4_000_000  # of a table; a longer one goes to a temporary file
_NAMES_SHOWN = 3


class ProjectFile:
    """The entries of a project; made by `open_project`, for one thread."""

    def __init__(self, file: BinaryIO, name: str, limits: ArchiveLimits, spool_dir: Path | None) -> None:
        self.name = name
        self._spool_dir = spool_dir
        self._num_file_bytes = file.seek(0, 2)
        file.seek(0)
        if not is_zip(file.read(_HEAD_BYTES)):
            raise ProjectError(f"“{name}” is no project of Bluetit. Choose a file that ends in .bluetit.")
        self._budget = Budget(name, self._num_file_bytes, limits)
        self._limits = limits
        try:
            reader = ZipReader(file, name, limits)
            if not reader.has_table:
                raise self.damaged("its end is missing, as after a copy that was broken off")
            self._members = self._read_table(reader)
        except (ArchiveError, BrokenArchiveError) as exc:
            raise self._refused(exc) from exc
        self._checksums: dict[str, str] | None = None

    @property
    def paths(self) -> list[str]:
        """The names of the entries."""
        return list(self._members)

    @property
    def num_bytes(self) -> int:
        """Of all entries, as the file says."""
        return sum(member.num_bytes for member in self._members.values())

    def has(self, path: str) -> bool:
        """Whether there is such an entry."""
        return path in self._members

    def damaged(self, reason: str) -> ProjectError:
        """The error for a file that is not whole.

        Args:
            reason: ends a sentence.
        """
        return ProjectError(f"The project “{self.name}” is damaged: {reason}. {_COPY_AGAIN}")

    def missing(self, paths: list[str]) -> ProjectError:
        """The error for entries that should be there."""
        shown = ", ".join(paths[:_NAMES_SHOWN]) + (" …" if len(paths) > _NAMES_SHOWN else "")
        num_photos = sum(map(is_photo_path, paths))
        counts = [f"{num_photos:,} {'photo is' if num_photos == 1 else 'photos are'} missing"] if num_photos else []
        num_others = len(paths) - num_photos
        if num_others:
            counts.append(f"{num_others:,} other {'file is' if num_others == 1 else 'files are'} missing")
        return self.damaged(f"{' and '.join(counts)} ({shown})")

    def read_summary(self) -> ProjectSummary:
        """What a person is shown; cheap, and nothing else is read for it.

        Raises:
            ProjectError: a newer Bluetit made the file, or it is damaged.
        """
        values = self._read_json(SUMMARY, is_compared=False)
        version = values.get("format") if isinstance(values, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise ProjectError(
                f"The project “{self.name}” was made by a newer Bluetit ({str(values.get('made_by'))[:40]}, format "
                f"{version}); this one ({app_version()}) reads up to format {FORMAT_VERSION}. Install the newest "
                "Bluetit to open it."
            )
        summary = self._as_record(values, SUMMARY, ProjectSummary)
        try:
            summary.check()
        except BluetitError as exc:
            raise self.damaged(str(exc).rstrip(".")) from exc
        if len(summary.runs) > MAX_RUNS:
            raise ProjectError(f"The project “{self.name}” has {len(summary.runs):,} runs; {MAX_RUNS:,} are possible.")
        return summary

    def read_record(self, path: str, kind: type[AnyRecord]) -> AnyRecord:
        """A JSON file.

        Raises:
            ProjectError: it is missing, damaged, or too large.
        """
        return self._as_record(self._read_json(path), path, kind)

    def read_lines(self, path: str, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
        """The lines of a table, one in memory at a time; raises like `read_record`, before the first of them.

        Other entries may be read in between.
        """
        folder = None if self._spool_dir is None else str(self._spool_dir)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY_BYTES, dir=folder) as table:
            for chunk in self.chunks(path):
                table.write(chunk)
            table.seek(0)
            while line := table.readline(MAX_LINE_BYTES):
                if not line.endswith(b"\n"):
                    how = "is longer than any that Bluetit writes" if len(line) == MAX_LINE_BYTES else "ends early"
                    raise self.damaged(f"a line of {path} {how}")
                yield self._as_record(self._parse(line, path), path, kind)

    def read(self, path: str) -> bytes:
        """A whole entry of those that are small; raises like `read_record`."""
        return b"".join(self.chunks(path))

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of an entry, piece by piece; the end is only reached where they fit the checksum.

        Raises:
            ProjectError: the entry is missing, damaged or too large; or more comes out of the file than it may.
        """
        yield from self._chunks(path, is_compared=True)

    def _chunks(self, path: str, *, is_compared: bool) -> Iterator[bytes]:
        member = self._members.get(path)
        if member is None:
            raise self.missing([path])
        digest = hashlib.sha256()
        try:
            for chunk in member.chunks():
                digest.update(chunk)
                yield chunk
        except BrokenMemberError as exc:
            raise self.damaged(f"{path} cannot be read") from exc
        except ArchiveError as exc:
            raise self._refused(exc) from exc
        if is_compared and digest.hexdigest() != self.checksum(path):
            raise self.damaged(f"{path} is not what was packed: its checksum differs")

    def checksum(self, path: str) -> str:
        """The SHA-256 that an entry must have.

        Raises:
            ProjectError: the file tells none for it.
        """
        if is_photo_path(path):
            return path.rpartition("/")[2].partition(".")[0]
        checksums = self._read_checksums()
        if path not in checksums:
            raise self.damaged(f"there is no checksum of {path}")
        return checksums[path]

    @property
    def listed_paths(self) -> list[str]:
        """The entries that were packed, photos aside, as the list of checksums has them.

        Raises:
            ProjectError: the list is missing or damaged.
        """
        return list(self._read_checksums())

    def _read_checksums(self) -> dict[str, str]:
        if self._checksums is None:
            values = self._read_json(CHECKSUMS, is_compared=False)
            is_list = isinstance(values, dict) and all(
                isinstance(each, str) and is_hash(each) for each in values.values()
            )
            if not is_list:
                raise self.damaged("its list of checksums is none")
            self._checksums = values
        return self._checksums

    def _read_table(self, reader: ZipReader) -> dict[str, Member]:
        """The entries by name; unlike a stream a zip has a way back, so that each can be read when it is needed."""
        members: dict[str, Member] = {}
        for member in reader.members(self._budget):
            path = member.path
            if not is_entry(path):
                raise ProjectError(
                    f"“{self.name}” holds {path[:80]!r}, which no project of Bluetit has, so nothing was brought in. "
                    "Trust no file from whoever made it."
                )
            if member.refusal is not None:
                raise ProjectError(f"“{self.name}” was refused because of {path}: {member.refusal}")
            if path in members:
                raise ProjectError(f"“{self.name}” holds {path} twice, so nothing was brought in: which one is meant?")
            largest = max_bytes_of(path) or self._limits.max_bytes
            if is_photo_path(path):
                largest = self._limits.max_photo_bytes
            if member.num_bytes > largest:
                raise ProjectError(
                    f"“{self.name}” was refused: {path} has {member.num_bytes / 1e6:,.0f} MB; at most "
                    f"{largest / 1e6:,.0f} MB are read."
                )
            members[path] = member
        if SUMMARY not in members:
            raise ProjectError(f"“{self.name}” is no project of Bluetit: it has no {SUMMARY}.")
        self._refuse_bomb(sum(member.num_bytes for member in members.values()))
        return members

    def _refuse_bomb(self, num_bytes: int) -> None:
        """Refuse what says itself that it is too much; what lies about it is noticed when it comes out."""
        limits = self._limits
        if num_bytes > min(limits.max_bytes, max(limits.ratio_free_bytes, limits.max_ratio * self._num_file_bytes)):
            raise ProjectError(
                f"“{self.name}” was refused: {num_bytes / 1e6:,.0f} MB would come out of it, which is more than a file "
                f"of its size may hold. Limits are BLUETIT_MAX_ARCHIVE_BYTES and BLUETIT_MAX_ARCHIVE_RATIO."
            )

    def _read_json(self, path: str, *, is_compared: bool = True) -> Any:
        return self._parse(b"".join(self._chunks(path, is_compared=is_compared)), path)

    def _parse(self, content: bytes, path: str) -> Any:
        try:
            return parse_json(content)
        except ValueError as exc:
            raise self.damaged(f"{path} is no JSON that Bluetit writes") from exc

    def _as_record(self, values: Any, path: str, kind: type[AnyRecord]) -> AnyRecord:
        try:
            return kind.from_json(values)
        except BluetitError as exc:
            if issubclass(kind, ProjectRecord):
                raise ProjectError(f"The project “{self.name}” cannot be read. {exc}") from exc
            raise self.damaged(f"{path} cannot be read ({exc})") from exc

    def _refused(self, error: Exception) -> ProjectError:
        if isinstance(error, BrokenArchiveError):
            return self.damaged(str(error))
        return ProjectError(
            f"“{self.name}” was refused: it holds more, or is packed more tightly, than a project may be, or its "
            "entries overlap as only an attacker packs them. Limits are BLUETIT_MAX_ARCHIVE_BYTES and "
            "BLUETIT_MAX_ARCHIVE_RATIO."
        )


@contextmanager
def open_project(
    path: Path, name: str, limits: ArchiveLimits, *, spool_dir: Path | None = None
) -> Iterator[ProjectFile]:
    """Open a project file.

    Args:
        path: the file.
        name: what messages call it.
        limits: what is read at most.
        spool_dir: where tables are put while they are read, as files without a name; None for the system's temporary
            folder.

    Raises:
        ProjectError: it is no project, damaged, or refused as hostile.
        StorageError: the file cannot be read.
    """
    with translating_disk_errors(path):
        if path.stat().st_size > limits.max_bytes:
            raise ProjectError(
                f"“{name}” has {path.stat().st_size / 1e6:,.0f} MB; projects of at most {limits.max_bytes / 1e6:,.0f} "
                "MB are read. An administrator can raise BLUETIT_MAX_ARCHIVE_BYTES."
            )
        with path.open("rb") as file:
            yield ProjectFile(file, name, limits, spool_dir)
