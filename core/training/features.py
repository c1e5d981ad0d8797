"""Features of photos and views, each computed once and kept for every run to come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.features.cache import FeatureCache
from core.photos.record import PhotoRecord
from core.training.encoders import Encoder
from core.training.photos import ViewLoader

# Photos whose features are computed before they are written to the cache together.
_BATCH_PHOTOS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSource:
    """Everything that decides the features of a photo's view."""

    encoder: Encoder
    loader: ViewLoader
    cache: FeatureCache
    fingerprint: str  # of the network
    fit_mode: str

    def compute(
        self, photos: Sequence[PhotoRecord], views: Sequence[int], *, watch: Callable[[int], None]
    ) -> tuple[npt.NDArray[np.float32], int]:
        """The features of every view of every photo, from the cache or else computed and cached.

        What was computed is kept even if the caller is stopped; two runs may compute at once.

        Args:
            photos: photos of the store.
            views: numbers of the views, 0 being the photo itself.
            watch: called with the number of photos done since the last call; may raise to stop.

        Returns:
            float32 (photos, views, channels), and how many of them were not in the cache.

        Raises:
            DatasetError: a photo's file is missing or was changed.
            ImageError: a photo cannot be decoded.
        """
        features = np.empty((len(photos), len(views), *self.encoder.shape), np.float32)
        num_computed = 0
        for column, view in enumerate(views):
            known, num_new = self._of_view(photos, view, watch)
            for row, photo in enumerate(photos):
                features[row, column] = known[photo.hash]
            num_computed += num_new
        return features, num_computed

    def _of_view(
        self, photos: Sequence[PhotoRecord], view: int, watch: Callable[[int], None]
    ) -> tuple[dict[str, npt.NDArray[np.float32]], int]:
        name = self.loader.view_name(view)
        features = self.cache.get(self.fingerprint, self.fit_mode, [photo.hash for photo in photos], view=name)
        # One photo may be in two classes of a dataset.
        unknown = list({photo.hash: photo for photo in photos if photo.hash not in features}.values())
        watch(len(photos) - len(unknown))
        if not unknown:
            return features, 0
        fresh: dict[str, npt.NDArray[np.float32]] = {}
        try:
            for photo, values in zip(
                unknown, self.encoder.encode(lambda photo: self.loader.load(photo, view), unknown), strict=True
            ):
                fresh[photo.hash] = values
                if len(fresh) >= _BATCH_PHOTOS:
                    self._keep(fresh, name)
                    features |= fresh
                    fresh = {}
                watch(1)
        finally:
            self._keep(fresh, name)
        return features | fresh, len(unknown)

    def _keep(self, features: dict[str, npt.NDArray[np.float32]], name: str) -> None:
        self.cache.put(self.fingerprint, self.fit_mode, features, view=name)
