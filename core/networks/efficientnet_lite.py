"""EfficientNet-Lite0, 1 and 2 as Keras models, with layer names in the manner of `keras.applications`."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.backbones.efficientnet_lite import (
    BATCH_NORM_EPSILON,
    HEAD_FILTERS,
    STEM_FILTERS,
    STEM_KERNEL_SIZE,
    STEM_STRIDES,
    Block,
    blocks_of,
    dropout_rate_of,
    twin_of,
)
from core.errors import WeightsDamagedError


def build_efficientnet_lite(name: str, inputs: Any, *, num_classes: int = 1000) -> keras.Model:
    """Build the network on `inputs`, with random weights.

    Args:
        name: a key of the catalogue, "EfficientNetLite0" to "EfficientNetLite2".
        inputs: Keras tensor (batch, height, width, 3), already scaled to (x - 127) / 128.
        num_classes: width of the softmax.

    Returns:
        Model from the inputs behind `inputs` to probabilities (batch, num_classes), 0-1.
    """
    x = keras.layers.Conv2D(
        STEM_FILTERS, STEM_KERNEL_SIZE, strides=STEM_STRIDES, padding="same", use_bias=False, name="stem_conv"
    )(inputs)
    x = _normalise(x, "stem_bn")
    x = _activate(x, "stem_activation")
    for block in blocks_of(name):
        x = _apply_block(x, block)
    x = keras.layers.Conv2D(HEAD_FILTERS, 1, padding="same", use_bias=False, name="top_conv")(x)
    x = _normalise(x, "top_bn")
    x = _activate(x, "top_activation")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dropout(dropout_rate_of(name), name="top_dropout")(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax", name="predictions")(x)
    return keras.Model(keras.utils.get_source_inputs(inputs), outputs, name=name)


def load_state_dict(model: keras.Model, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put the arrays of a PyTorch state dict into a model of `build_efficientnet_lite`.

    Args:
        model: the network, 1,000 classes.
        state: name to array as `core.backbones.torch_weights.read_state_dict` returns it; convolution kernels
            (out, in, height, width), depthwise kernels (channels, 1, height, width), dense kernel (out, in).

    Raises:
        WeightsDamagedError: an array is missing, has the wrong shape, or is left over.
    """
    block_numbers = {block.name: number for number, block in enumerate(blocks_of(model.name))}
    unused = {key for key in state if not key.endswith("num_batches_tracked")}
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_arrays_of(layer, twin_of(layer.name, block_numbers), state, unused))
    except (KeyError, ValueError) as exc:
        raise WeightsDamagedError(f"The weights do not fit {model.name}: {exc}.") from exc
    if unused:
        raise WeightsDamagedError(f"The weights have arrays that {model.name} lacks: {', '.join(sorted(unused))}.")


def _apply_block(x: Any, block: Block) -> Any:
    shortcut = x
    if block.expand_ratio != 1:
        filters = block.filters_inside
        x = keras.layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{block.name}_expand_conv")(x)
        x = _normalise(x, f"{block.name}_expand_bn")
        x = _activate(x, f"{block.name}_expand_activation")
    x = keras.layers.DepthwiseConv2D(
        block.kernel_size,
        strides=block.strides,
        padding="same",
        use_bias=False,
        name=f"{block.name}_dwconv",
    )(x)
    x = _normalise(x, f"{block.name}_bn")
    x = _activate(x, f"{block.name}_activation")
    x = keras.layers.Conv2D(block.filters_out, 1, padding="same", use_bias=False, name=f"{block.name}_project_conv")(x)
    x = _normalise(x, f"{block.name}_project_bn")
    return keras.layers.Add(name=f"{block.name}_add")([x, shortcut]) if block.has_shortcut else x


def _normalise(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=name)(x)


def _activate(x: Any, name: str) -> Any:
    return keras.layers.ReLU(6.0, name=name)(x)


def _arrays_of(
    layer: keras.Layer, prefix: str, state: Mapping[str, npt.NDArray[Any]], unused: set[str]
) -> list[npt.NDArray[Any]]:
    def take(suffix: str) -> npt.NDArray[Any]:
        unused.discard(f"{prefix}.{suffix}")
        return state[f"{prefix}.{suffix}"]

    match layer:
        case keras.layers.BatchNormalization():
            return [take(suffix) for suffix in ("weight", "bias", "running_mean", "running_var")]
        case keras.layers.DepthwiseConv2D():
            return [np.transpose(take("weight"), (2, 3, 0, 1))]
        case keras.layers.Conv2D():
            return [np.transpose(take("weight"), (2, 3, 1, 0))]
        case _:
            return [np.transpose(take("weight")), take("bias")]
