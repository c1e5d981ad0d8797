"""From a source to files that can be listed and then read one after the other.

Whatever comes over a network, or is made on the spot, is first written to the import's own folder: an import that is
tried again, or goes on after a person has answered a question, fetches nothing twice.
"""

import itertools
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit

from core.data_addresses import is_data_address
from core.datasets.archives.archive import Archive, ArchiveLimits, is_archive_head, open_archive
from core.datasets.archives.name_encodings import (
    ArchiveNames,
    NameEncodings,
    escape_undecoded,
    merge_encodings,
)
from core.datasets.archives.series import (
    ArchiveGroup,
    archive_folder,
    archive_stem,
    group_archives,
    is_archive_name,
    is_piece_name,
)
from core.datasets.incoming_paths import service_files_note, service_name, shown_path
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
    staged_service_files,
    too_large_reason,
)
from core.datasets.sources.downloads import Download, download
from core.datasets.sources.public_sources import open_public_source
from core.datasets.sources.sample_sources import count_samples, open_samples
from core.datasets.sources.source_files import SourceFile
from core.errors import ArchiveError, LinkError, SourceError
from core.settings import Settings
from core.storage.files import translating_disk_errors

_DEFAULT_NAME = "photos"
_HEAD_BYTES = 512  # as much as a tar's first header has
_PEEKED_ENTRIES = 50  # of an archive, to see whether its files lie in folders
_UNPACKED = "unpacked"  # below the setting's cache: archives inside an archive, without names, while they are read
_LINK_LEADS_OUT = "It is a link that leads out of the folders from which photos may be imported."
_LINK_TO_FOLDER = "It is a link to a folder. Import that folder by itself."
_NO_FILE = "It is not a file but a device or the like."


# Sources that are no place to read from twice.
_Spooled = Kaggle | TensorFlowDataset | WebSearch | DrawnShapes | HandwrittenDigits


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything that a source has.

    Archives that are one are joined: divided ones to one part; of a series each archive is a part, and all have the
    same prefix. Archives that lie among other files are parts of their own.
    """

    name: str  # of the source, without an archive's ending: the class of photos that lie in no folder
    # What is put before the paths of each part, so that two archives cannot be mixed up; with a slash, or empty.
    parts: tuple[tuple[str, Part], ...]
    refused: tuple[tuple[str, str], ...]  # (name, reason) of what could not be fetched at all
    notes: tuple[str, ...] = ()  # sentences for people: what was joined, what seems to be missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where an import works, and whom it tells."""

    settings: Settings
    folder: Path  # the import's own; made when needed, kept until the import is over
    report: Callable[[float | None, str], None]  # fraction done, 0-1, None where that is unknown; and a sentence
    check_cancelled: Callable[[], None]  # called all the time; raises to stop
    name_encoding: str | None = None  # as `ImportRequest.name_encoding`; `gather` fills it in

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
    workplace = replace(workplace, name_encoding=request.name_encoding)
    title = request.title.strip() or _DEFAULT_NAME
    match source:
        case StagedFiles():
            return _gather_staged_files(staging_path(source.folder, settings), title, workplace)
        case StagedArchive():
            return _gather_staged_archives(staging_path(source.folder, settings), title, workplace)
        case ServerFolder():
            return _gather_server_path(source, workplace)
        case Links():
            return _gather_links(source, title, workplace)
        case Kaggle() | TensorFlowDataset() | WebSearch() | DrawnShapes() | HandwrittenDigits():
            return _gather_staged_files(_spool(source, workplace), title, workplace)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """What the administrator lets archives hold."""
    return ArchiveLimits(
        max_bytes=settings.max_archive_bytes,
        max_ratio=settings.max_archive_ratio,
        max_photo_bytes=settings.max_photo_bytes,
    )


def service_note(listings: Iterable[Listing]) -> str | None:
    """A sentence on the service files that were left out of all parts; None where there were none."""
    counts: Counter[str] = Counter()
    for listing in listings:
        counts.update(listing.service_files)
    return service_files_note(counts)


def merged_encodings(listings: Iterable[Listing]) -> NameEncodings | None:
    """How the names of all parts were read; of several that had to be guessed the one that is least sure."""
    return merge_encodings(listing.name_encodings for listing in listings)


def _gather_staged_files(folder: Path, title: str, workplace: Workplace) -> Gathered:
    files = staged_files(folder)
    archives = [file for file in files if file.location and is_archive_name(PurePosixPath(file.path).name)]
    places = {file.number for file in archives}
    others = [file for file in files if file.number is None or file.number not in places]
    part = _StagedPart(title, others, workplace.settings, staged_service_files(folder))
    found = [_FoundArchive(file.path, file.location) for file in archives if file.location]
    return _files_and_archives(title, part, found, workplace)


def _gather_staged_archives(folder: Path, title: str, workplace: Workplace) -> Gathered:
    files = staged_files(folder)
    refused = tuple((file.path, file.reason) for file in files if file.reason)
    found = [_FoundArchive(PurePosixPath(file.path).name, file.location) for file in files if file.location]
    return _archives_and_photos(found, None, title, workplace, refused=refused)


def _spool(source: _Spooled, workplace: Workplace) -> Path:
    """The staging folder with the files of a source, written the first time."""
    files_path = workplace.folder / "files"
    working_path = workplace.folder / "source"
    if not is_staged(files_path):
        with translating_disk_errors(working_path):
            working_path.mkdir(parents=True, exist_ok=True)
        found = _open_source(source, working_path, workplace)
        stage(_watched(found, workplace), files_path, max_files=workplace.settings.max_import_photos)
        remove_staging(working_path)
    return files_path


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
    archives = {number: found for number, found in downloads.items() if _is_archive(found)}
    photos = [_as_staged(found, number) for number, found in downloads.items() if number not in archives]
    return _archives_and_photos(
        [_FoundArchive(found.name, found.path) for found in archives.values()],
        _StagedPart(title, photos, workplace.settings, {}) if photos else None,
        title,
        workplace,
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


def _is_archive(found: Download) -> bool:
    """By its content, whatever the server calls it; but only the first piece of a divided archive says what it is."""
    with translating_disk_errors(found.path), found.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return is_archive_head(head) or is_piece_name(found.name)


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


@dataclass(frozen=True, slots=True)
class _FoundArchive:
    """An archive, or a piece of one."""

    path: str  # as a report shows it, with the folders below the source
    location: Path  # on the disk

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """With a slash, or empty."""
        return self.path[: -len(self.name)] if self.name else ""


def _archives_and_photos(
    archives: Sequence[_FoundArchive],
    photos: "_StagedPart | None",
    title: str,
    workplace: Workplace,
    *,
    refused: tuple[tuple[str, str], ...],
) -> Gathered:
    """Archives that were given by themselves. Several are folders beside each other, but parts of one are none."""
    groups = _groups_of(archives, workplace)
    is_alone = len(groups) == 1 and photos is None
    joined = _join_groups([("", group) for group in groups], archives, workplace, is_alone=is_alone)
    return Gathered(
        name=archive_stem(groups[0].name) if len(groups) == 1 else title,
        parts=((("", photos),) if photos is not None else ()) + joined.parts,
        refused=refused + joined.refused,
        notes=joined.notes,
    )


def _files_and_archives(name: str, part: Part, archives: Sequence[_FoundArchive], workplace: Workplace) -> Gathered:
    """Files in folders, with archives among them; each archive is a folder in the place where it lies."""
    by_folder: defaultdict[str, list[_FoundArchive]] = defaultdict(list)
    for archive in archives:
        by_folder[archive.folder].append(archive)
    parts: list[tuple[str, Part]] = [("", part)]
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    for folder, members in by_folder.items():
        groups = _groups_of(members, workplace)
        # A download that is alone in its folder needs none of its own.
        is_alone = len(groups) == 1 and groups[0].is_series
        joined = _join_groups([(folder, group) for group in groups], members, workplace, is_alone=is_alone)
        parts += joined.parts
        refused += joined.refused
        notes += joined.notes
    return Gathered(name=name, parts=tuple(parts), refused=tuple(refused), notes=tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    parts: tuple[tuple[str, Part], ...]
    refused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def _groups_of(archives: Sequence[_FoundArchive], workplace: Workplace) -> list[ArchiveGroup]:
    names = [archive.name for archive in archives]
    groups: list[ArchiveGroup] = []
    for group in group_archives(names):
        if group.is_series and not group.is_download and not _has_folders(archives[group.members[0]], workplace):
            # "class-001.zip" and "class-002.zip" with nothing but photos may well be two classes.
            groups += [ArchiveGroup(name=names[place], members=(place,)) for place in group.members]
        else:
            groups.append(group)
    return groups


def _has_folders(archive: _FoundArchive, workplace: Workplace) -> bool:
    """Whether files of an archive lie in folders, or beside files of the same stem as in a WebDataset's shards."""
    try:
        with _open(archive.name, [archive.location], workplace) as opened:
            paths = [entry.path for entry in itertools.islice(opened.entries(), _PEEKED_ENTRIES)]
    except ArchiveError:
        return False  # said when the archive itself is read
    stems = Counter(path.rpartition("/")[2].partition(".")[0] for path in paths)
    return any("/" in path for path in paths) or any(count > 1 for count in stems.values())


def _join_groups(
    groups: Sequence[tuple[str, ArchiveGroup]],
    archives: Sequence[_FoundArchive],
    workplace: Workplace,
    *,
    is_alone: bool,
) -> _Joined:
    """A part for each archive or joined archive, with the folder that it stands for."""
    parts: list[tuple[str, Part]] = []
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    taken: set[str] = set()
    for parent, group in groups:
        members = [archives[place] for place in group.members]
        if group.is_divided and group.missing:
            refused.append((parent + group.name, _incomplete_reason(group)))
            continue
        prefix = parent if is_alone else f"{_free_folder(parent + _folder_name(group), taken)}/"
        if group.is_series:
            parts += [(prefix, _ArchivePart(member.path, [member.location], workplace)) for member in members]
        else:
            paths = [member.location for member in members] if group.is_divided else [members[0].location]
            parts.append((prefix, _ArchivePart(parent + group.name, paths, workplace)))
        notes += _notes_on(group)
    if not parts and len(refused) == 1 and len(groups) == 1 and is_alone:
        raise SourceError(f"{refused[0][0]!r} cannot be read: {refused[0][1]}")
    return _Joined(parts=tuple(parts), refused=tuple(refused), notes=tuple(notes))


def _folder_name(group: ArchiveGroup) -> str:
    return group.name if group.is_series else archive_folder(group.name)


def _incomplete_reason(group: ArchiveGroup) -> str:
    were = "is" if len(group.missing) == 1 else "are"
    return (
        f"It is a divided archive, and {_listed(group.missing)} {were} missing. "
        f"Add all pieces at once; {len(group.members):,} came."
    )


def _notes_on(group: ArchiveGroup) -> list[str]:
    notes = []
    if len(group.members) > 1 and group.is_series:
        notes.append(f"{len(group.members):,} archives were read as the parts of one, {group.name!r}.")
    elif group.is_divided:
        notes.append(f"{len(group.members):,} pieces were joined to one archive, {group.name!r}.")
    if group.is_series and group.missing:
        were = "seems" if len(group.missing) == 1 else "seem"
        notes.append(f"Of {group.name!r}, {_listed(group.missing)} {were} to be missing. Add it too if it was meant.")
    return notes


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _free_folder(stem: str, taken: set[str]) -> str:
    folder, number = stem, 1
    while folder in taken:
        number += 1
        folder = f"{stem} {number}"
    taken.add(folder)
    return folder


def _open(name: str, paths: Sequence[Path], workplace: Workplace) -> AbstractContextManager[Archive]:
    settings = workplace.settings
    return open_archive(
        paths,
        name,
        archive_limits(settings),
        spool_dir=settings.cache_path / _UNPACKED,
        name_encoding=workplace.name_encoding,
    )


class _ArchivePart:
    def __init__(self, name: str, paths: Sequence[Path], workplace: Workplace) -> None:
        self.name = name
        self._paths = paths
        self._workplace = workplace

    def list_files(self) -> Listing:
        with self._open() as archive:
            paths = tuple(entry.path for entry in archive.entries())
            return Listing(paths=paths, service_files=archive.service_files, name_encodings=archive.name_encodings)

    def read_files(self) -> Iterator[SourceFile]:
        return self._read(None)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        return self._read(frozenset(paths))

    def _read(self, only: Collection[str] | None) -> Iterator[SourceFile]:
        with self._open() as archive:
            for entry, content in archive.read_all(only):
                if isinstance(content, str):
                    yield SourceFile(path=entry.path, reason=content)
                else:
                    yield SourceFile(path=entry.path, data=content)

    def _open(self) -> AbstractContextManager[Archive]:
        return _open(self.name.rpartition("/")[2], self._paths, self._workplace)


class _StagedPart:
    def __init__(
        self, name: str, files: Sequence[StagedFile], settings: Settings, service_files: Mapping[str, int]
    ) -> None:
        self.name = name
        self._files = files
        self._max_bytes = settings.max_photo_bytes
        self._service_files = service_files

    def list_files(self) -> Listing:
        paths = tuple(file.path for file in self._files if file.reason is None)
        return Listing(paths=paths, service_files=self._service_files)

    def read_files(self) -> Iterator[SourceFile]:
        return (file.read(self._max_bytes) for file in self._files)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
        wanted = frozenset(paths)
        return (file.read(self._max_bytes) for file in self._files if file.path in wanted)


# --- folders of the server -------------------------------------------------------------------------------


def _gather_server_path(source: ServerFolder, workplace: Workplace) -> Gathered:
    settings = workplace.settings
    path = allowed_path(source.path, settings)
    if not path.is_dir():
        return _archives_and_photos(
            [_FoundArchive(found.name, found) for found in _pieces_beside(path, import_roots(settings))],
            None,
            path.name,
            workplace,
            refused=(),
        )
    part = _FolderPart(path, import_roots(settings), workplace)
    return _files_and_archives(path.name, part, part.find_archives(), workplace)


def _pieces_beside(path: Path, roots: Sequence[Path]) -> list[Path]:
    """An archive of the server; with the other pieces where it is divided. Links are none of them."""
    if not any(path.parent.is_relative_to(root) for root in roots):
        return [path]
    with translating_disk_errors(path.parent):
        names = sorted(entry.name for entry in os.scandir(path.parent) if entry.is_file(follow_symlinks=False))
    for group in group_archives(names):
        members = [names[place] for place in group.members]
        if group.is_divided and path.name in members:
            return [path.parent / name for name in members]
    return [path]


@dataclass(frozen=True, slots=True)
class _FoundFile:
    """A file below a folder, or a link to a folder."""

    label: str  # its path as people see it; no two files have the same
    path: str  # its path for the system, with surrogates for bytes that are no UTF-8
    is_folder: bool


class _FolderPart:
    """A folder without the archives in it, which are parts of their own."""

    def __init__(self, folder: Path, roots: Sequence[Path], workplace: Workplace) -> None:
        self.name = escape_undecoded(folder.name)
        self._folder = folder
        self._roots = roots
        self._max_bytes = workplace.settings.max_photo_bytes
        self._names = ArchiveNames(self._untold_names, workplace.name_encoding)
        self._odd_paths: dict[str, str] = {}  # label to path of those whose names are no UTF-8

    def find_archives(self) -> list[_FoundArchive]:
        """Files inside that are called like archives, and may be read."""
        return [
            _FoundArchive(found.label, location)
            for found in self._walk(Counter())
            if not found.is_folder and (location := self._archive_location(found.path)) is not None
        ]

    def list_files(self) -> Listing:
        service_files: Counter[str] = Counter()
        paths = tuple(
            found.label
            for found in self._walk(service_files)
            if not found.is_folder and self._archive_location(found.path) is None
        )
        return Listing(paths=paths, service_files=service_files, name_encodings=self._names.encodings)

    def read_files(self) -> Iterator[SourceFile]:
        for found in self._walk(Counter()):
            if found.is_folder:
                yield SourceFile(path=found.label, reason=_LINK_TO_FOLDER)
            elif self._archive_location(found.path) is None:
                yield self._read_one(found.label, found.path)

    def read_some(self, paths: Collection[str]) -> Iterator[SourceFile]:
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
        """Every file, and every link to a folder; links are not followed into folders.

        Files of systems and programs are left out, and counted in `service_files`.
        """
        for path, is_folder in self._walk_paths():
            label = self._label(path)
            service = service_name(label)
            if service is None:
                yield _FoundFile(label, path, is_folder)
            elif not is_folder:
                service_files[service] += 1

    def _walk_paths(self) -> Iterator[tuple[str, bool]]:
        for parent, folders, names in os.walk(self._folder):
            relative = Path(parent).relative_to(self._folder)
            folders.sort()
            for name in folders:
                if os.path.islink(os.path.join(parent, name)):
                    yield (relative / name).as_posix(), True
            for name in sorted(names, key=_as_people_sort):
                yield (relative / name).as_posix(), False

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
