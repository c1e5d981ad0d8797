"""Photos that a kiosk without a camera asks about: of the model's own test photos, or those that come with Bluetit."""

import io
from functools import lru_cache

from PIL import Image

from core.datasets.records import Split
from core.datasets.snapshots import load_snapshot
from core.errors import DatasetError, UnknownDatasetError
from core.photos.fit import thumbnail_jpeg
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.services import Services
from core.storage.db import Database
from pages.server.json_routes import whole_number
from pages.words.models import MODEL_PREFIX

MAX_PHOTOS = 12
_SIDE_PX = 1024

# Photos that a model has not learned from come first: to the others it may know the answer by heart.
_SPLITS = (Split.TEST, Split.VALIDATION, Split.TRAIN)


def num_kiosk_photos(network: str, services: Services) -> int:
    """How many photos there are to ask about."""
    hashes = _own_photos(network, services)
    return len(hashes) or len(SAMPLE_PHOTOS)


def kiosk_photo(network: str, number: int, services: Services) -> bytes:
    """A photo to ask about, as JPEG.

    Args:
        network: as the address of live answers names it.
        number: from 0 to below `num_kiosk_photos`.
        services: of whoever has put the kiosk up.

    Raises:
        DatasetError: there is none with this number, or it is not here any more.
        StorageError: it cannot be read.
    """
    hashes = _own_photos(network, services)
    if not 0 <= number < (len(hashes) or len(SAMPLE_PHOTOS)):
        raise DatasetError("There is no such photo.")
    if not hashes:
        return _bundled(number)
    photo = services.library.photos.get([hashes[number]]).get(hashes[number])
    if photo is None:
        raise DatasetError("This photo is not here any more.")
    return services.photo_store.thumbnail(photo, _SIDE_PX)


def _own_photos(network: str, services: Services) -> tuple[str, ...]:
    run_id = whole_number(network.removeprefix(MODEL_PREFIX)) if network.startswith(MODEL_PREFIX) else None
    if run_id is None:
        return ()
    try:
        return _photos_of(services.database, services.runs.get_run(run_id).snapshot_hash)
    except UnknownDatasetError:
        return ()  # what it learned from was deleted for good


@lru_cache(maxsize=64)
def _photos_of(database: Database, snapshot_hash: str) -> tuple[str, ...]:
    """Of each class some, in turns; snapshots never change."""
    ranks = []
    num_before: dict[tuple[int, str | None], int] = {}
    for image in load_snapshot(database, snapshot_hash).images:
        if image.split is None:
            continue
        key = (image.class_index, image.split)
        num_before[key] = num_before.get(key, 0) + 1
        ranks.append((_SPLITS.index(Split(image.split)), num_before[key], image.class_index, image.photo_hash))
    best = min((split for split, *_ in ranks), default=0)
    chosen = sorted(rank for rank in ranks if rank[0] == best)[:MAX_PHOTOS]
    return tuple(dict.fromkeys(photo_hash for *_, photo_hash in chosen))


@lru_cache(maxsize=len(SAMPLE_PHOTOS))
def _bundled(number: int) -> bytes:
    with Image.open(io.BytesIO(sample_path(SAMPLE_PHOTOS[number]).read_bytes())) as photo:
        return thumbnail_jpeg(photo.convert("RGB"), _SIDE_PX)
