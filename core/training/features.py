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
class FeaturePart:
    """One network, whose features stand beside those of others."""

    encoder: Encoder
    fingerprint: str  # of the network, or of several that are asked as one


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSource:
    """Everything that decides the features of a photo's view."""

    parts: tuple[FeaturePart, ...]  # in the order in which their features stand beside each other
    loader: ViewLoader
    cache: FeatureCache
    fit_mode: str

    @property
    def num_features(self) -> int:
        """Width of the features."""
        return sum(part.encoder.shape[0] for part in self.parts)

    def compute(
        self, photos: Sequence[PhotoRecord], views: Sequence[int], *, watch: Callable[[int], None]
    ) -> tuple[npt.NDArray[np.float32], int]:
        """The features of every view of every photo, from the cache or else computed and cached.

        What was computed is kept even if the caller is stopped; two runs may compute at once.

        Args:
            photos: photos of the store.
            views: numbers of the views, as `ViewLoader.load` takes them.
            watch: called with the number of photos done since the last call; may raise to stop.

        Returns:
            float32 (photos, views, channels), and how many of them were not in the cache.

        Raises:
            DatasetError: a photo's file is missing or was changed.
            ImageError: a photo cannot be decoded.
        """
        features = np.empty((len(photos), len(views), self.num_features), np.float32)
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
        hashes = [photo.hash for photo in photos]
        found = [self.cache.get(part.fingerprint, self.fit_mode, hashes, view=name) for part in self.parts]
        # One photo may be in two classes of a dataset.
        unknown = list(
            {photo.hash: photo for photo in photos if any(photo.hash not in known for known in found)}.values()
        )
        watch(len(photos) - len(unknown))
        for start in range(0, len(unknown), _BATCH_PHOTOS):
            self.loader.bring(unknown[start : start + _BATCH_PHOTOS])
            watch(0)  # which may stop
        # Squares are kept in memory where several networks look at them; for one alone all photos are one stream.
        at_once = _BATCH_PHOTOS if len(self.parts) > 1 else max(len(unknown), 1)
        for start in range(0, len(unknown), at_once):
            self._compute_together(unknown[start : start + at_once], view, found, watch)
        features = {photo_hash: np.concatenate([known[photo_hash] for known in found]) for photo_hash in set(hashes)}
        return features, len(unknown)

    def _compute_together(
        self,
        photos: Sequence[PhotoRecord],
        view: int,
        found: Sequence[dict[str, npt.NDArray[np.float32]]],
        watch: Callable[[int], None],
    ) -> None:
        """What each network does not know of some photos goes into its dictionary; each photo is decoded once."""
        squares: dict[str, npt.NDArray[np.uint8]] = {}

        def load(photo: PhotoRecord) -> npt.NDArray[np.uint8]:
            if len(self.parts) == 1:
                return self.loader.load(photo, view)
            if photo.hash not in squares:
                squares[photo.hash] = self.loader.load(photo, view)
            return squares[photo.hash]

        lacking = [[photo for photo in photos if photo.hash not in known] for known in found]
        last_part = {photo.hash: number for number, part in enumerate(lacking) for photo in part}
        for number, (part, wanted, known) in enumerate(zip(self.parts, lacking, found, strict=True)):
            fresh: dict[str, npt.NDArray[np.float32]] = {}
            try:
                for photo, values in zip(wanted, part.encoder.encode(load, wanted), strict=True):
                    fresh[photo.hash] = values
                    watch(int(last_part[photo.hash] == number))
                    if len(fresh) == _BATCH_PHOTOS:
                        self._keep(part, view, fresh, known)
                        fresh = {}
            finally:
                self._keep(part, view, fresh, known)

    def _keep(
        self,
        part: FeaturePart,
        view: int,
        fresh: dict[str, npt.NDArray[np.float32]],
        known: dict[str, npt.NDArray[np.float32]],
    ) -> None:
        self.cache.put(part.fingerprint, self.fit_mode, fresh, view=self.loader.view_name(view))
        known |= fresh
