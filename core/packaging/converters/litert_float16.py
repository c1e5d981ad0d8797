"""The model for LiteRT with weights in half precision."""

from pathlib import Path

import tensorflow as tf

from core.networks.convert import convert_to_litert
from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model; it computes in single precision with weights that have about three digits.

    Args:
        model: the whole model.
        target: ends in `.tflite`.
    """
    convert_to_litert(
        model.with_features(),
        target,
        optimizations=[tf.lite.Optimize.DEFAULT],
        target_spec={"supported_types": [tf.float16]},
    )
