"""Turn a Keras model into a LiteRT file that answers for one photo at a time."""

from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

# Larger models are converted by way of the disk, as Keras does it: four times slower, with fewer copies in memory.
_MOST_BYTES_IN_MEMORY = 200_000_000
_BYTES_PER_NUMBER = 4

_INPUT_NAME = "pixels"
_SIGNATURE_NAME = "serving_default"


def convert_to_litert(model: keras.Model, path: Path) -> None:
    """Write a LiteRT file of a model with one input.

    The batch is fixed to one photo: on a CPU that is as fast per photo as a batch of 32, the shapes are all known
    when the file is loaded, and memory does not grow with the number of photos.

    Args:
        model: float32 (batch, height, width, 3) → its outputs, named `output_0`, `output_1`, … in the file.
        path: where to write, ending in `.tflite`.
    """
    shape = (1, *model.input_shape[1:])
    if model.count_params() * _BYTES_PER_NUMBER <= _MOST_BYTES_IN_MEMORY:
        path.write_bytes(_with_names(_convert_in_memory(model, shape)))
    else:
        pixels = keras.InputSpec(shape=shape, dtype="float32", name=_INPUT_NAME)
        model.export(str(path), format="litert", input_signature=[pixels], verbose=False)


def _convert_in_memory(model: keras.Model, shape: tuple[int, ...]) -> bytes:
    """The file without the names of its outputs.

    Keras saves the model, has it loaded again twice, and only then converts it, which takes four times as long.
    """
    answer = tf.function(lambda pixels: model(pixels, training=False), autograph=False)
    function = answer.get_concrete_function(tf.TensorSpec(shape, tf.float32, name=_INPUT_NAME))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.experimental_lower_to_saved_model = False
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    content: bytes = converter.convert()
    return content


def _with_names(content: bytes) -> bytes:
    """The file with the names that Keras would have given."""
    file = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = file.subgraphs
    signature = schema.SignatureDefT()
    signature.signatureKey = _SIGNATURE_NAME
    signature.subgraphIndex = 0
    signature.inputs = [_named(_INPUT_NAME, index) for index in graph.inputs]
    signature.outputs = [_named(f"output_{number}", index) for number, index in enumerate(graph.outputs)]
    file.signatureDefs = [signature]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _named(name: str, index: int) -> schema.TensorMapT:
    tensor = schema.TensorMapT()
    tensor.name, tensor.tensorIndex = name, int(index)
    return tensor
