"""A dataset as a zip: a folder per split and class, and a manifest that imports it again exactly as it was.

The same content gives the same zip, byte for byte, whenever and on whichever machine it is written: times are fixed,
photos come in an order of their own, and nothing is compressed (photos are already).
"""

import contextlib
import re
import stat
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.datasets.incoming_paths import is_junk
from core.datasets.library import Library
from core.datasets.manifest import ManifestRow, read_manifest, write_manifest
from core.datasets.readings.listing import MANIFEST_NAME
from core.datasets.records import DatasetView, ImageView, Split
from core.errors import DatasetError
from core.jobs.context import TaskContext
from core.photos.store import PhotoStore
from core.settings import Settings
from core.storage.files import ensure_free_space, remove_abandoned_drafts, write_atomically
from core.storage.open_store import open_store

__all__ = [
    "MANIFEST_NAME",
    "export_dataset",
    "export_path",
    "forget_exports",
    "name_folders",
    "read_manifest",
    "remove_orphaned_exports",
    "run_export_task",
    "safe_file_name",
]

UNSPLIT_FOLDER = "unsplit"  # of photos that are in no split
MAX_FILE_NAME_CHARS = 80  # a folder and a file of that length leave room below the 260 letters of Windows

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
_UNIX = 3
_ZIP_OVERHEAD = 1.02  # bytes of the zip per byte of photos; headers take far less
_ORPHANS_KEPT_SECONDS = 24 * 3600.0
_MAX_LISTINGS = 5  # tries to list a dataset that somebody is changing at the moment

# Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)
_PHOTO_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_SPLIT_ORDER = (*Split, None)
_NAMELESS = re.compile(r"\d+-\d+\.zip")

Report = Callable[[float | None, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A photo on its way into the zip."""

    row: ManifestRow
    suffix: str  # of the stored file
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """A dataset at one moment."""

    dataset: DatasetView
    class_names: tuple[str, ...]  # in their order, empty classes too
    items: list[_Item]


def export_path(settings: Settings, dataset: DatasetView) -> Path:
    """Where the zip of a dataset as it is now is, once it has been exported.

    Several workspaces may share a cache, a new database may find that of an old one, and a backup of a database may
    count the same revisions once more: numbers alone would hand out another dataset's photos. So the name tells when
    the dataset was made and when it was changed last, each to the microsecond.
    """
    moment = round(dataset.changed_at * 1e6)
    return packed_path(f"{export_owner(dataset)}-{dataset.revision}-{moment:x}.zip", settings)


def packed_path(file_name: str, settings: Settings) -> Path:
    """Where something packed is, here by now if it was packed by any node.

    Raises:
        StorageError: it is in an object store that does not answer, or the disk is full.
    """
    path = exports_dir(settings) / file_name
    open_store(settings).bring(path)
    return path


def remove_packed(settings: Settings, is_going: Callable[[str, float], bool]) -> int:
    """Delete packed files here and in the object store, and return how many there were.

    One that somebody fetches at this moment stays on Windows until the next time.

    Args:
        settings: where they are.
        is_going: told a file's name and the Unix seconds at which it was written.

    Raises:
        StoreError: the object store does not answer.
    """
    place, store = exports_dir(settings), open_store(settings)
    going = {name for name, stored_at in store.ages(place).items() if is_going(name, stored_at)}
    store.remove(*(place / name for name in going))
    for path in place.glob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and is_going(path.name, path.stat().st_mtime):
                path.unlink()
                going.add(path.name)
    return len(going)


def forget_exports(settings: Settings, dataset: DatasetView) -> None:
    """Delete the zips and projects of a dataset, whatever their revision; those in use go with the next export."""
    remove_packed(settings, lambda name, _: name.startswith(f"{export_owner(dataset)}-"))


def remove_orphaned_exports(settings: Settings, datasets: Iterable[DatasetView]) -> None:
    """Delete zips and projects of datasets that are gone, left by somebody who was killed while deleting one.

    Others may share the cache, and have datasets that are not known here: theirs stay for a day, and can be made again.

    Args:
        settings: where they are.
        datasets: all that are there, in the trash or not.
    """
    owners = {export_owner(dataset) for dataset in datasets}
    oldest = time.time() - _ORPHANS_KEPT_SECONDS

    def is_orphaned(name: str, written_at: float) -> bool:
        parts = name.split("-")
        return len(parts) > 2 and "-".join(parts[:2]) not in owners and written_at < oldest

    remove_packed(settings, is_orphaned)


def export_dataset(
    library: Library, store: PhotoStore, dataset_id: int, target: Path, *, report: Report = lambda *_: None
) -> None:
    """Write a dataset's photos, classes, splits and captures as a zip; the trash stays behind.

    Args:
        library: has the dataset.
        store: has its photos.
        dataset_id: of the dataset.
        target: the zip; it appears whole or not at all.
        report: told the fraction done, 0-1, and a sentence before each photo; what it raises ends the export.

    Raises:
        UnknownDatasetError: no such dataset.
        DatasetError: a photo is damaged, or others change the dataset faster than it can be listed.
        NoSpaceError: the disk is full, or would be.
    """
    _write_zip(_list_content(library, dataset_id), store, target, report)


def run_export_task(context: TaskContext) -> None:
    """Handler of `export_dataset`: write the zip of the dataset's latest revision, unless it is there already."""
    settings, dataset_id = context.settings, int(context.payload["dataset_id"])

    def report(fraction: float | None, message: str) -> None:
        context.check_cancelled()
        context.report(fraction, message)

    content = _list_content(Library(context.database), dataset_id)
    target = export_path(settings, content.dataset)
    remove_abandoned_drafts(target.parent)
    _remove_nameless(target.parent)
    if not target.is_file():
        _write_zip(content, PhotoStore.of(settings), target, report)
        open_store(settings).keep(target)
    owner = f"{export_owner(content.dataset)}-"
    remove_packed(settings, lambda name, _: name.startswith(owner) and name.endswith(".zip") and name != target.name)


def safe_file_name(name: str) -> str:
    """A name that every system takes for a file or folder and that no import passes over.

    Letters of all languages and emoji stay; what Windows forbids becomes `_`. Two names may become the same.
    """
    cleaned = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name))
    # Halves of emoji, and marks that cannot be seen but turn the direction of what follows.
    cleaned = "".join("_" if unicodedata.category(char) in ("Cs", "Cf") else char for char in cleaned)
    cleaned = _cut(cleaned).strip(" ").rstrip(". ")
    if not cleaned or is_junk(cleaned) or is_junk(f"{cleaned}/x") or _RESERVED.match(cleaned):
        cleaned = f"_{cleaned}"
    return cleaned


def name_folders(class_names: Iterable[str]) -> dict[str, str]:
    """Each class and its folder in a split; folders differ even where capitals do not count."""
    taken: set[str] = set()
    return {name: _free_name(safe_file_name(name), "", taken) for name in sorted(set(class_names))}


def exports_dir(settings: Settings) -> Path:
    """Folder of what was exported, from which it is fetched."""
    return settings.cache_path / "exports"


def export_owner(dataset: DatasetView) -> str:
    """What all exports of a dataset begin with, and those of no other dataset of any workspace."""
    return f"{dataset.id}-{round(dataset.created_at * 1e6):x}"


def _remove_nameless(folder: Path) -> None:
    """Delete zips of versions that called them by dataset and revision alone: nobody can tell whose they are."""
    for path in folder.glob("*.zip"):
        if _NAMELESS.fullmatch(path.name):
            with contextlib.suppress(OSError):  # an older Bluetit that shares the cache may have it open
                path.unlink()


# --- what is exported -------------------------------------------------------------------------------------


def _list_content(library: Library, dataset_id: int) -> _Content:
    """The dataset's classes, and its photos in the order and under the names that they have in the zip."""
    for _ in range(_MAX_LISTINGS):
        dataset = library.datasets.get(dataset_id)
        class_names = {found.id: found.name for found in library.classes.of(dataset_id)}
        items = _read_items(library, dataset_id, class_names)
        # Several questions were asked one after the other: only an unchanged dataset gives answers that fit.
        if items is not None and library.datasets.get(dataset_id).revision == dataset.revision:
            items = _name_files(sorted(items, key=_sort_key))
            return _Content(dataset=dataset, class_names=tuple(class_names.values()), items=items)
    raise DatasetError("The dataset is being changed all the time, so no export of it would fit. Try again later.")


def _read_items(library: Library, dataset_id: int, class_names: Mapping[int, str]) -> list[_Item] | None:
    """The photos without paths; None when the dataset changed in between."""
    captures = library.images.captures(dataset_id)
    images = library.images.of(dataset_id)
    photos = library.photos.get({image.photo_hash for image in images})
    if any(image.class_id not in class_names or image.photo_hash not in photos for image in images):
        return None
    return [
        _Item(
            row=_describe(image, class_names[image.class_id], captures),
            suffix=photos[image.photo_hash].suffix,
            num_bytes=photos[image.photo_hash].num_bytes,
        )
        for image in images
    ]


def _describe(image: ImageView, class_name: str, captures: dict[int, str]) -> ManifestRow:
    return ManifestRow(
        path="",
        class_name=class_name,
        split=image.split,
        split_origin=image.split_origin,
        name=image.name,
        photo_hash=image.photo_hash,
        capture=None if image.capture_id is None else captures.get(image.capture_id),
        source_url=image.source_url,
        review=image.review,
    )


def _sort_key(item: _Item) -> tuple[int, str, str, str, str, str, str, str]:
    """By everything that counts and by no number of the database: an imported copy sorts in the same way."""
    row = item.row
    return (
        _SPLIT_ORDER.index(row.split),
        row.class_name,
        row.name,
        row.photo_hash,
        row.split_origin or "",
        row.capture or "",
        row.source_url or "",
        row.review or "",
    )


# --- names inside the zip ---------------------------------------------------------------------------------


def _name_files(items: Iterable[_Item]) -> list[_Item]:
    items = list(items)
    folders = name_folders(item.row.class_name for item in items)
    taken_files: dict[str, set[str]] = {}
    named = []
    for item in items:
        folder = f"{item.row.split or UNSPLIT_FOLDER}/{folders[item.row.class_name]}"
        stem = safe_file_name(_PHOTO_ENDING.sub("", item.row.name))
        file_name = _free_name(stem, item.suffix, taken_files.setdefault(folder, set()))
        named.append(replace(item, row=replace(item.row, path=f"{folder}/{file_name}")))
    return named


def _free_name(stem: str, suffix: str, taken: set[str]) -> str:
    """The name, numbered when one like it is there; Windows and macOS do not tell case apart."""
    name, number = stem + suffix, 1
    while (key := unicodedata.normalize("NFKC", name).casefold()) in taken:
        number += 1
        name = f"{stem} ({number}){suffix}"
    taken.add(key)
    return name


def _cut(text: str) -> str:
    """Not too long in letters, nor in bytes: an emoji takes four."""
    text = text[:MAX_FILE_NAME_CHARS]
    return text.encode("utf-8", "replace")[: MAX_FILE_NAME_CHARS * 2].decode("utf-8", "ignore")


# --- writing ----------------------------------------------------------------------------------------------


def _write_zip(content: _Content, store: PhotoStore, target: Path, report: Report) -> None:
    ensure_free_space(target.parent, round(sum(item.num_bytes for item in content.items) * _ZIP_OVERHEAD))
    with write_atomically(target) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, data in _zip_content(content, store, report):
            entry = zipfile.ZipInfo(name, _FIXED_TIME)
            entry.create_system = _UNIX  # else it tells the machine's
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    report(1.0, f"{len(content.items):,} photos packed")


def _zip_content(content: _Content, store: PhotoStore, report: Report) -> Iterator[tuple[str, bytes]]:
    items = content.items
    # In front, so that an import knows it before the first photo.
    yield MANIFEST_NAME, write_manifest((item.row for item in items), content.class_names)
    for number, item in enumerate(items):
        report(number / len(items), f"Packing photo {number + 1:,} of {len(items):,}")
        yield item.row.path, _read_photo(item, store)


def _read_photo(item: _Item, store: PhotoStore) -> bytes:
    try:
        return store.read(item.row.photo_hash, item.suffix)
    except DatasetError as exc:
        raise DatasetError(
            f"“{item.row.name}” of the class “{item.row.class_name}” cannot be exported. {exc} Or move it to the "
            "trash and export again."
        ) from exc
