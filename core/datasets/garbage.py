"""Deleting photos that nothing refers to any more: no dataset, no trash, no snapshot of a run.

A snapshot lasts as long as the runs that were made from it, and keeps its photos.
"""

import time

from core.datasets.library import Library
from core.features.cache import FeatureCache
from core.jobs.context import TaskContext
from core.photos.store import PhotoStore

# An import stores its photos first and adds its images last, a snapshot is taken before its run is noted: whatever is
# younger may belong to one under way.
MIN_AGE_SECONDS = 2 * 24 * 3600.0
# A phone's photo is stored a moment before its row is written; all others are known before.
_YOUNG_COPY_SECONDS = 600.0


def collect_garbage(
    library: Library,
    store: PhotoStore,
    *,
    min_age_seconds: float = MIN_AGE_SECONDS,
    photos_before: float | None = None,
) -> int:
    """Delete unneeded snapshots and photos and return how many photos.

    Args:
        library: says what is needed.
        store: has the photos.
        min_age_seconds: what is younger stays, needed or not.
        photos_before: Unix seconds; where no import is under way, photos that the library knows go if they arrived
            before; None: they have to be as old as everything else.

    Raises:
        StorageError: the database or the disk failed.
    """
    library.photos.forget_snapshots(min_age_seconds)
    arrived_before = time.time() - min_age_seconds if photos_before is None else photos_before
    unneeded = {photo.hash: photo.suffix for photo in library.photos.unreferenced(arrived_before)}
    unneeded = {photo_hash: unneeded[photo_hash] for photo_hash in library.photos.forget(unneeded)}
    unneeded |= _files_without_record(library, store, min_age_seconds)
    for photo_hash, suffix in unneeded.items():
        store.delete(photo_hash, suffix)
    return len(unneeded)


def run_clear_task(context: TaskContext) -> None:
    """Handler of `clear_photos`: delete what nothing needs; the payload is `{"requested_at": Unix seconds}`.

    Raises:
        StorageError: the database or the disk failed.
    """
    settings = context.settings
    store = PhotoStore.of(settings)
    # The only worker for photos does this and no import: what arrived before the request is not about to be added.
    requested_at = float(context.payload["requested_at"])
    num_deleted = collect_garbage(Library(context.database), store, photos_before=requested_at)
    context.report(1.0, f"{num_deleted:,} photos deleted")


def forget_copies(library: Library, store: PhotoStore, features: FeatureCache) -> int:
    """Delete what is here of photos that another server has deleted, and return how many; only with an object store.

    Raises:
        StorageError: the database or the disk failed.
    """
    if not store.is_elsewhere:
        return 0
    here = store.copies_before(time.time() - _YOUNG_COPY_SECONDS)
    gone = sorted(here.keys() - library.photos.known(here))
    for photo_hash in gone:
        store.delete(photo_hash, here[photo_hash])
    features.forget(gone)
    return len(gone)


def _files_without_record(library: Library, store: PhotoStore, min_age_seconds: float) -> dict[str, str]:
    """Photos that an import stored before it was stopped or killed."""
    found = store.stored_before(time.time() - min_age_seconds)
    known = library.photos.known(found)
    return {photo_hash: suffix for photo_hash, suffix in found.items() if photo_hash not in known}
