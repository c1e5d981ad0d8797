"""Photos that nothing refers to are deleted, all others stay."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from core.datasets.garbage import collect_garbage
from core.datasets.library import Library
from core.datasets.photo_store import PhotoStore, StoredPhoto, encode_photo
from core.datasets.records import NewImage
from core.datasets.snapshots import take_snapshot
from core.settings import Settings
from core.storage.db import Database, open_database

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


def test_only_unneeded_photos_go(database: Database, store: PhotoStore):
    """Photos in a class, in the trash and in a snapshot stay; purged ones and those of a stopped import go."""
    library = Library(database)
    shown, trashed, frozen, purged, unfinished = (stored_photo(store, shade) for shade in range(5))
    dataset = library.create_dataset("shades")

    def add(photo: StoredPhoto) -> int:
        image = NewImage(photo=photo.record, class_name="red", name="red.png")
        return library.add_images(dataset.id, [image])[0]

    frozen_id = add(frozen)
    take_snapshot(database, dataset.id)
    purged_id = add(purged)
    library.trash_images([frozen_id, purged_id])
    library.purge_trash(dataset.id)
    add(shown)
    library.trash_images([add(trashed)])

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
