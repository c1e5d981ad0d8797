"""The model for ONNX runtimes."""

from pathlib import Path
from typing import Any

import tensorflow as tf
import tf2onnx

from core.packaging.calibrated import CalibratedModel

# Of 2022: all runtimes of the last years know it.
_OPERATOR_SET = 18


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model; its outputs are probabilities and features, in this order.

    Not by Keras' own export, which puts a name back into NumPy that NumPy has given up.

    Args:
        model: the whole model.
        target: ends in `.onnx`.
    """
    whole = model.with_features()
    pixels = tf.TensorSpec((None, *whole.input_shape[1:]), tf.float32, name="pixels")

    def answer(pixels: Any) -> Any:
        return whole(pixels, training=False)

    function = tf.function(answer, input_signature=[pixels])
    tf2onnx.convert.from_function(function, [pixels], opset=_OPERATOR_SET, output_path=str(target))
