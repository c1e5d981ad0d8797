"""Turn a Keras model into a LiteRT file that answers for one photo at a time."""

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

from core.storage.files import TEMPORARY_PREFIX, no_space_error

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def convert_to_litert(
    model: keras.Model, path: Path, *, target_spec: Mapping[str, Any] = _NOTHING, **options: Any
) -> None:
    """Write a LiteRT file of a model with one input.

    The batch is fixed to one photo: on a CPU that is as fast per photo as a batch of 32, the shapes are all known
    when the file is loaded, and memory does not grow with the number of photos.

    On the way there it is a SavedModel of this one function and the weights. `model.export` saves the model with all of
    its layers, which takes longer than converting it, and comes to the same file.

    Args:
        model: float32 (batch, height, width, 3) → its outputs, named `output_0`, `output_1`, … in the file.
        path: where to write, ending in `.tflite`.
        target_spec: what the file may contain, as TensorFlow's converter names it; nothing: single precision, and
            TensorFlow's operations where LiteRT has none.
        options: of TensorFlow's converter, such as `optimizations`.

    Raises:
        NoSpaceError: the disk is full.
    """

    def answer(pixels: tf.Tensor) -> dict[str, Any]:
        outputs = keras.tree.flatten(model(pixels, training=False))
        return {f"output_{number}": output for number, output in enumerate(outputs)}

    photo = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="pixels")
    function = tf.function(answer, autograph=False).get_concrete_function(photo)
    kept = tf.Module()
    kept.weights = [variable.value for variable in model.variables]
    # Beside the file, where room was made for it, and where what a killed worker leaves is cleared up.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as folder:
        with translating_tensorflow_errors(path):
            tf.saved_model.save(kept, folder, signatures=function)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        # As in Keras' export.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter.experimental_enable_resource_variables = True
        for name, value in target_spec.items():
            setattr(converter.target_spec, name, value)
        for name, value in options.items():
            setattr(converter, name, value)
        path.write_bytes(converter.convert())


@contextmanager
def translating_tensorflow_errors(path: Path) -> Iterator[None]:
    """Turn what TensorFlow says of a full disk, which is no `OSError`, into the error that tells the folder and remedy.

    Args:
        path: the file or folder that the block writes.

    Raises:
        NoSpaceError: the disk or the user's quota is full.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as exc:  # which is also what it says of memory
        if not any(os.strerror(number) in exc.message for number in (errno.ENOSPC, errno.EDQUOT)):
            raise
        raise no_space_error(path.parent) from exc
