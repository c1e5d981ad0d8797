"""Where the activations at the cut are kept: in memory, on the disk, or nowhere, always the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import AugmentConfig, TrainConfig
from core.errors import DatasetError, TaskCancelledError
from core.features.cache import FeatureCache
from core.features.key import feature_key
from core.features.needs import count_to_compute
from core.photos.fit import TRAINED_CROP_FRACTION
from core.photos.record import PhotoRecord
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.training.activations import ActivationPlan
from core.training.encoders import PixelEncoder
from core.training.features import FeaturePart, FeatureSource
from core.training.inputs import CachedInputs, StreamedInputs
from core.training.photos import ViewLoader
from tests.core.training.training_samples import paint

SIZE = (32, 32)
NUM_VIEWS = 2
FIT_MODE = feature_key("f", "squash", TRAINED_CROP_FRACTION).fit_mode


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


@pytest.fixture
def photos(store: PhotoStore) -> list[PhotoRecord]:
    made = [encode_photo(paint("red", number), f"{number}.png") for number in range(5)]
    for photo in made:
        store.put(photo)
    return [photo.record for photo in made]


@pytest.fixture
def loader(store: PhotoStore, settings: Settings) -> ViewLoader:
    return ViewLoader(store, SquareMaker.of(SIZE, "squash", settings), AugmentConfig())


def plan(settings: Settings, loader: ViewLoader, folder: Path, notes: list[str]) -> ActivationPlan:
    return ActivationPlan(
        loader=loader,
        encoder=PixelEncoder(SIZE, num_threads=2),
        settings=settings,
        folder=folder,
        seed=3,
        watch=lambda _: None,
        note=notes.append,
        mapped_arrays=[],
    )


def test_wherever_they_are_kept_they_are_the_same(
    settings: Settings, loader: ViewLoader, photos: list[PhotoRecord], tmp_path: Path
):
    """Memory, disk and computing anew give the same batch in the same epoch; only the last is told to people."""
    notes: list[str] = []
    limits = [{}, {"activation_memory_bytes": 0}, {"activation_memory_bytes": 0, "activation_disk_bytes": 0}]
    inputs = [
        plan(replace(settings, **limit), loader, tmp_path / str(number), notes).inputs(photos, NUM_VIEWS, name="train")
        for number, limit in enumerate(limits)
    ]
    assert [type(made) for made in inputs] == [CachedInputs, CachedInputs, StreamedInputs]
    assert [path.name for path in tmp_path.rglob("*.bin")] == ["train.bin"]
    assert len(notes) == 1
    assert "anew in every epoch" in notes[0]
    indices = np.array([4, 0, 2])
    for epoch in (1, 2):
        memory, disk, streamed = (made.batch(indices, epoch) for made in inputs)
        np.testing.assert_array_equal(memory, disk)
        np.testing.assert_array_equal(memory, streamed)


def test_free_augmentation_never_repeats_a_view(
    settings: Settings, loader: ViewLoader, photos: list[PhotoRecord], tmp_path: Path
):
    """Without a number of views each epoch has one of its own."""
    inputs = plan(settings, loader, tmp_path, []).inputs(photos, None, name="train")
    first, second, again = (inputs.batch(np.array([1]), epoch) for epoch in (1, 2, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


class Means:
    """An encoder whose features are the mean colour, and that counts what it computes."""

    shape = (3,)
    dtype = np.float32

    def __init__(self) -> None:
        self.num_computed = 0

    def encode(self, load, items):
        for item in items:
            self.num_computed += 1
            yield load(item).mean(axis=(0, 1)).astype(np.float32)


@pytest.fixture
def source(settings: Settings, loader: ViewLoader) -> FeatureSource:
    return FeatureSource(
        parts=(FeaturePart(encoder=Means(), fingerprint="f"),),
        loader=loader,
        cache=FeatureCache(settings),
        fit_mode=FIT_MODE,
    )


def num_to_compute(source: FeatureSource, photos: list[PhotoRecord], num_views: int, **values: object) -> int:
    """What a run that learns from the photos is told to have to compute, before it begins."""
    config = TrainConfig(
        snapshot="0" * 64,
        backbone="EfficientNetLite0",
        fit_mode="squash",
        augment=AugmentConfig(),
        num_views=num_views,
        **values,
    )
    return count_to_compute(
        config, "f", source.cache, train=[photo.hash for photo in photos], kept_back=[photos[0].hash]
    )


def test_features_are_computed_once(source: FeatureSource, photos: list[PhotoRecord]):
    """A photo and view that was seen before costs nothing; one more photo costs its views; order does not matter."""
    first, num_first = source.compute(photos[:4], range(NUM_VIEWS), watch=lambda _: None)
    again, num_again = source.compute(photos[::-1], range(NUM_VIEWS), watch=lambda _: None)
    assert (num_first, num_again) == (8, 2)
    np.testing.assert_array_equal(first, again[::-1][:4])
    assert not np.array_equal(first[:, 0], first[:, 1])
    assert num_to_compute(source, photos, NUM_VIEWS) == 0
    assert num_to_compute(source, photos, 3) == 5


def test_new_views_in_every_epoch_are_not_counted(source: FeatureSource, photos: list[PhotoRecord]):
    """A run that augments freely computes the features of the photos that are kept back, and no others before it
    learns."""
    assert num_to_compute(source, photos, 1, is_augmented_freely=True) == 1
    source.compute(photos[:1], [0], watch=lambda _: None)
    assert num_to_compute(source, photos, 1, is_augmented_freely=True) == 0


def test_a_photo_in_two_classes_is_computed_once(source: FeatureSource, photos: list[PhotoRecord]):
    """The same photo twice has the same features twice, for the price of one."""
    features, num_computed = source.compute([photos[0], photos[0]], [0], watch=lambda _: None)
    assert num_computed == 1
    np.testing.assert_array_equal(features[0], features[1])


def test_what_was_computed_before_a_cancel_is_kept(source: FeatureSource, photos: list[PhotoRecord]):
    """A run that was cancelled in the middle leaves its features to the next one."""

    def cancel(_: int) -> None:
        raise TaskCancelledError("cancelled")

    source.compute(photos[:2], [0], watch=lambda _: None)
    with pytest.raises(TaskCancelledError):
        source.compute(photos, [0], watch=cancel)
    assert num_to_compute(source, photos[:2], 1) == 0


def test_a_damaged_photo_is_an_error(source: FeatureSource, store: PhotoStore, photos: list[PhotoRecord]):
    """Training never leaves out a photo without a word."""
    store.path(photos[3].hash, photos[3].suffix).write_bytes(b"gone")
    with pytest.raises(DatasetError, match=photos[3].hash[:12]):
        source.compute(photos, [0], watch=lambda _: None)
