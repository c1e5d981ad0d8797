"""EfficientNet-Lite0, 1 and 2 as tables: their blocks, their layers, and which arrays of PyTorch belong to which.

Source: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
https://arxiv.org/abs/1905.11946, and Google's EfficientNet-Lite, which leaves out squeeze-and-excitation, replaces
swish by ReLU6, and keeps the width of stem and head and the depth of the first and last stage.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.backbones.layers import LayerRow, side_by_side

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
        layer_name: as `core.networks.efficientnet_lite` and the table of layers have it.
        block_numbers: name of each block to its number, from 0.
    """
    if layer_name in _OTHER_TWINS:
        return _OTHER_TWINS[layer_name]
    block_name, suffix = layer_name.split("_", 1)
    return f"_blocks.{block_numbers[block_name]}.{_BLOCK_TWINS[suffix]}"


def layers_of(name: str, image_size: tuple[int, int]) -> tuple[LayerRow, ...]:
    """The table of a network's layers without its classifier, the same as Keras' model has.

    Args:
        name: "EfficientNetLite0" to "EfficientNetLite2".
        image_size: height and width of its photos, px.
    """
    height, width = image_size
    layers = _Layers(height=height, width=width, channels=3, rows=[])
    layers.add("pixels", "InputLayer", "stem")
    layers.convolve("stem_conv", "stem", STEM_KERNEL_SIZE, STEM_FILTERS, strides=STEM_STRIDES)
    layers.normalise("stem", "stem", is_activated=True)
    for block in blocks_of(name):
        layers.add_block(block)
    layers.convolve("top_conv", "top", 1, HEAD_FILTERS)
    layers.normalise("top", "top", is_activated=True)
    return tuple(layers.rows)


def layers_side_by_side(names: Sequence[str], image_size: tuple[int, int]) -> tuple[LayerRow, ...]:
    """The table of several networks that look at the same pixels, the same as Keras' model has.

    Args:
        names: of the networks, in order.
        image_size: height and width of their photos, px.
    """
    pixels, *_ = layers_of(names[0], image_size)
    tables = [layers_of(name, image_size)[1:] for name in names]
    rows = [pixels]
    for number, row in side_by_side(tables):
        rows.append(
            replace(
                row,
                index=len(rows),
                name=f"net{number}_{row.name}",
                block=f"net{number}_{row.block}",
                # What scales the pixels has no number; from then on there are several tensors.
                is_boundary=len(rows) == 1,
            )
        )
    rows.append(
        LayerRow(
            index=len(rows),
            name="feature_maps",
            kind="Concatenate",
            block="top",
            num_parameters=0,
            num_trainable_parameters=0,
            output_shape=(*tables[0][-1].output_shape[:2], sum(table[-1].output_shape[-1] for table in tables)),
            is_boundary=False,
            multiply_adds=0,
        )
    )
    return tuple(rows)


@dataclass(slots=True, kw_only=True)
class _Layers:
    """Rows of the table so far, and the shape of what the last of them gives."""

    height: int
    width: int
    channels: int
    rows: list[LayerRow]
    is_beside_shortcut: bool = False  # a second tensor crosses to the layer that comes next

    def add(
        self, name: str, kind: str, block: str, *, parameters: int = 0, trainable: int = 0, multiply_adds: int = 0
    ) -> None:
        self.rows.append(
            LayerRow(
                index=len(self.rows),
                name=name,
                kind=kind,
                block=block,
                num_parameters=parameters,
                num_trainable_parameters=trainable,
                output_shape=(self.height, self.width, self.channels),
                is_boundary=not self.is_beside_shortcut,
                multiply_adds=multiply_adds,
            )
        )

    def convolve(
        self, name: str, block: str, kernel_size: int, filters: int, *, strides: int = 1, is_depthwise: bool = False
    ) -> None:
        parameters = kernel_size**2 * filters * (1 if is_depthwise else self.channels)
        self.height, self.width = math.ceil(self.height / strides), math.ceil(self.width / strides)
        self.channels = filters
        self.add(
            name,
            "DepthwiseConv2D" if is_depthwise else "Conv2D",
            block,
            parameters=parameters,
            trainable=parameters,
            multiply_adds=parameters * self.height * self.width,
        )

    def normalise(self, prefix: str, block: str, *, is_activated: bool) -> None:
        # Scale and offset are trained; mean and variance are only kept.
        parameters = {"parameters": 4 * self.channels, "trainable": 2 * self.channels}
        self.add(f"{prefix}_bn", "BatchNormalization", block, **parameters)
        if is_activated:
            self.add(f"{prefix}_activation", "ReLU", block)

    def add_block(self, block: Block) -> None:
        for is_first, (prefix, kernel_size, filters, strides) in _convolutions_of(block):
            is_depthwise = prefix == block.name
            suffix = "dwconv" if is_depthwise else "conv"
            self.convolve(
                f"{prefix}_{suffix}", block.name, kernel_size, filters, strides=strides, is_depthwise=is_depthwise
            )
            # The first of them takes the very tensor that goes round the block, too: that one alone crosses to it.
            self.is_beside_shortcut = block.has_shortcut and (self.is_beside_shortcut or is_first)
            self.normalise(prefix, block.name, is_activated=not prefix.endswith("_project"))
        if block.has_shortcut:
            self.add(f"{block.name}_add", "Add", block.name)
            self.is_beside_shortcut = False


def _convolutions_of(block: Block) -> Iterator[tuple[bool, tuple[str, int, int, int]]]:
    """Whether it is the block's first; the prefix of its layers' names, kernel size, filters, strides."""
    convolutions = [
        (block.name, block.kernel_size, block.filters_inside, block.strides),
        (f"{block.name}_project", 1, block.filters_out, 1),
    ]
    if block.expand_ratio != 1:
        convolutions.insert(0, (f"{block.name}_expand", 1, block.filters_inside, 1))
    for number, convolution in enumerate(convolutions):
        yield number == 0, convolution
