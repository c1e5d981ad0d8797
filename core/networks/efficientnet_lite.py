"""EfficientNet-Lite0, 1 and 2 as Keras models, with layer names in the manner of `keras.applications`.

Source: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
https://arxiv.org/abs/1905.11946, and Google's EfficientNet-Lite, which leaves out squeeze-and-excitation, replaces
swish by ReLU6, and keeps the width of stem and head and the depth of the first and last stage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.errors import WeightsDamagedError

_STEM_FILTERS = 32
_HEAD_FILTERS = 1280
_BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Blocks of equal shape; the first one strides and widens."""

    repeats: int
    kernel_size: int  # px
    strides: int
    expand_ratio: int
    filters: int


# Table 1 of the paper (EfficientNet-B0), scaled by width and depth below.
_STAGES = (
    _Stage(repeats=1, kernel_size=3, strides=1, expand_ratio=1, filters=16),
    _Stage(repeats=2, kernel_size=3, strides=2, expand_ratio=6, filters=24),
    _Stage(repeats=2, kernel_size=5, strides=2, expand_ratio=6, filters=40),
    _Stage(repeats=3, kernel_size=3, strides=2, expand_ratio=6, filters=80),
    _Stage(repeats=3, kernel_size=5, strides=1, expand_ratio=6, filters=112),
    _Stage(repeats=4, kernel_size=5, strides=2, expand_ratio=6, filters=192),
    _Stage(repeats=1, kernel_size=3, strides=1, expand_ratio=6, filters=320),
)

# name: (width, depth, rate of the dropout before the classifier)
_SCALES = {
    "EfficientNetLite0": (1.0, 1.0, 0.2),
    "EfficientNetLite1": (1.0, 1.1, 0.2),
    "EfficientNetLite2": (1.1, 1.2, 0.3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One inverted residual block, ready to be built."""

    name: str
    kernel_size: int  # px
    strides: int
    expand_ratio: int
    filters_in: int
    filters_out: int

    @property
    def has_shortcut(self) -> bool:
        return self.strides == 1 and self.filters_in == self.filters_out


def build_efficientnet_lite(name: str, inputs: Any, *, num_classes: int = 1000) -> keras.Model:
    """Build the network on `inputs`, with random weights.

    Args:
        name: a key of the catalogue, "EfficientNetLite0" to "EfficientNetLite2".
        inputs: Keras tensor (batch, height, width, 3), already scaled to (x - 127) / 128.
        num_classes: width of the softmax.

    Returns:
        Model from the inputs behind `inputs` to probabilities (batch, num_classes), 0-1.
    """
    width, depth, dropout_rate = _SCALES[name]
    x = keras.layers.Conv2D(_STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = _normalise(x, "stem_bn")
    x = _activate(x, "stem_activation")
    for block in _blocks(width, depth):
        x = _apply_block(x, block)
    x = keras.layers.Conv2D(_HEAD_FILTERS, 1, padding="same", use_bias=False, name="top_conv")(x)
    x = _normalise(x, "top_bn")
    x = _activate(x, "top_activation")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dropout(dropout_rate, name="top_dropout")(x)
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
    width, depth, _ = _SCALES[model.name]
    block_numbers = {block.name: number for number, block in enumerate(_blocks(width, depth))}
    unused = {key for key in state if not key.endswith("num_batches_tracked")}
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_arrays_of(layer, _twin_of(layer.name, block_numbers), state, unused))
    except (KeyError, ValueError) as exc:
        raise WeightsDamagedError(f"The weights do not fit {model.name}: {exc}.") from exc
    if unused:
        raise WeightsDamagedError(f"The weights have arrays that {model.name} lacks: {', '.join(sorted(unused))}.")


def _blocks(width: float, depth: float) -> list[_Block]:
    blocks = []
    filters_in = _STEM_FILTERS
    for number, stage in enumerate(_STAGES, start=1):
        is_fixed = number in (1, len(_STAGES))
        repeats = stage.repeats if is_fixed else math.ceil(depth * stage.repeats)
        filters_out = _round_filters(width * stage.filters)
        for repeat in range(repeats):
            blocks.append(
                _Block(
                    name=f"block{number}{chr(ord('a') + repeat)}",
                    kernel_size=stage.kernel_size,
                    strides=stage.strides if repeat == 0 else 1,
                    expand_ratio=stage.expand_ratio,
                    filters_in=filters_in,
                    filters_out=filters_out,
                )
            )
            filters_in = filters_out
    return blocks


def _round_filters(filters: float, divisor: int = 8) -> int:
    """Nearest multiple of 8, never more than 10 % below; source: `round_filters` of Google's EfficientNet."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def _apply_block(x: Any, block: _Block) -> Any:
    shortcut = x
    if block.expand_ratio != 1:
        filters = block.filters_in * block.expand_ratio
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
    return keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=name)(x)


def _activate(x: Any, name: str) -> Any:
    return keras.layers.ReLU(6.0, name=name)(x)


# Suffix of a Keras layer's name to the name of its PyTorch twin within the same block.
_BLOCK_TWINS = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_OTHER_TWINS = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "predictions": "_fc",
}


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


def _twin_of(layer_name: str, block_numbers: Mapping[str, int]) -> str:
    """Name of the PyTorch module, such as `_blocks.2._bn0` for `block2b_expand_bn`."""
    if layer_name in _OTHER_TWINS:
        return _OTHER_TWINS[layer_name]
    block_name, suffix = layer_name.split("_", 1)
    return f"_blocks.{block_numbers[block_name]}.{_BLOCK_TWINS[suffix]}"
