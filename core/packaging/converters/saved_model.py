"""The model as a SavedModel of TensorFlow, a folder."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from core.networks.convert import translating_tensorflow_errors
from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Write the folder; its function `serve` answers with a mapping of `probabilities` and `features`.

    Not by Keras' own export, which writes every weight twice.

    Args:
        model: the whole model.
        target: the folder, which is not there yet.

    Raises:
        NoSpaceError: the disk is full.
    """
    outputs = {"probabilities": model.model.outputs[0], "features": model.features}
    named = keras.Model(model.model.inputs[0], outputs, name="classifier")

    def answer(pixels: Any) -> Any:
        return named(pixels, training=False)

    pixels = tf.TensorSpec((None, *named.input_shape[1:]), tf.float32, name="pixels")
    saved = tf.Module()
    saved.model = named  # with which its weights are found, and the program of a Hub module
    saved.serve = tf.function(answer, input_signature=[pixels])
    with translating_tensorflow_errors(target):
        tf.saved_model.save(saved, str(target), signatures={"serving_default": saved.serve})
