"""Features of photos: computed once, whatever becomes of single files."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.features.cache import FeatureCache
from core.features.embedding import Embedder, compute_features
from core.photos.fit import to_array
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings


@pytest.fixture
def cache(settings: Settings) -> FeatureCache:
    return FeatureCache(settings)


@pytest.fixture
def embedder(prepared_settings: Settings, lite0: Backbone) -> Embedder:
    """The default backbone, as checks and maps ask it."""
    return Embedder.of_artefact(load_artefact(lite0, prepared_settings), prepared_settings)


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


@pytest.fixture
def photos(store: PhotoStore) -> Iterator[list[PhotoRecord]]:
    """Five photos of noise in the store."""
    records = []
    for seed in range(5):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
        target = io.BytesIO()
        Image.fromarray(pixels).resize((300, 200)).save(target, "JPEG")
        stored = encode_photo(target.getvalue(), f"{seed}.jpg")
        store.put(stored)
        records.append(stored.record)
    return records


def test_features_are_those_of_the_network(
    embedder: Embedder, cache: FeatureCache, store: PhotoStore, photos: list[PhotoRecord]
):
    """Each photo gets what the network says to it, in the order asked for."""
    found = list(compute_features(photos, store, embedder, cache))
    assert [photo_hash for photo_hash, _ in found] == [photo.hash for photo in photos]
    for photo, (_, features) in zip(photos, found, strict=True):
        square = embedder.squares.square(store.read(photo.hash, photo.suffix), "photo")
        np.testing.assert_allclose(features, embedder.engine.run(to_array(square)).features, atol=1e-5)


def test_features_are_computed_once(
    embedder: Embedder, cache: FeatureCache, store: PhotoStore, photos: list[PhotoRecord]
):
    """The second time the photos are not even read, only those that are new."""
    first = dict(compute_features(photos[:4], store, embedder, cache))
    for photo in photos[:4]:
        store.delete(photo.hash, photo.suffix)
    second = dict(compute_features(photos, store, embedder, cache))
    assert list(second) == [photo.hash for photo in photos]
    for photo in photos[:4]:
        np.testing.assert_array_equal(second[photo.hash], first[photo.hash])
    assert second[photos[4].hash] is not None


def test_a_photo_that_cannot_be_read_stops_nothing(
    embedder: Embedder, cache: FeatureCache, store: PhotoStore, photos: list[PhotoRecord]
):
    """A lost and a damaged file have no features; all others do, and the next time may be better."""
    store.delete(photos[0].hash, photos[0].suffix)
    store.path(photos[2].hash, photos[2].suffix).write_bytes(b"damaged")
    found = dict(compute_features(photos, store, embedder, cache))
    assert [found[photo.hash] is None for photo in photos] == [True, False, True, False, False]
    assert len(cache.get(*embedder.key, found)) == 3
