"""From a source to files that can be listed and then read one after the other.

Whatever comes over a network, or is made on the spot, is first written to the import's own folder: an import that is
tried again, or goes on after a person has answered a question, fetches nothing twice.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit

from core.data_addresses import is_data_address
from core.datasets.archives.archive import ArchiveLimits, open_archive
from core.datasets.archives.tar_reader import is_compressed, is_tar_header
from core.datasets.archives.zip_reader import is_zip
from core.datasets.incoming_paths import is_junk, shown_path
from core.datasets.ingest.places import allowed_path, import_roots, staging_path
from core.datasets.ingest.requests import (
    DrawnShapes,
    HandwrittenDigits,
    ImportRequest,
    Kaggle,
    Links,
    ServerFolder,
    StagedArchive,
    StagedFiles,
    TensorFlowDataset,
    WebSearch,
)
from core.datasets.ingest.staging import (
    StagedFile,
    is_staged,
    numbered_path,
    remove_staging,
    stage,
    staged_files,
    too_large_reason,
)
from core.datasets.sources.downloads import Download, download
from core.datasets.sources.public_sources import open_public_source
from core.datasets.sources.sample_sources import count_samples, open_samples
from core.datasets.sources.source_files import SourceFile
from core.errors import LinkError
from core.settings import Settings
from core.storage.files import translating_disk_errors

_DEFAULT_NAME = "photos"
_HEAD_BYTES = 512  # as much as a tar's first header has
_LINK_LEADS_OUT = "It is a link that leads out of the folders from which photos may be imported."
_LINK_TO_FOLDER = "It is a link to a folder. Import that folder by itself."
_NO_FILE = "It is not a file but a device or the like."


# Sources that are no place to read from twice.
_Spooled = Kaggle | TensorFlowDataset | WebSearch | DrawnShapes | HandwrittenDigits


class Part(Protocol):
    """Files of one place."""

    def list_paths(self) -> list[str]:
        """The paths of the files that look readable; one may come twice."""

    def read_files(self) -> Iterator[SourceFile]:
        """Every file, refused ones too; one is held in memory at a time."""

    def read_file(self, path: str) -> bytes | None:
        """One file of `list_paths`; None if it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything that a source has."""

    name: str  # of the source: the class of photos that lie in no folder
    # What is put before the paths of each part, so that two archives cannot be mixed up; with a slash, or empty.
    parts: tuple[tuple[str, Part], ...]
    refused: tuple[tuple[str, str], ...]  # (name, reason) of what could not be fetched at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where an import works, and whom it tells."""

    settings: Settings
    folder: Path  # the import's own; made when needed, kept until the import is over
    report: Callable[[float | None, str], None]  # fraction done, 0-1, None where that is unknown; and a sentence
    check_cancelled: Callable[[], None]  # called all the time; raises to stop

    def is_cancelled(self) -> bool:
        """For those who ask instead of being stopped: raises all the same."""
        self.check_cancelled()
        return False


def gather(request: ImportRequest, workplace: Workplace) -> Gathered:
    """Fetch what a source has, as far as that has not been done before.

    Raises:
        SourceError: the source cannot be used, or has too many files.
        LinkError: the only link, or each of them, cannot be read.
        StorageError: the disk failed, or is full.
    """
    source, settings = request.source, workplace.settings
    title = request.title.strip() or _DEFAULT_NAME
    match source:
        case StagedFiles():
            return _one_part(title, _StagedPart(staged_files(staging_path(source.folder, settings)), settings))
        case StagedArchive():
            return _gather_staged_archives(source, title, settings)
        case ServerFolder():
            return _gather_server_path(source, settings)
        case Links():
            return _gather_links(source, title, workplace)
        case Kaggle() | TensorFlowDataset() | WebSearch() | DrawnShapes() | HandwrittenDigits():
            return _one_part(title, _StagedPart(_spool(source, workplace), settings))


def archive_limits(settings: Settings) -> ArchiveLimits:
    """What the administrator lets archives hold."""
    return ArchiveLimits(
        max_bytes=settings.max_archive_bytes,
        max_ratio=settings.max_archive_ratio,
        max_photo_bytes=settings.max_photo_bytes,
    )


def _one_part(name: str, part: Part) -> Gathered:
    return Gathered(name=name, parts=(("", part),), refused=())


def _gather_staged_archives(source: StagedArchive, title: str, settings: Settings) -> Gathered:
    files = staged_files(staging_path(source.folder, settings))
    refused = tuple((file.path, file.reason) for file in files if file.reason)
    archives = [(PurePosixPath(file.path).name, file.location) for file in files if file.location]
    return _archives_and_photos(archives, [], title, settings, refused=refused)


def _spool(source: _Spooled, workplace: Workplace) -> list[StagedFile]:
    """The files of a source, written to the import's folder the first time."""
    files_path = workplace.folder / "files"
    working_path = workplace.folder / "source"
    if not is_staged(files_path):
        with translating_disk_errors(working_path):
            working_path.mkdir(parents=True, exist_ok=True)
        found = _open_source(source, working_path, workplace)
        stage(_watched(found, workplace), files_path, max_files=workplace.settings.max_import_photos)
        remove_staging(working_path)
    return staged_files(files_path)


def _open_source(source: _Spooled, working_path: Path, workplace: Workplace) -> Iterator[SourceFile]:
    if isinstance(source, DrawnShapes | HandwrittenDigits):
        return _counted(open_samples(source), count_samples(source), workplace)
    return open_public_source(
        source,
        settings=workplace.settings,
        folder=working_path,
        report=workplace.report,
        cancelled=workplace.is_cancelled,
    )


def _counted(files: Iterable[SourceFile], num_files: int, workplace: Workplace) -> Iterator[SourceFile]:
    for number, file in enumerate(files, start=1):
        workplace.report(number / num_files, f"Made {number:,} of {num_files:,} pictures")
        yield file


def _watched(files: Iterable[SourceFile], workplace: Workplace) -> Iterator[SourceFile]:
    for file in files:
        workplace.check_cancelled()
        yield file


# --- links -----------------------------------------------------------------------------------------------


def _gather_links(source: Links, title: str, workplace: Workplace) -> Gathered:
    with translating_disk_errors(workplace.folder):
        workplace.folder.mkdir(parents=True, exist_ok=True)
    downloads: dict[int, Download] = {}
    errors: list[tuple[str, LinkError]] = []
    for number, url in enumerate(source.urls):
        try:
            downloads[number] = _download_one(url, number, len(source.urls), workplace)
        except LinkError as exc:
            errors.append((url, exc))
    if not downloads:
        # With nothing to import the person may want to try again, and then goes on where the connection broke.
        raise errors[0][1]
    return _archives_and_photos(
        [(found.name, found.path) for found in downloads.values() if _is_archive(found.path)],
        [_as_staged(found, number) for number, found in downloads.items() if not _is_archive(found.path)],
        title,
        workplace.settings,
        refused=tuple((_shown_link(url), str(error)) for url, error in errors),
    )


def _download_one(url: str, number: int, num_links: int, workplace: Workplace) -> Download:
    def report(fraction: float | None, message: str) -> None:
        if num_links > 1:
            fraction = (number + (fraction or 0.0)) / num_links
            message = f"Link {number + 1:,} of {num_links:,}. {message}"
        workplace.report(fraction, message)

    return download(
        url,
        numbered_path(workplace.folder, number),
        workplace.settings,
        report=report,
        cancelled=workplace.is_cancelled,
        max_bytes=workplace.settings.max_archive_bytes,
    )


def _is_archive(path: Path) -> bool:
    """By its content, whatever the server calls it."""
    with translating_disk_errors(path), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return is_zip(head) or is_compressed(head) or is_tar_header(head)


def _as_staged(found: Download, number: int) -> StagedFile:
    return StagedFile(
        path=found.name,
        folder=found.path.parent,
        number=number,
        num_bytes=found.path.stat().st_size,
        reason=None,
        url=found.url,
    )


def _shown_link(url: str) -> str:
    """A link without its query, which may hold somebody's key."""
    if is_data_address(url):
        return "an address that holds a picture (data:…)"
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "link"
    return shown_path(f"{parts.netloc.rpartition('@')[2]}{parts.path}" or "link")


# --- archives --------------------------------------------------------------------------------------------


def _archives_and_photos(
    archives: Sequence[tuple[str, Path]],
    photos: list[StagedFile],
    title: str,
    settings: Settings,
    *,
    refused: tuple[tuple[str, str], ...],
) -> Gathered:
    """Several archives are folders beside each other: the folder of each is called like its file."""
    parts: list[tuple[str, Part]] = [("", _StagedPart(photos, settings))] if photos else []
    taken: set[str] = set()
    for name, path in archives:
        is_alone = len(archives) == 1 and not photos
        parts.append(("" if is_alone else f"{_free_folder(name, taken)}/", _ArchivePart(path, name, settings)))
    return Gathered(name=archives[0][0] if len(archives) == 1 else title, parts=tuple(parts), refused=refused)


def _free_folder(name: str, taken: set[str]) -> str:
    stem = name.split(".")[0] or name
    folder, number = stem, 1
    while folder in taken:
        number += 1
        folder = f"{stem} {number}"
    taken.add(folder)
    return folder


class _ArchivePart:
    def __init__(self, path: Path, name: str, settings: Settings) -> None:
        self._path = path
        self._name = name
        self._limits = archive_limits(settings)

    def list_paths(self) -> list[str]:
        with open_archive(self._path, self._name, self._limits) as archive:
            return [entry.path for entry in archive.entries()]

    def read_files(self) -> Iterator[SourceFile]:
        with open_archive(self._path, self._name, self._limits) as archive:
            for entry, content in archive.read_all():
                if isinstance(content, str):
                    yield SourceFile(path=entry.path, reason=content)
                else:
                    yield SourceFile(path=entry.path, data=content)

    def read_file(self, path: str) -> bytes | None:
        return next((file.data for file in self.read_files() if file.path == path), None)


class _StagedPart:
    def __init__(self, files: list[StagedFile], settings: Settings) -> None:
        self._files = files
        self._max_bytes = settings.max_photo_bytes

    def list_paths(self) -> list[str]:
        return [file.path for file in self._files if file.reason is None]

    def read_files(self) -> Iterator[SourceFile]:
        return (file.read(self._max_bytes) for file in self._files)

    def read_file(self, path: str) -> bytes | None:
        return next((file.read(self._max_bytes).data for file in self._files if file.path == path), None)


# --- folders of the server -------------------------------------------------------------------------------


def _gather_server_path(source: ServerFolder, settings: Settings) -> Gathered:
    path = allowed_path(source.path, settings)
    if path.is_dir():
        return _one_part(path.name, _FolderPart(path, import_roots(settings), settings.max_photo_bytes))
    return _archives_and_photos([(path.name, path)], [], path.name, settings, refused=())


class _FolderPart:
    def __init__(self, folder: Path, roots: Sequence[Path], max_bytes: int) -> None:
        self._folder = folder
        self._roots = roots
        self._max_bytes = max_bytes

    def list_paths(self) -> list[str]:
        return [path for path, is_folder in self._walk() if not is_folder]

    def read_files(self) -> Iterator[SourceFile]:
        for path, is_folder in self._walk():
            content = _LINK_TO_FOLDER if is_folder else self._read(path)
            if isinstance(content, str):
                yield SourceFile(path=path, reason=content)
            else:
                yield SourceFile(path=path, data=content)

    def read_file(self, path: str) -> bytes | None:
        content = self._read(path)
        return content if isinstance(content, bytes) else None

    def _walk(self) -> Iterator[tuple[str, bool]]:
        """Relative path of each file, and of each link to a folder (True); links are not followed into folders."""
        for parent, folders, names in os.walk(self._folder):
            relative = Path(parent).relative_to(self._folder)
            folders.sort()
            for name in folders:
                path = (relative / name).as_posix()
                if os.path.islink(os.path.join(parent, name)) and not is_junk(path):
                    yield path, True
            for name in sorted(names, key=_as_people_sort):
                path = (relative / name).as_posix()
                if not is_junk(path):
                    yield path, False

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
            return f"It cannot be read: {getattr(exc, 'strerror', None) or exc}."


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
