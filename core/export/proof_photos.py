"""The photos that an export is proven on."""

from typing import Any

import numpy as np
import numpy.typing as npt

from core.datasets.library import Library
from core.datasets.records import SnapshotView, Split
from core.errors import TrainingDataError
from core.export.parity import ProofPhotos
from core.photos.store import PhotoStore
from core.storage.db import Database


def choose_proof_photos(snapshot: SnapshotView, database: Database, store: PhotoStore, *, most: int) -> ProofPhotos:
    """Photos of the test, which tell most; of a run without them, of what it has.

    Args:
        snapshot: what the run learned from.
        database: where its photos are known.
        store: where they are.
        most: photos; of more, some of every class alike.

    Raises:
        TrainingDataError: one of them is not known any more.
    """
    by_split = {split: [image for image in snapshot.images if image.split is split] for split in Split}
    split = next(each for each in (Split.TEST, Split.VALIDATION, Split.TRAIN) if by_split[each])
    images = [by_split[split][row] for row in evenly(len(by_split[split]), most)]
    records = Library(database).photos.get({image.photo_hash for image in images})
    missing = [image.photo_hash for image in images if image.photo_hash not in records]
    if missing:
        raise TrainingDataError(
            f"{len(missing)} photos that the model would be proven on are not known any more, such as {missing[0]}. "
            "Add them to the dataset again, and train anew."
        )
    photos = [records[image.photo_hash] for image in images]
    return ProofPhotos(
        split=split.value,
        names=tuple(f"{photo.hash}{photo.suffix}" for photo in photos),
        data=lambda number: store.read(photos[number].hash, photos[number].suffix),
        class_indices=np.array([image.class_index for image in images], np.int64),
    )


def evenly(count: int, most: int) -> npt.NDArray[Any]:
    """Rows of at most so many, of every class alike, for photos stand in the order of their classes."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
