"""The model for ONNX runtimes."""

from pathlib import Path
from typing import Any

import onnx
import tensorflow as tf
import tf2onnx

from core.errors import BackboneError
from core.packaging.calibrated import CalibratedModel

# Of 2022: all runtimes of the last years know it.
_OPERATOR_SET = 18


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model; its outputs are probabilities and features, in this order.

    Not by Keras' own export, which puts a name back into NumPy that NumPy has given up.

    Args:
        model: the whole model.
        target: ends in `.onnx`.

    Raises:
        BackboneError: the network computes something that ONNX has no operation for.
    """
    whole = model.with_features()
    pixels = tf.TensorSpec((None, *whole.input_shape[1:]), tf.float32, name="pixels")

    def answer(pixels: Any) -> Any:
        return whole(pixels, training=False)

    function = tf.function(answer, input_signature=[pixels])
    converted, _ = tf2onnx.convert.from_function(function, [pixels], opset=_OPERATOR_SET)
    _keep_constants(converted.graph, function.get_concrete_function().graph.captures)
    _refuse_unknown(converted.graph)
    onnx.save(converted, str(target))


def _keep_constants(graph: onnx.GraphProto, captures: Any) -> None:
    """Give back what the converter took for inputs: constants of the network, such as the means of a normalisation.

    Args:
        graph: as it was converted.
        captures: of the function that it was converted from: pairs of a tensor and its name's tensor in the function.
    """
    inputs = {each.name: each for each in graph.input}
    for value, inner in captures:
        if inner.name in inputs:
            graph.initializer.append(onnx.numpy_helper.from_array(value.numpy(), inner.name))
            graph.input.remove(inputs[inner.name])


def _refuse_unknown(graph: onnx.GraphProto) -> None:
    """The converter leaves what it does not know in the file, where no runtime would know it."""
    unknown = {node.op_type for node in graph.node if not onnx.defs.has(node.op_type, node.domain)}
    if unknown:
        raise BackboneError(
            f"This network cannot be written for ONNX, which has no operation for {', '.join(sorted(unknown))}. Take "
            "another format."
        )
