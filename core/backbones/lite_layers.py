"""The layers of EfficientNet-Lite, one network or several side by side, as tables that need no Keras."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.backbones.efficientnet_lite import (
    HEAD_FILTERS,
    STEM_FILTERS,
    STEM_KERNEL_SIZE,
    STEM_STRIDES,
    Block,
    blocks_of,
)
from core.backbones.layers import LayerRow, side_by_side


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
