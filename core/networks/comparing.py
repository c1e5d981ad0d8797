"""Comparing a converted network with its original before it is accepted."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import ParityError
from core.litert.engine import LiteRTModel

if TYPE_CHECKING:
    import keras

# Converted and original differ by float32 rounding only: 1e-6 is usual, 1e-4 would show in no percentage.
MAX_PROBABILITY_DIFFERENCE = 1e-4
# The same for the features of a Hub module, as a share of the largest: 3e-6 was seen.
MAX_FEATURE_DIFFERENCE = 1e-3


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
    """Largest difference between the features of the converted module and the original, as a share of the largest."""
    expected = np.asarray(model(pixels.astype(np.float32), training=False)[0])
    actual = np.stack([converted.run(square).features for square in pixels])
    difference = float(np.abs(expected - actual).max() / max(np.abs(expected).max(), 1e-9))
    if not difference <= MAX_FEATURE_DIFFERENCE:
        raise ParityError(
            f"The converted module differs from the original by {difference:.1e} of its largest feature (at most "
            f"{MAX_FEATURE_DIFFERENCE:.0e} is accepted). It was thrown away; please report this with your versions of "
            "keras and tensorflow."
        )
    return difference
