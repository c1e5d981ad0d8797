"""The network that starts from nothing."""

import keras
import numpy as np
import pytest

from core.errors import ConfigError
from core.training.baseline import BASELINE_IMAGE_SIZE, MIN_BASELINE_SIDE_PX, build_baseline


def test_it_is_the_network_of_the_walk_through():
    """Four pairs 32-64-128-128 and a dense layer of 512 at 150 pixels: 3,454,147 parameters for three classes."""
    model = build_baseline(BASELINE_IMAGE_SIZE, 3, seed=0)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 128]
    assert model.get_layer("hidden").units == 512
    # kernels and biases by hand; 7×7×128 values reach the dense layer
    assert model.count_params() == 896 + 18_496 + 73_856 + 147_584 + (7 * 7 * 128 + 1) * 512 + 513 * 3
    assert model.output_shape == (None, 3)
    assert model.get_layer("logits").activation is keras.activations.linear


def test_the_same_seed_gives_the_same_network():
    """Weights repeat with the seed, and differ with another."""
    first, same, other = (build_baseline((64, 48), 2, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_it_learns():
    """Dark and bright photos are told apart after a few steps."""
    model = build_baseline((48, 48), 2, dropout=0.2, seed=0)
    labels = np.array([0, 1] * 16)
    pixels = np.random.default_rng(0).uniform(0, 100, (32, 48, 48, 3)) + 150 * labels[:, None, None, None]
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(pixels.astype(np.float32), labels, epochs=5, batch_size=8, verbose=0)
    assert model.evaluate(pixels.astype(np.float32), labels, verbose=0)[1] == 1.0


def test_the_smallest_size_is_known():
    """46 pixels leave one value after four poolings; less is refused in words."""
    side = MIN_BASELINE_SIDE_PX
    assert build_baseline((side, side), 2, seed=0).get_layer("pool4").output.shape == (None, 1, 1, 128)
    with pytest.raises(ConfigError, match="at least 46 pixels"):
        build_baseline((side - 1, 100), 2, seed=0)
