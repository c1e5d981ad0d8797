"""What there is of some spaces, written down before it is deleted.

The list lies in a file of the workspace until the deletion is over: when rows are gone, nothing else says which files
were theirs, and a deletion that was killed has to know.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.datasets.exporting import export_owner
from core.datasets.ingest.desk import import_folders
from core.datasets.library import Library
from core.datasets.shelves.rows import chunked
from core.errors import DatasetError
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder, runs_path
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.settings import Settings
from core.spaces.deleting.records import DeletionPlan
from core.storage.byte_scan import windows_of
from core.storage.db import Database
from core.storage.files import translating_disk_errors, write_atomically
from core.storage.open_store import open_store
from core.storage.schema import DatasetImage, ForeignModel, Photo, SnapshotImage, SnapshotOrigin, Task


@dataclass(slots=True, kw_only=True)
class Inventory:
    """What there is; mappings, so that what a second look finds is added to the first."""

    datasets: dict[str, str] = field(default_factory=dict)  # number to the beginning of its exports' names
    runs: dict[str, list[int]] = field(
        default_factory=dict
    )  # number to [whether there is a model, bytes of the folder]
    foreign: dict[str, int] = field(default_factory=dict)  # number of a model from elsewhere
    snapshots: dict[str, int] = field(default_factory=dict)  # hash
    photos: dict[str, list[Any]] = field(default_factory=dict)  # hash to [ending, bytes]
    loose_photos: dict[str, list[Any]] = field(default_factory=dict)  # the same, of photos that nothing needs
    windows: dict[str, list[str]] = field(default_factory=dict)  # hash to pieces, as hexadecimal digits
    folders: dict[str, int] = field(default_factory=dict)  # names of those of imports
    tasks: dict[str, int] = field(default_factory=dict)  # number

    def add(self, other: "Inventory") -> None:
        """Take in what an earlier look has found."""
        for each in fields(self):
            setattr(self, each.name, {**getattr(self, each.name), **getattr(other, each.name)})


def take_inventory(database: Database, settings: Settings, plan: DeletionPlan) -> Inventory:
    """Look what there is of the spaces of a plan, and keep the list, with what earlier attempts have found.

    Args:
        database: of everybody.
        settings: where files are.
        plan: whose things.

    Raises:
        StorageError: the database or the disk failed.
    """
    found = Inventory()
    for space_id in plan.owner_ids:
        _add_space(found, database.of_space(space_id), settings)
    with database.read_session() as session:
        _add_photos(found, session, plan.owner_ids)
    for photo in Library(database).photos.unreferenced(float("inf")):
        found.loose_photos[photo.hash] = [photo.suffix, photo.num_bytes]
    return found


def load_inventory(settings: Settings, deletion_id: int) -> Inventory:
    """What an earlier attempt has written down, on whichever node; nothing where there was none."""
    path = inventory_path(settings, deletion_id)
    open_store(settings).bring(path, is_newest=True)
    with translating_disk_errors(path):
        return Inventory(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Inventory()


def save_inventory(inventory: Inventory, settings: Settings, deletion_id: int) -> None:
    """Write the list down.

    Raises:
        StorageError: it cannot be written.
    """
    path = inventory_path(settings, deletion_id)
    with write_atomically(path) as draft:
        values = {each.name: getattr(inventory, each.name) for each in fields(inventory)}
        draft.write_text(json.dumps(values), encoding="utf-8")
    open_store(settings).keep(path)


def inventory_path(settings: Settings, deletion_id: int) -> Path:
    """Where the list of a deletion is."""
    return settings.workspace_dir / "deleting" / f"{deletion_id}.json"


def remove_inventory(settings: Settings, deletion_id: int) -> None:
    """Delete the list, which has pieces of photos in it.

    Raises:
        StorageError: it cannot be deleted.
    """
    path = inventory_path(settings, deletion_id)
    with translating_disk_errors(path):
        path.unlink(missing_ok=True)
    open_store(settings).remove(path)


def add_windows(inventory: Inventory, hashes: Collection[str], store: PhotoStore) -> None:
    """Note pieces of photos by which they can be found again."""
    suffixes = {**inventory.loose_photos, **inventory.photos}
    for photo_hash in hashes:
        if photo_hash in inventory.windows:
            continue
        try:
            data = store.read(photo_hash, suffixes[photo_hash][0])
        except DatasetError:
            continue  # damaged, or gone already: there is nothing that could be looked for
        inventory.windows[photo_hash] = [window.hex() for window in windows_of(data)]


def _add_space(found: Inventory, own: Database, settings: Settings) -> None:
    library, runs, stored = Library(own), RunLibrary(own), open_store(settings).sizes(runs_path(settings))
    for dataset in (*library.datasets.all(), *library.datasets.in_trash()):
        found.datasets[str(dataset.id)] = export_owner(dataset)
        for view in library.imports.of(dataset.id, limit=100_000):
            found.folders |= {folder.name: 1 for folder in import_folders(view, settings)}
    for run in (*runs.list_runs(), *runs.list_trashed()):
        num_bytes = max(
            sum(path.stat().st_size for path in _files(RunFolder(settings, run.id).path)), stored.get(str(run.id), 0)
        )
        found.runs[str(run.id)] = [int(run.status is RunStatus.DONE), num_bytes]
        found.snapshots[run.snapshot_hash] = 1
    with own.read_session() as session:
        task_ids = session.scalars(select(Task.id).where(Task.space_id == own.space_id))
        found.tasks |= {str(task_id): 1 for task_id in task_ids}
        found.foreign |= {str(model_id): 1 for model_id in session.scalars(select(ForeignModel.id))}


def _add_photos(found: Inventory, session: Session, space_ids: Collection[int]) -> None:
    taken = select(SnapshotOrigin.snapshot_hash).where(SnapshotOrigin.space_id.in_(space_ids))
    found.snapshots |= dict.fromkeys(session.scalars(taken), 1)
    for numbers in chunked(list(map(int, found.datasets))):
        own = select(DatasetImage.photo_hash).where(DatasetImage.dataset_id.in_(numbers))
        _note_photos(found, session, select(Photo.hash, Photo.suffix, Photo.num_bytes).where(Photo.hash.in_(own)))
    for hashes in chunked(list(found.snapshots)):
        learned = select(SnapshotImage.photo_hash).where(SnapshotImage.snapshot_hash.in_(hashes))
        _note_photos(found, session, select(Photo.hash, Photo.suffix, Photo.num_bytes).where(Photo.hash.in_(learned)))


def _note_photos(found: Inventory, session: Session, statement: Any) -> None:
    found.photos |= {photo_hash: [suffix, size] for photo_hash, suffix, size in session.execute(statement)}


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
