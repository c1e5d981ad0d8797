"""What an inventory lists is deleted: rows in one transaction, then files; each step may be repeated."""

import contextlib
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Table, delete, exists, update

from core.datasets.exporting import remove_packed
from core.datasets.garbage import collect_garbage
from core.datasets.library import Library
from core.datasets.shelves.rows import chunked
from core.features.cache import FeatureCache
from core.foreign.places import remove_model
from core.inference.batch_registry import remove_unknown_batches
from core.inference.batch_shelf import BatchShelf
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder, runs_path
from core.settings import Settings
from core.spaces.deleting.inventory import Inventory
from core.spaces.deleting.records import DeletionPlan
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors
from core.storage.open_store import open_store
from core.storage.own_keys import owner_of_arrival
from core.storage.schema import Base, Classroom, DatasetImage, Run, Snapshot, Space, SpaceKey
from core.storage.store_keys import Keys

# A snapshot is taken a moment before its run is noted, a file written a moment before its row.
_YOUNG_SECONDS = 120.0
_SPACE, _CLASSROOM = "space_id", "classroom_id"


def remove_rows(database: Database, plan: DeletionPlan, inventory: Inventory) -> None:
    """Delete all that the database knows of the spaces, in one transaction.

    Tables are found by their columns: what a later version keeps of a space, or of a class, goes as well.

    Raises:
        StorageError: the database failed; everything is as it was.
    """
    dataset_ids, run_ids = list(map(int, inventory.datasets)), list(map(int, inventory.runs))
    with database.of_space(None).session() as session:
        connection = session.connection()
        for chunk in chunked(dataset_ids):  # first, because they refer to captures as well
            connection.execute(delete(DatasetImage).where(DatasetImage.dataset_id.in_(chunk)))
        for chunk in chunked(run_ids):
            connection.execute(update(Run).where(Run.parent_id.in_(chunk)).values(parent_id=None))
        for table in _tables_with(_SPACE):
            if table.name != SpaceKey.__tablename__:  # browsers stay let in where the space stays
                connection.execute(delete(table).where(table.c[_SPACE].in_(plan.owner_ids)))
        for hashes in chunked(list(inventory.snapshots)):
            is_used = exists().where(Run.snapshot_hash == Snapshot.hash)
            connection.execute(delete(Snapshot).where(Snapshot.hash.in_(hashes), ~is_used))
        connection.execute(delete(Space).where(Space.id.in_(plan.space_ids)))  # its browsers go with it
        if plan.classroom_id is not None:
            for table in _tables_with(_CLASSROOM):
                connection.execute(delete(table).where(table.c[_CLASSROOM] == plan.classroom_id))
            connection.execute(delete(Classroom).where(Classroom.id == plan.classroom_id))


def remove_photos(database: Database, settings: Settings, inventory: Inventory, *, arrived_before: float) -> set[str]:
    """Delete the photos that nobody else has, and those that nothing needed before; the hashes of all that are gone.

    Args:
        database: of everybody.
        settings: where files are.
        inventory: whose photos.
        arrived_before: Unix seconds; of those that nothing needs, the ones that arrived before go, too.

    Raises:
        StorageError: the database or the disk failed.
    """
    library = Library(database)
    store = PhotoStore.of(settings)
    listed = {**inventory.loose_photos, **inventory.photos}
    gone = library.photos.forget(inventory.photos)
    for photo_hash in gone:
        store.delete(photo_hash, listed[photo_hash][0])
    # The worker for photos does this and no import: what arrived before is not about to be added.
    collect_garbage(library, store, min_age_seconds=_YOUNG_SECONDS, photos_before=arrived_before)
    known = library.photos.known(inventory.loose_photos)
    return gone | (inventory.loose_photos.keys() - known)


def remove_files(database: Database, settings: Settings, plan: DeletionPlan, inventory: Inventory) -> int:
    """Delete the files of an inventory, and what cannot be told from them; how many there were besides runs.

    Maps and logs say nothing about whose they are. All of them go that nobody is using: they can be made again.

    Args:
        database: of everybody, from which the rows are gone already.
        settings: where files are.
        plan: whose files.
        inventory: which these are.

    Raises:
        StorageError: the database failed, or a file cannot be deleted.
    """
    for run_id in inventory.runs:
        RunFolder(settings, int(run_id)).delete()
    for model_id in inventory.foreign:
        remove_model(settings, int(model_id))
    kept = BatchShelf(database, holder="").all_ids()
    remove_unknown_batches(settings, kept, older_than_seconds=_YOUNG_SECONDS)
    # By name alone: another node, whose workspace is elsewhere, may have begun the deletion.
    arrivals = [settings.incoming_path / Path(name).name for name in inventory.folders]
    going = [
        *arrivals,
        *_uploads(settings, plan.owner_ids),
        *(settings.cache_path / "maps").glob("*"),
        *(settings.cache_path / "unpacked").glob("*"),
        *_old_drafts(settings),
    ]
    owners = tuple(f"{owner}-" for owner in ("class", *inventory.datasets.values()))
    num_removed = remove_packed(settings, lambda name, _: name.startswith(owners))
    store = open_store(settings)
    store.remove(*arrivals, *_stored_uploads(settings, plan.owner_ids))
    num_removed += sum(_remove(path) for path in going)
    return num_removed + _clear_logs(settings.logs_path)


def remove_features(settings: Settings, hashes: Collection[str]) -> int:
    """Delete what networks made of photos; how many entries there were."""
    return FeatureCache(settings).forget(sorted(hashes))


def remove_strays(paths: Collection[Path], settings: Settings) -> int:
    """Delete files in which a deleted photo was found although they are on no list: drafts of writers that were killed.

    Only where nothing lies that cannot be made again; how many were deleted.

    Args:
        paths: absolute; those of the object store are relative, its keys.
        settings: where places are.
    """
    places = (settings.cache_path, settings.incoming_path, settings.logs_path)
    stored = [path for path in paths if not path.is_absolute() and path.parts[0] in ("cache", "incoming")]
    open_store(settings).remove(
        *(_place_of_stored(path, settings) for path in stored),
    )
    here = [path for path in paths if any(path.is_relative_to(place) for place in places)]
    return len(stored) + sum(_remove(path) for path in here)


def _place_of_stored(key: Path, settings: Settings) -> Path:
    """The path here of what the object store has under a key."""
    return Keys(settings.workspace_dir, settings.cache_path).path(key.as_posix())


def _tables_with(column: str) -> list[Table]:
    """Tables with a column, those first that refer to others."""
    return [table for table in reversed(Base.metadata.sorted_tables) if column in table.c and table.name != "spaces"]


def _uploads(settings: Settings, space_ids: Collection[int]) -> list[Path]:
    """What has arrived in some spaces, and what imports have fetched for them."""
    return [path for path in settings.incoming_path.glob("*") if owner_of_arrival(path.name) in space_ids]


def _stored_uploads(settings: Settings, space_ids: Collection[int]) -> list[Path]:
    """The same in the object store."""
    names = open_store(settings).sizes(settings.incoming_path)
    return [settings.incoming_path / name for name in names if owner_of_arrival(name) in space_ids]


def _old_drafts(settings: Settings) -> list[Path]:
    """Files and folders that were being written when their writer was killed."""
    newest = time.time() - _YOUNG_SECONDS
    patterns: tuple[tuple[Path, str], ...] = (
        (settings.photos_path, f"??/{TEMPORARY_PREFIX}*"),
        (settings.cache_path, f"**/{TEMPORARY_PREFIX}*"),
        (runs_path(settings), f"{TEMPORARY_PREFIX}*"),
    )
    drafts = []
    for folder, pattern in patterns:
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < newest:
                    drafts.append(path)
    return drafts


def _remove(path: Path) -> int:
    with translating_disk_errors(path):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            return 0
    return 1


def _clear_logs(folder: Path) -> int:
    """Empty the logs of workers, which name files and runs; who is writing one goes on at its beginning."""
    num_cleared = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            if path.stat().st_size:
                os.truncate(path, 0)
                num_cleared += 1
    return num_cleared
