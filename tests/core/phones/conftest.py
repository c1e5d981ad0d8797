"""A dataset with two classes in a space, and what phones need."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from core.datasets.library import Library
from core.phones.links import PhoneLinks
from core.phones.photos import PhonePhotos
from core.phones.records import SentPhoto
from core.photos.store import PhotoStore
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database


@dataclass(frozen=True)
class Desk:
    """What one space has."""

    settings: Settings
    database: Database
    library: Library
    links: PhoneLinks
    photos: PhonePhotos
    store: PhotoStore
    dataset_id: int
    cat: int
    dog: int

    @property
    def cats(self) -> list[str]:
        return [image.name for image in self.library.images.of(self.dataset_id, class_id=self.cat)]


def desk_of(settings: Settings, database: Database) -> Desk:
    library = Library(database)
    dataset_id = library.datasets.create("Pets", ["cat", "dog"]).id
    cat, dog = (view.id for view in library.classes.of(dataset_id))
    store = PhotoStore(settings.photos_path, settings.cache_path)
    links, photos = PhoneLinks(settings, database), PhonePhotos(settings, database, store)
    return Desk(settings, database, library, links, photos, store, dataset_id, cat, dog)


@pytest.fixture
def whole(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def desk(settings: Settings, whole: Database) -> Desk:
    return desk_of(settings, whole.of_space(SpaceRegistry(whole).create(SpaceKind.PUPIL, "Quiet Otter").id))


@pytest.fixture
def neighbour(settings: Settings, whole: Database, desk: Desk) -> Desk:
    return desk_of(settings, whole.of_space(SpaceRegistry(whole).create(SpaceKind.PUPIL, "Brave Heron").id))


def sent(number: int, *, burst: int | None = None, key: int | None = None) -> SentPhoto:
    """A photo, no two numbers alike."""
    pixels = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    mark = f"{number if key is None else key:032x}"
    return SentPhoto(data=file.getvalue(), key=mark, burst=None if burst is None else f"{burst:032x}")
