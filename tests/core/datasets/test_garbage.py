"""Photos that nothing refers to are deleted, all others stay."""

import io
import os
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from core.config import TrainConfig
from core.datasets.garbage import collect_garbage
from core.datasets.library import Library
from core.datasets.records import NewImage
from core.datasets.snapshots import load_snapshot, take_snapshot
from core.errors import UnknownDatasetError
from core.jobs.queue import TaskQueue
from core.photos.store import PhotoStore, StoredPhoto, encode_photo
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from tests.core.datasets.library_samples import in_threads

LONG_AGO = 1_000_000_000.0


@pytest.fixture
def database(settings: Settings) -> Database:
    return open_database(settings)


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


def stored_photo(store: PhotoStore, shade: int) -> StoredPhoto:
    content = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 0, 0)).save(content, "PNG")
    photo = encode_photo(content.getvalue(), f"{shade}.png")
    store.put(photo)
    os.utime(path_of(store, photo), (LONG_AGO, LONG_AGO))
    return photo


def path_of(store: PhotoStore, photo: StoredPhoto) -> Path:
    return store.path(photo.record.hash, photo.record.suffix)


def begin_run(database: Database, dataset_id: int) -> int:
    plan = TrainConfig(snapshot=take_snapshot(database, dataset_id).hash, backbone="MobileNetV2")
    return RunLibrary(database).create_run(plan).id


def purge_run(database: Database, run_id: int) -> None:
    """Delete a run for good; it was cancelled while it waited."""
    runs, queue = RunLibrary(database), TaskQueue(database, TASK_KINDS)
    task_id = queue.submit("train_run", {"run_id": run_id})
    runs.set_task(run_id, task_id)
    queue.cancel_queued(task_id)
    runs.trash(run_id)
    runs.purge(run_id)


@pytest.fixture
def frozen(database: Database, store: PhotoStore) -> tuple[int, StoredPhoto]:
    """A dataset's number and its only photo, which must be frozen before it leaves the dataset."""
    photo = stored_photo(store, 7)
    library = Library(database)
    dataset_id = library.datasets.create("frozen").id
    library.images.add(dataset_id, [NewImage(photo=photo.record, class_name="red", name="red.png")])
    return dataset_id, photo


def empty(library: Library, dataset_id: int) -> None:
    library.images.trash([image.id for image in library.images.of(dataset_id)])
    library.images.purge_trash(dataset_id)


def test_only_unneeded_photos_go(database: Database, store: PhotoStore):
    """Photos in a class, in the trash and in a run's snapshot stay; purged ones and those of a stopped import go."""
    library = Library(database)
    shown, trashed, frozen, purged, unfinished = (stored_photo(store, shade) for shade in range(5))
    dataset = library.datasets.create("shades")

    def add(photo: StoredPhoto) -> int:
        image = NewImage(photo=photo.record, class_name="red", name="red.png")
        return library.images.add(dataset.id, [image])[0]

    frozen_id = add(frozen)
    begin_run(database, dataset.id)
    purged_id = add(purged)
    library.images.trash([frozen_id, purged_id])
    library.images.purge_trash(dataset.id)
    add(shown)
    library.images.trash([add(trashed)])

    assert collect_garbage(library, store, min_age_seconds=0) == 2
    assert [path_of(store, photo).exists() for photo in (shown, trashed, frozen, purged, unfinished)] == [
        *(True, True, True),
        *(False, False),
    ]


def test_photos_of_an_import_under_way_stay(database: Database, store: PhotoStore):
    """A photo that was stored a moment ago has no image yet, and is left alone."""
    photo = stored_photo(store, 1)
    store.put(photo)  # again, by an import that has just begun
    assert collect_garbage(Library(database), store) == 0
    assert path_of(store, photo).exists()


def test_photos_stay_as_long_as_a_run_needs_them(
    database: Database, store: PhotoStore, frozen: tuple[int, StoredPhoto]
):
    """The photos of a snapshot go with the last of its runs, not with the first, and not with one in the trash."""
    library, (dataset_id, photo) = Library(database), frozen
    first, second = begin_run(database, dataset_id), begin_run(database, dataset_id)
    snapshot_hash = RunLibrary(database).get_run(first).snapshot_hash
    empty(library, dataset_id)
    purge_run(database, first)
    assert collect_garbage(library, store, min_age_seconds=0) == 0
    assert load_snapshot(database, snapshot_hash).images[0].photo_hash == photo.record.hash
    purge_run(database, second)
    assert collect_garbage(library, store, min_age_seconds=0) == 1
    assert not path_of(store, photo).exists()
    with pytest.raises(UnknownDatasetError, match="No snapshot"):
        load_snapshot(database, snapshot_hash)


def test_snapshot_without_a_run(database: Database, store: PhotoStore, frozen: tuple[int, StoredPhoto]):
    """A snapshot that was taken a moment ago may be about to get its run; one that never got it goes in the end."""
    library, (dataset_id, photo) = Library(database), frozen
    snapshot = take_snapshot(database, dataset_id)
    empty(library, dataset_id)
    assert collect_garbage(library, store, min_age_seconds=3600) == 0
    assert load_snapshot(database, snapshot.hash) == snapshot
    assert library.photos.forget_snapshots(0) == 1
    assert collect_garbage(library, store, min_age_seconds=0) == 1
    assert not path_of(store, photo).exists()


def test_run_begins_while_somebody_collects(
    database: Database, settings: Settings, store: PhotoStore, frozen: tuple[int, StoredPhoto]
):
    """A run either gets its snapshot with all photos, or is refused with the word on what to do."""
    dataset_id, photo = frozen
    plan = TrainConfig(snapshot=take_snapshot(database, dataset_id).hash, backbone="MobileNetV2")
    empty(Library(database), dataset_id)
    with closing(open_database(settings)) as other:
        errors = in_threads(
            lambda: RunLibrary(other).create_run(plan),
            lambda: collect_garbage(Library(database), store, min_age_seconds=0),
        )
    assert all(isinstance(error, UnknownDatasetError) for error in errors)
    assert path_of(store, photo).exists() is (errors == [])
    assert len(RunLibrary(database).list_runs()) == (0 if errors else 1)
