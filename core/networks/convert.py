"""Turn a Keras model into a LiteRT file that answers for one photo at a time."""

from pathlib import Path
from typing import Any

import keras


def convert_to_litert(model: keras.Model, path: Path, **options: Any) -> None:
    """Write a LiteRT file of a model with one input.

    The batch is fixed to one photo: on a CPU that is as fast per photo as a batch of 32, the shapes are all known
    when the file is loaded, and memory does not grow with the number of photos.

    Args:
        model: float32 (batch, height, width, 3) → its outputs, named `output_0`, `output_1`, … in the file.
        path: where to write, ending in `.tflite`.
        options: of TensorFlow's converter, such as `optimizations`; none: single precision throughout.
    """
    signature = keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32", name="pixels")
    model.export(str(path), format="litert", input_signature=[signature], verbose=False, **options)
