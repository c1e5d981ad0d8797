"""From a source to files that can be listed and then read one after the other.

Whatever comes over a network, or is made on the spot, is first written to the import's own folder: an import that is
tried again, or goes on after a person has answered a question, fetches nothing twice.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from core.datasets.archives.recognising import is_archive_head
from core.datasets.archives.series import archive_stem, group_archives, is_archive_name, is_piece_name
from core.datasets.incoming_paths import shown_path
from core.datasets.ingest.joining import group_found, join_archives
from core.datasets.ingest.parts import FolderPart, FoundArchive, Part, StagedPart
from core.datasets.ingest.places import allowed_path, import_roots, staging_path
from core.datasets.ingest.staging import (
    StagedFile,
    is_staged,
    numbered_path,
    remove_staging,
    stage,
    staged_files,
    staged_service_files,
)
from core.datasets.ingest.workplace import Workplace
from core.datasets.sources.downloads import Download, download
from core.datasets.sources.public_sources import open_public_source
from core.datasets.sources.requests import (
    DrawnShapes,
    HandwrittenDigits,
    ImportRequest,
    Kaggle,
    Links,
    Phones,
    ServerFolder,
    StagedArchive,
    StagedFiles,
    TensorFlowDataset,
    WebSearch,
)
from core.datasets.sources.sample_sources import count_samples, open_samples
from core.datasets.sources.source_files import SourceFile
from core.errors import LinkError, SourceError
from core.links.data_address import is_data_address
from core.storage.files import translating_disk_errors

_DEFAULT_NAME = "photos"
_HEAD_BYTES = 512  # as much as a tar's first header has


# Sources that are no place to read from twice.
_Spooled = Kaggle | TensorFlowDataset | WebSearch | DrawnShapes | HandwrittenDigits


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
        case Phones():
            raise SourceError("Photos from phones are in the dataset already; nothing of them can be fetched again.")


def _gather_staged_files(folder: Path, title: str, workplace: Workplace) -> Gathered:
    files = staged_files(folder)
    archives = [file for file in files if file.location and is_archive_name(PurePosixPath(file.path).name)]
    places = {file.number for file in archives}
    others = [file for file in files if file.number is None or file.number not in places]
    part = StagedPart(title, others, workplace.settings, staged_service_files(folder))
    found = [FoundArchive(file.path, file.location) for file in archives if file.location]
    return _files_and_archives(title, part, found, workplace)


def _gather_staged_archives(folder: Path, title: str, workplace: Workplace) -> Gathered:
    files = staged_files(folder)
    refused = tuple((file.path, file.reason) for file in files if file.reason)
    found = [FoundArchive(PurePosixPath(file.path).name, file.location) for file in files if file.location]
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
        [FoundArchive(found.name, found.path) for found in archives.values()],
        StagedPart(title, photos, workplace.settings, {}) if photos else None,
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


def _archives_and_photos(
    archives: Sequence[FoundArchive],
    photos: StagedPart | None,
    title: str,
    workplace: Workplace,
    *,
    refused: tuple[tuple[str, str], ...],
) -> Gathered:
    """Archives that were given by themselves. Several are folders beside each other, but parts of one are none."""
    groups = group_found(archives, workplace)
    is_alone = len(groups) == 1 and photos is None
    joined = join_archives([("", group) for group in groups], archives, workplace, is_alone=is_alone)
    return Gathered(
        name=archive_stem(groups[0].name) if len(groups) == 1 else title,
        parts=((("", photos),) if photos is not None else ()) + joined.parts,
        refused=refused + joined.refused,
        notes=joined.notes,
    )


def _files_and_archives(name: str, part: Part, archives: Sequence[FoundArchive], workplace: Workplace) -> Gathered:
    """Files in folders, with archives among them; each archive is a folder in the place where it lies."""
    by_folder: defaultdict[str, list[FoundArchive]] = defaultdict(list)
    for archive in archives:
        by_folder[archive.folder].append(archive)
    parts: list[tuple[str, Part]] = [("", part)]
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    for folder, members in by_folder.items():
        groups = group_found(members, workplace)
        # A download that is alone in its folder needs none of its own.
        is_alone = len(groups) == 1 and groups[0].is_series
        joined = join_archives([(folder, group) for group in groups], members, workplace, is_alone=is_alone)
        parts += joined.parts
        refused += joined.refused
        notes += joined.notes
    return Gathered(name=name, parts=tuple(parts), refused=tuple(refused), notes=tuple(notes))


# --- folders of the server -------------------------------------------------------------------------------


def _gather_server_path(source: ServerFolder, workplace: Workplace) -> Gathered:
    settings = workplace.settings
    path = allowed_path(source.path, settings)
    if not path.is_dir():
        return _archives_and_photos(
            [FoundArchive(found.name, found) for found in _pieces_beside(path, import_roots(settings))],
            None,
            path.name,
            workplace,
            refused=(),
        )
    try:
        os.scandir(path).close()
    except OSError as exc:
        raise SourceError(
            f"The folder {path.name!r} cannot be read: {exc.strerror}. "
            "Have the administrator give the server the right to read it."
        ) from exc
    part = FolderPart(path, import_roots(settings), workplace)
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
