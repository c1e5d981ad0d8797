"""The model for LiteRT with weights as whole numbers of 8 bits; what is computed in between stays as it is."""

from pathlib import Path

import tensorflow as tf

from core.networks.convert import convert_to_litert
from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model; the range of what is computed in between is found anew for each photo.

    Args:
        model: the whole model.
        target: ends in `.tflite`.
    """
    convert_to_litert(model.with_features(), target, optimizations=[tf.lite.Optimize.DEFAULT])
