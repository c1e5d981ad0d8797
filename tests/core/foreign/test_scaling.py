"""Pixels as networks want them."""

import keras
import numpy as np
import pytest

from core.foreign.scaling import RANGES, Scaling, quantise, range_of, scale, scaling_of_range

PIXELS = np.random.default_rng(2).integers(0, 256, (5, 7, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("scaling", "mode"), [(Scaling.SIGNED, "tf"), (Scaling.TORCH, "torch"), (Scaling.CAFFE, "caffe")]
)
def test_each_scaling_is_that_of_keras(scaling: Scaling, mode: str):
    """`preprocess_input` of the networks that were published with it."""
    expected = keras.src.applications.imagenet_utils.preprocess_input(PIXELS.astype(np.float32), mode=mode)
    np.testing.assert_allclose(scale(PIXELS, scaling), expected, atol=1e-4)


def test_ranges_are_those_that_come_out():
    """Of black and white pixels, in every channel."""
    ends = np.stack([np.zeros((1, 3)), np.full((1, 3), 255)]).astype(np.uint8)
    for scaling, (low, high) in RANGES.items():
        found = scale(ends, scaling)
        assert (found.min(), found.max()) == pytest.approx((low, high), abs=1e-4)
        assert scaling_of_range(low, high) is scaling


@pytest.mark.parametrize(
    ("dtype", "quantisation", "scaling"),
    [
        ("uint8", (1 / 255, 0), Scaling.UNIT),
        ("int8", (1 / 255, -128), Scaling.UNIT),
        ("uint8", (1 / 128, 128), Scaling.SIGNED),
        ("uint8", (1.0, 0), Scaling.BYTES),
        ("uint8", (0.0, 0), Scaling.BYTES),
    ],
)
def test_numbers_of_a_quantised_input_are_the_pixels_themselves(
    dtype: str, quantisation: tuple[float, int], scaling: Scaling
):
    """Whatever the range: 0-255 fills the 256 numbers."""
    values = range_of(dtype, quantisation)
    assert values is not None
    assert scaling_of_range(*values) is scaling
    numbers = quantise(scale(PIXELS, scaling), dtype, quantisation).astype(int)
    assert np.abs(numbers - np.iinfo(dtype).min - PIXELS).max() <= 1


def test_floating_point_says_nothing_about_its_range():
    """So it has to be guessed."""
    assert range_of("float32", (0.0, 0)) is None
    assert scaling_of_range(-3, 900) is None
