"""Having a model answer for stored photos, many at a time."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from core.errors import DatasetError, ImageError, StorageError
from core.inference.classifier import Classifier
from core.litert.engine import map_streamed
from core.photos.fit import to_array
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore

_NAME_DIGITS = 12


def ask(
    classifier: Classifier,
    photos: Sequence[PhotoRecord],
    store: PhotoStore,
    *,
    num_threads: int,
    on_photo: Callable[[int], None] = lambda _num_done: None,
) -> dict[str, npt.NDArray[np.float32]]:
    """What a model says to photos.

    Args:
        classifier: the model.
        photos: that it is asked about.
        store: where their files are.
        num_threads: photos that are answered at the same time, at least 1.
        on_photo: called after each photo with the number of those that are done.

    Returns:
        Probabilities, float32 (classes,), 0-1 and not calibrated, by photo hash; photos whose file is missing or
        damaged are left out.
    """

    def answer(photo: PhotoRecord) -> tuple[str, npt.NDArray[np.float32] | None]:
        try:
            data = store.read(photo.hash, photo.suffix)
            square = classifier.square(data, photo.hash[:_NAME_DIGITS])
        except (DatasetError, ImageError, StorageError):
            return photo.hash, None
        pixels = to_array(square)
        if classifier.head is None:
            return photo.hash, classifier.engine.run(pixels).probabilities
        return photo.hash, classifier.head.probabilities(classifier.engine.features(pixels))

    found: dict[str, npt.NDArray[np.float32]] = {}
    for number, (photo_hash, probabilities) in enumerate(map_streamed(answer, photos, num_threads=num_threads), 1):
        if probabilities is not None:
            found[photo_hash] = probabilities
        on_photo(number)
    return found
