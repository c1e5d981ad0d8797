"""Features of photos: what a network makes of them, computed once and kept."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np

from core.backbones.artefacts import Artefact
from core.errors import DatasetError, ImageError
from core.features.cache import FeatureCache, Features
from core.features.key import MIRRORED_VIEW, FeatureKey, view_name
from core.litert.engine import AnyEngine, Engine, map_streamed
from core.photos.fit import mirrored, to_array
from core.photos.record import PhotoRecord
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore
from core.settings import Settings

logger = logging.getLogger(__name__)

# Photos whose features are computed before they are written to the cache together.
_BATCH_PHOTOS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """A network as the maker of features; safe to use from any number of threads."""

    key: FeatureKey  # under which the cache keeps them
    squares: SquareMaker  # how photos become what the network sees
    engine: AnyEngine
    averages_flips: bool = False  # whether features are means over a photo and its mirror image

    @classmethod
    def of_artefact(cls, artefact: Artefact, settings: Settings) -> Self:
        """A prepared backbone, as checks and maps of datasets ask it.

        Raises:
            ArtefactDamagedError: LiteRT cannot read the network.
        """
        record = artefact.record
        return cls(
            key=FeatureKey(record.fingerprint, record.fit_mode),
            squares=SquareMaker.of(record.image_size, record.fit_mode, settings, crop_fraction=record.crop_fraction),
            engine=Engine(artefact.model_path, num_threads=settings.num_inference_threads),
        )

    @property
    def num_features(self) -> int:
        """Width of the features."""
        return self.engine.num_features


def compute_features(
    photos: Iterable[PhotoRecord], store: PhotoStore, embedder: Embedder, cache: FeatureCache
) -> Iterator[tuple[str, Features | None]]:
    """The features of photos, from the cache or else computed and cached, on all of the engine's threads.

    Memory does not grow with the number of photos; what was computed is kept even if the caller stops early.

    Args:
        photos: photos of the store.
        store: where their files are.
        embedder: the network.
        cache: where features are kept.

    Yields:
        Hash and features, float32 (channels,), of each photo in their order; None for a photo that cannot be read.
    """

    views = (0, MIRRORED_VIEW) if embedder.averages_flips else (0,)
    remaining = iter(photos)
    while batch := list(islice(remaining, _BATCH_PHOTOS)):
        of_views = [_compute_view(batch, view, store, embedder, cache) for view in views]
        for photo in batch:
            values = [features[photo.hash] for features in of_views if photo.hash in features]
            yield photo.hash, np.mean(values, axis=0) if len(values) == len(views) else None


def _compute_view(
    photos: Sequence[PhotoRecord], view: int, store: PhotoStore, embedder: Embedder, cache: FeatureCache
) -> dict[str, Features]:
    """The features of the photo itself, or of its mirror image, of those photos that can be read."""

    def compute(photo: PhotoRecord) -> Features | None:
        try:
            square = embedder.squares.square(store.read(photo.hash, photo.suffix), photo.hash[:12])
        except (DatasetError, ImageError) as exc:
            logger.warning("A photo has no features: %s", exc)
            return None
        pixels = to_array(square)
        return embedder.engine.run(mirrored(pixels) if view == MIRRORED_VIEW else pixels).features

    name = view_name(None, view)
    known = cache.get(*embedder.key, [photo.hash for photo in photos], view=name)
    unknown = [photo for photo in photos if photo.hash not in known]
    store.bring(unknown)
    answers = map_streamed(compute, unknown, num_threads=embedder.engine.num_threads)
    computed = {photo.hash: values for photo, values in zip(unknown, answers, strict=True) if values is not None}
    cache.put(*embedder.key, computed, view=name)
    return known | computed
