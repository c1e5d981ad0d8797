"""Datasets put straight into a workspace, for tests in which it does not matter how photos came in."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from core.datasets.library import Library
from core.datasets.records import NewImage, Split
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database, open_database


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenImage:
    """A photo of a dataset."""

    name: str
    content: bytes
    class_name: str
    split: Split | None = None


def add_dataset(settings: Settings, name: str, images: Sequence[GivenImage], *, class_names: Sequence[str] = ()) -> int:
    """Make a dataset in a workspace, whose app may be running; its number.

    Args:
        settings: of the app.
        name: of the dataset, which no other test uses.
        images: what is in it; their classes are made.
        class_names: of classes that are there although they may have no images.
    """
    with closing(open_database(settings)) as database:
        return fill_dataset(settings, database, name, images, class_names=class_names)


def fill_dataset(
    settings: Settings,
    database: Database,
    name: str,
    images: Sequence[GivenImage],
    *,
    class_names: Sequence[str] = (),
) -> int:
    """The same in a database that is open."""
    library, store = Library(database), PhotoStore(settings.photos_path, settings.cache_path)
    dataset_id = library.datasets.create(name).id
    made = []
    for image in images:
        photo = encode_photo(image.content, image.name)
        store.put(photo)
        made.append(NewImage(photo=photo.record, class_name=image.class_name, name=image.name, split=image.split))
    library.images.add(dataset_id, made, class_names=class_names)
    return dataset_id
