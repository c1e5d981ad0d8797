"""EfficientNet-Lite0, 1 and 2 as tables: their blocks, and which arrays of PyTorch belong to which of their layers.

Scripts that people take away have a copy of this text, so it needs nothing else of Bluetit.

Source: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
https://arxiv.org/abs/1905.11946, and Google's EfficientNet-Lite, which leaves out squeeze-and-excitation, replaces
swish by ReLU6, and keeps the width of stem and head and the depth of the first and last stage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

STEM_FILTERS = 32
STEM_KERNEL_SIZE = 3  # px
STEM_STRIDES = 2
HEAD_FILTERS = 1280
BATCH_NORM_EPSILON = 1e-3


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
class Block:
    """One inverted residual block, ready to be built."""

    name: str
    kernel_size: int  # px
    strides: int
    expand_ratio: int
    filters_in: int
    filters_out: int

    @property
    def has_shortcut(self) -> bool:
        """Whether what goes in is added to what comes out."""
        return self.strides == 1 and self.filters_in == self.filters_out

    @property
    def filters_inside(self) -> int:
        """Channels between the expansion and the projection."""
        return self.filters_in * self.expand_ratio


def blocks_of(name: str) -> list[Block]:
    """The blocks of a network between its stem and its top, in order.

    Args:
        name: "EfficientNetLite0" to "EfficientNetLite2".
    """
    width, depth, _ = _SCALES[name]
    blocks = []
    filters_in = STEM_FILTERS
    for number, stage in enumerate(_STAGES, start=1):
        is_fixed = number in (1, len(_STAGES))
        repeats = stage.repeats if is_fixed else math.ceil(depth * stage.repeats)
        filters_out = _round_filters(width * stage.filters)
        for repeat in range(repeats):
            blocks.append(
                Block(
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


def dropout_rate_of(name: str) -> float:
    """Rate of the dropout before the classifier, 0-1."""
    return _SCALES[name][2]


def _round_filters(filters: float, divisor: int = 8) -> int:
    """Nearest multiple of 8, never more than 10 % below; source: `round_filters` of Google's EfficientNet."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


# Suffix of a layer's name to the name of its PyTorch twin within the same block.
_BLOCK_TWINS: Mapping[str, str] = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_OTHER_TWINS: Mapping[str, str] = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "predictions": "_fc",
}


def twin_of(layer_name: str, block_numbers: Mapping[str, int]) -> str:
    """Name of the PyTorch module, such as `_blocks.2._bn0` for `block2b_expand_bn`.

    Args:
        layer_name: as the Keras model and the table of layers have it.
        block_numbers: name of each block to its number, from 0.
    """
    if layer_name in _OTHER_TWINS:
        return _OTHER_TWINS[layer_name]
    block_name, suffix = layer_name.split("_", 1)
    return f"_blocks.{block_numbers[block_name]}.{_BLOCK_TWINS[suffix]}"
