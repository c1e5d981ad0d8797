"""Files of one place, to be listed and then read one after the other: an archive, an upload, a folder of the server."""

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.datasets.archives.archive import Archive, open_archive
from core.datasets.archives.name_encodings import ArchiveNames, NameEncodings, escape_undecoded, merge_encodings
from core.datasets.archives.rules import ArchiveLimits
from core.datasets.archives.series import is_archive_name
from core.datasets.incoming_paths import service_files_note, service_name
from core.datasets.ingest.staging import StagedFile, too_large_reason
from core.datasets.ingest.workplace import Workplace
from core.datasets.sources.source_files import SourceFile
from core.settings import Settings

_UNPACKED = "unpacked"  # below the setting's cache: archives inside an archive, without names, while they are read
_LINK_LEADS_OUT = "It is a link that leads out of the folders from which photos may be imported."
_LINK_TO_FOLDER = "It is a link to a folder. Import that folder by itself."
_NO_FILE = "It is not a file but a device or the like."


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is in a part, as far as can be told without reading the files."""

    paths: tuple[str, ...]  # of the files that look readable; one may come twice
    service_files: Mapping[str, int]  # files of systems and programs that were left out, by their `service_name`
    # How names were read that do not say their character set. None: there was nothing to guess. When it is unsure, a
    # person should see the examples; another choice becomes `ImportRequest.name_encoding`, and all is listed anew.
    name_encodings: NameEncodings | None = None


class Part(Protocol):
    """Files of one place."""

    name: str  # what a report calls the part as a whole

    def list_files(self) -> Listing:
        """What there is.

        Raises:
            ArchiveError: an archive cannot be read at all, or holds more than the limits allow.
            StorageError: the disk failed.
        """

    def read_files(self) -> Iterator[SourceFile]:
        """Every file, refused ones too; one is held in memory at a time."""

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        """Some of the files that `list_files` gave, in their order and in one pass, each with data or a reason."""


def service_note(listings: Iterable[Listing]) -> str | None:
    """A sentence on the service files that were left out of all parts; None where there were none."""
    counts: Counter[str] = Counter()
    for listing in listings:
        counts.update(listing.service_files)
    return service_files_note(counts)


def merged_encodings(listings: Iterable[Listing]) -> NameEncodings | None:
    """How the names of all parts were read; of several that had to be guessed the one that is least sure."""
    return merge_encodings(listing.name_encodings for listing in listings)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """What the administrator lets archives hold."""
    return ArchiveLimits(
        max_bytes=settings.max_archive_bytes,
        max_ratio=settings.max_archive_ratio,
        max_photo_bytes=settings.max_photo_bytes,
    )


@dataclass(frozen=True, slots=True)
class FoundArchive:
    """An archive, or a piece of one."""

    path: str  # as a report shows it, with the folders below the source
    location: Path  # on the disk

    @property
    def name(self) -> str:
        """Without folders."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """With a slash, or empty."""
        return self.path[: -len(self.name)] if self.name else ""


def open_found(name: str, paths: Sequence[Path], workplace: Workplace) -> AbstractContextManager[Archive]:
    """An archive as the settings and the person want it read; several paths are pieces of one."""
    settings = workplace.settings
    return open_archive(
        paths,
        name,
        archive_limits(settings),
        spool_dir=settings.cache_path / _UNPACKED,
        name_encoding=workplace.name_encoding,
    )


class ArchivePart:
    """An archive."""

    def __init__(self, name: str, paths: Sequence[Path], workplace: Workplace) -> None:
        self.name = name
        self._paths = paths
        self._workplace = workplace

    def list_files(self) -> Listing:
        """As `Part`."""
        with self._open() as archive:
            paths = tuple(entry.path for entry in archive.entries())
            return Listing(paths=paths, service_files=archive.service_files, name_encodings=archive.name_encodings)

    def read_files(self) -> Iterator[SourceFile]:
        """As `Part`."""
        return self._read(None)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        """As `Part`."""
        return self._read(frozenset(paths))

    def _read(self, only: Collection[str] | None) -> Iterator[SourceFile]:
        with self._open() as archive:
            for entry, content in archive.read_all(only):
                if isinstance(content, str):
                    yield SourceFile(path=entry.path, reason=content)
                else:
                    yield SourceFile(path=entry.path, data=content)

    def _open(self) -> AbstractContextManager[Archive]:
        return open_found(self.name.rpartition("/")[2], self._paths, self._workplace)


class StagedPart:
    """Files of a staging folder."""

    def __init__(
        self, name: str, files: Sequence[StagedFile], settings: Settings, service_files: Mapping[str, int]
    ) -> None:
        self.name = name
        self._files = files
        self._max_bytes = settings.max_photo_bytes
        self._service_files = service_files

    def list_files(self) -> Listing:
        """As `Part`."""
        paths = tuple(file.path for file in self._files if file.reason is None)
        return Listing(paths=paths, service_files=self._service_files)

    def read_files(self) -> Iterator[SourceFile]:
        """As `Part`."""
        return (file.read(self._max_bytes) for file in self._files)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        """As `Part`."""
        wanted = frozenset(paths)
        return (file.read(self._max_bytes) for file in self._files if file.path in wanted)


@dataclass(frozen=True, slots=True)
class _FoundFile:
    """A file below a folder, or a folder that is not looked into."""

    label: str  # its path as people see it; no two files have the same
    path: str  # its path for the system, with surrogates for bytes that are no UTF-8
    refusal: str | None  # why a folder is not looked into; None: a file


class FolderPart:
    """A folder without the archives in it, which are parts of their own."""

    def __init__(self, folder: Path, roots: Sequence[Path], workplace: Workplace) -> None:
        self.name = escape_undecoded(folder.name)
        self._folder = folder
        self._roots = roots
        self._max_bytes = workplace.settings.max_photo_bytes
        self._names = ArchiveNames(self._untold_names, workplace.name_encoding)
        self._odd_paths: dict[str, str] = {}  # label to path of those whose names are no UTF-8

    def find_archives(self) -> list[FoundArchive]:
        """Files inside that are called like archives, and may be read."""
        return [
            FoundArchive(found.label, location)
            for found in self._walk(Counter())
            if found.refusal is None and (location := self._archive_location(found.path)) is not None
        ]

    def list_files(self) -> Listing:
        """As `Part`."""
        service_files: Counter[str] = Counter()
        paths = tuple(
            found.label
            for found in self._walk(service_files)
            if found.refusal is None and self._archive_location(found.path) is None
        )
        return Listing(paths=paths, service_files=service_files, name_encodings=self._names.encodings)

    def read_files(self) -> Iterator[SourceFile]:
        """As `Part`."""
        for found in self._walk(Counter()):
            if found.refusal is not None:
                yield SourceFile(path=found.label, reason=found.refusal)
            elif self._archive_location(found.path) is None:
                yield self._read_one(found.label, found.path)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        """As `Part`."""
        return (self._read_one(label, self._odd_paths.get(label, label)) for label in paths)

    def _archive_location(self, path: str) -> Path | None:
        """Where an archive is; None for other files, and for links that lead out, which `_read` refuses."""
        if not is_archive_name(path.rpartition("/")[2]):
            return None
        try:
            location = (self._folder / path).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: links in a circle, up to Python 3.12
            return None
        is_inside = any(location.is_relative_to(root) for root in self._roots)
        return location if is_inside and location.is_file() else None

    def _walk(self, service_files: Counter[str]) -> Iterator[_FoundFile]:
        """Every file, and every folder that is not looked into: links are not followed, others must be readable.

        Files of systems and programs are left out, and counted in `service_files`.
        """
        for path, refusal in self._walk_paths():
            label = self._label(path)
            service = service_name(label)
            if service is None:
                yield _FoundFile(label, path, refusal)
            elif refusal is None:
                service_files[service] += 1

    def _walk_paths(self) -> Iterator[tuple[str, str | None]]:
        closed: list[OSError] = []
        for parent, folders, names in os.walk(self._folder, onerror=closed.append):
            relative = Path(parent).relative_to(self._folder)
            folders.sort()
            for name in folders:
                if os.path.islink(os.path.join(parent, name)):
                    yield (relative / name).as_posix(), _LINK_TO_FOLDER
            for name in sorted(names, key=_as_people_sort):
                yield (relative / name).as_posix(), None
        for error in closed:
            yield Path(error.filename).relative_to(self._folder).as_posix(), _unreadable(error)

    def _label(self, path: str) -> str:
        """A path that a database takes: bytes of an old character set are read like names in a zip."""
        if _is_text(path):
            return path
        label = self._names.read(os.fsencode(path))
        if self._odd_paths.get(label, path) != path or os.path.lexists(self._folder / label):
            # Two files, one in UTF-8, would be the same to the eye.
            label = escape_undecoded(path)
        self._odd_paths[label] = path
        return label

    def _untold_names(self) -> Iterator[bytes]:
        return (os.fsencode(path) for path, _ in self._walk_paths() if not _is_text(path))

    def _read_one(self, label: str, path: str) -> SourceFile:
        content = self._read(path)
        if isinstance(content, str):
            return SourceFile(path=label, reason=content)
        return SourceFile(path=label, data=content)

    def _read(self, path: str) -> bytes | str:
        """The bytes of a file, or the reason why it is refused."""
        try:
            location = (self._folder / path).resolve(strict=True)
            if not any(location.is_relative_to(root) for root in self._roots):
                return _LINK_LEADS_OUT
            with _open_regular_file(location) as descriptor:
                if descriptor is None:
                    return _NO_FILE
                if os.fstat(descriptor).st_size > self._max_bytes:
                    return too_large_reason(self._max_bytes)
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    return file.read(self._max_bytes + 1)
        except (OSError, RuntimeError) as exc:  # RuntimeError: links in a circle, up to Python 3.12
            return _unreadable(exc)


def _unreadable(exc: Exception) -> str:
    return f"It cannot be read: {getattr(exc, 'strerror', None) or exc}."


def _is_text(path: str) -> bool:
    """Whether a path is without the surrogates that stand for bytes which are no UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _as_people_sort(name: str) -> list[str | int]:
    """A key by which 2.jpg comes before 10.jpg: letters and numbers in turn."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name)]


@contextmanager
def _open_regular_file(path: Path) -> Iterator[int | None]:
    """A descriptor of a file; None for a pipe or device, which could block for ever when it is opened or read."""
    # NOFOLLOW: the path is resolved; what is a link by now was put there since.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)
