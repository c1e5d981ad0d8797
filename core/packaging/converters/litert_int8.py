"""The model for LiteRT in whole numbers of 8 bits throughout."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from core.networks.convert import convert_to_litert
from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model, whose ranges are found on training photos.

    Pixels go in and probabilities come out as floating-point numbers, as everywhere: the first operation and the last
    turn them into whole numbers and back.

    Args:
        model: the whole model, with photos.
        target: ends in `.tflite`.
    """

    def photos() -> Iterator[list[np.ndarray]]:
        for square in model.squares:
            yield [square[np.newaxis].astype(np.float32)]

    convert_to_litert(
        model.with_features(),
        target,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=photos,
        # The second for the few operations that whole numbers cannot do, such as the GELU of ConvNeXt.
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]},
    )
