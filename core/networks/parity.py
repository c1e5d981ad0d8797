"""Whether a converted network answers as the original does, and how fast, on photos that need no network."""

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone
from core.errors import ParityError
from core.litert.engine import LiteRTModel
from core.photos.decode import decode_image
from core.photos.fit import DEFAULT_CROP_FRACTION, FitMode, fit, to_array
from core.photos.samples import SAMPLE_PHOTOS, sample_path

if TYPE_CHECKING:
    import keras

# Converted and original differ by float32 rounding only: 1e-6 is usual, 1e-4 would show in no percentage.
MAX_PROBABILITY_DIFFERENCE = 1e-4
# The same for features where there are no classes, as a share of the largest: 3e-6 was seen, of Hub modules and DINOv2.
MAX_FEATURE_DIFFERENCE = 1e-3

_TIMED_RUNS = 10


def sample_pixels(backbone: Backbone) -> npt.NDArray[np.uint8]:
    """The sample photos as the backbone sees them, and one square of noise.

    Returns:
        uint8 (photos + 1, height, width, 3), 0-255.
    """
    return sample_squares(backbone.image_size)


def sample_squares(image_size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """As `sample_pixels`, for photos of any height and width in pixels."""
    squares = [
        to_array(
            fit(
                decode_image(sample_path(sample).read_bytes(), sample.file_name),
                image_size,
                FitMode.CROP,
                crop_fraction=DEFAULT_CROP_FRACTION,
            )
        )
        for sample in SAMPLE_PHOTOS
    ]
    noise = np.random.default_rng(0).integers(0, 256, (*image_size, 3), dtype=np.uint8)
    return np.stack([*squares, noise])


def compare(model: "keras.Model", converted: LiteRTModel, pixels: npt.NDArray[np.uint8]) -> float:
    """Largest difference between the probabilities of the converted model and of the original.

    Args:
        model: outputs probabilities (batch, classes) first.
        converted: the LiteRT version.
        pixels: uint8 (batch, height, width, 3), 0-255.

    Raises:
        ParityError: a probability differs by more than `MAX_PROBABILITY_DIFFERENCE`, or a top-1 class differs.
    """
    # Called, not `predict`: compiling a graph for a handful of photos takes longer than answering them.
    expected = np.asarray(model(pixels.astype(np.float32), training=False)[0])
    actual = np.stack([converted.run(square).probabilities for square in pixels])
    difference = float(np.abs(expected - actual).max())
    same_top1 = bool((expected.argmax(axis=1) == actual.argmax(axis=1)).all())
    # Written so that a NaN fails as well.
    if not difference <= MAX_PROBABILITY_DIFFERENCE or not same_top1:
        raise ParityError(
            f"The converted {model.name} differs from the original by {difference:.1e} in a probability "
            f"(at most {MAX_PROBABILITY_DIFFERENCE:.0e} is accepted; same top-1 class: {same_top1}). "
            "It was thrown away; please report this with your versions of keras and tensorflow."
        )
    return difference


def compare_features(model: "keras.Model", converted: LiteRTModel, pixels: npt.NDArray[np.uint8]) -> float:
    """Largest difference between the features of the converted network and the original, as a share of the largest.

    Args:
        model: outputs pooled features (batch, channels) first.
        converted: the LiteRT version.
        pixels: uint8 (batch, height, width, 3), 0-255.

    Raises:
        ParityError: it is more than `MAX_FEATURE_DIFFERENCE`.
    """
    expected = np.asarray(model(pixels.astype(np.float32), training=False)[0])
    actual = np.stack([converted.run(square).features for square in pixels])
    difference = float(np.abs(expected - actual).max() / max(np.abs(expected).max(), 1e-9))
    if not difference <= MAX_FEATURE_DIFFERENCE:
        raise ParityError(
            f"The converted {model.name} differs from the original by {difference:.1e} of its largest feature (at most "
            f"{MAX_FEATURE_DIFFERENCE:.0e} is accepted). It was thrown away; please report this with your versions of "
            "keras and tensorflow."
        )
    return difference


def median_milliseconds(model: LiteRTModel, square: npt.NDArray[np.uint8]) -> float:
    """How long a photo takes, from pixels uint8 (height, width, 3) to outputs."""
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        model.run(square)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000
