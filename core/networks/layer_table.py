"""Describe a backbone's layers in a table: names, blocks, parameters, work, and where the backbone can be cut."""

import math
import re
from collections.abc import Sequence

import keras

from core.backbones.layers import LayerRow
from core.networks.network import BackboneNetwork

# What a layer's name says about the block it belongs to: a pattern, and the block's name. The first match counts.
_BLOCKS = (
    (r"(net\d+_(?:block_?\d+[a-z]?|stem|top))_", r"\1"),  # of networks that stand side by side
    (r"(block\d+_\d+)_(?:mixed|conv|ac)$", r"\1"),  # Inception-ResNet
    (r"(block_?\d+[a-z]?)_", r"\1"),  # MobileNetV2, EfficientNet, VGG, Xception
    (r"expanded_conv_(\d+)_", r"block_\1"),  # MobileNetV3
    (r"expanded_conv_", "block_0"),  # MobileNetV2 and V3
    (r"conv_(?:dw|pw|pad)_(\d+)", r"block_\1"),  # MobileNet
    (r"(conv\d+_block\d+)_", r"\1"),  # ResNet, DenseNet
    (r"(pool[2-9])_", r"\1"),  # between the stages of DenseNet
    (r"(mixed_?\d+[a-z]?)(?:_\d+)?$", r"\1"),  # Inception
    (r"convnext_\w+?_(stage_\d+_block_\d+|downsampling_block_\d+)", r"\1"),
    (r"(?:\w+_)?(?:normal|reduction|adjust)_(?:\w+?_)?((?:stem_|reduce_)?\d+)$", r"cell_\1"),  # NASNet
    (r"conv_1(?:_bn)?$|conv_7b", "top"),  # MobileNetV3, Inception-ResNet
    (r"Conv_1|out_relu|top_|post_|bn$|relu$", "top"),
    (r"embeddings$", "stem"),  # DINOv2
    (r"input|pixels|rescaling|normalization$|Conv1|bn_Conv1|conv(?:_bn)?$|conv1|pool1", "stem"),
    (r"stem_|convnext_\w+?_(?:pre)?stem", "stem"),
)
_STEM, _TOP = "stem", "top"
# These belong to the block of the layer they work on; any other layer that has no telling name, to the next block.
_FOLLOWERS = ("Activation", "ReLU", "Add", "CustomScaleLayer")

_COUNTED = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)


def layer_table(network: BackboneNetwork) -> tuple[LayerRow, ...]:
    """Describe every layer of a backbone, by the backbone's own numbers, for photos of its image size."""
    blocks = _find_blocks(network)
    names = _fresh_names(network.layers)
    return tuple(
        LayerRow(
            index=index,
            name=names[index],
            kind=type(layer).__name__,
            block=blocks[index],
            num_parameters=layer.count_params(),
            num_trainable_parameters=_count_trainable(layer),
            output_shape=tuple(layer.output.shape[1:]),
            is_boundary=index in network.crossings,
            multiply_adds=_count_multiply_adds(layer),
        )
        for index, layer in enumerate(network.layers)
    )


def _count_trainable(layer: keras.layers.Layer) -> int:
    """Parameters that train when the layer does, whether it does at present or not."""
    is_trainable = layer.trainable
    layer.trainable = True
    count = sum(int(math.prod(weight.shape)) for weight in layer.trainable_weights)
    layer.trainable = is_trainable
    return count


def _count_multiply_adds(layer: keras.layers.Layer) -> int:
    """Each entry of a kernel is used once at each place of the output; strides and groups are in the shapes."""
    if isinstance(layer, keras.Model):
        return sum(_count_multiply_adds(part) for part in layer.layers)
    if isinstance(layer, (keras.layers.EinsumDense, keras.layers.MultiHeadAttention)):
        return _count_of_tokens(layer)
    if not isinstance(layer, _COUNTED):
        return 0
    num_places = int(math.prod(layer.output.shape[1:-1]))
    return num_places * sum(int(math.prod(weight.shape)) for weight in layer.weights if len(weight.shape) > 1)


def _count_of_tokens(layer: keras.layers.Layer) -> int:
    """Of layers whose biases are tables, too; in attention each token is compared with each other, and then mixed."""
    *_, num_tokens, width = layer.output.shape
    dense = num_tokens * sum(int(math.prod(weight.shape)) for weight in layer.weights if weight.name == "kernel")
    is_attention = isinstance(layer, keras.layers.MultiHeadAttention)
    return int(dense + 2 * num_tokens**2 * width if is_attention else dense)


def _fresh_names(layers: Sequence[keras.layers.Layer]) -> list[str]:
    """Names as they are in a fresh process.

    Keras numbers layers without a name of their own (`conv2d_7`) by how many it made before in the process.
    """
    numbers = {index: number for index, layer in enumerate(layers) if (number := _automatic_number(layer)) is not None}
    least: dict[type, int] = {}
    for index, number in numbers.items():
        kind = type(layers[index])
        least[kind] = min(number, least.get(kind, number))
    names = [layer.name for layer in layers]
    for index, number in numbers.items():
        prefix = re.sub(r"_\d+$", "", names[index])
        fresh = number - least[type(layers[index])]
        names[index] = f"{prefix}_{fresh}" if fresh else prefix
    return names


def _automatic_number(layer: keras.layers.Layer) -> int | None:
    """7 for a convolution called `conv2d_7`, 0 for `conv2d`; None for a name that somebody chose."""
    match = re.fullmatch(r"(.+?)(?:_(\d+))?", layer.name)
    if match is None or match[1].replace("_", "") != type(layer).__name__.lower():
        return None
    return int(match[2] or 0)


def _find_blocks(network: BackboneNetwork) -> list[str]:
    layers = network.layers
    blocks = [_block_of(name) for name in _fresh_names(layers)]
    made_by = {id(tensor): index for index, layer in enumerate(layers) for tensor in keras.tree.flatten(layer.output)}
    for index, layer in enumerate(layers):
        if blocks[index] is None and type(layer).__name__ in _FOLLOWERS:
            makers = [made_by[id(tensor)] for tensor in keras.tree.flatten(layer.input) if id(tensor) in made_by]
            blocks[index] = next((blocks[maker] for maker in reversed(makers) if blocks[maker]), None)
    # The stem of Inception has no telling names: it is what lies before the last place to cut below the first block.
    first_named = next((index for index, block in enumerate(blocks[1:], start=1) if block), len(blocks))
    end_of_stem = max(boundary for boundary in network.crossings if boundary <= first_named)
    blocks[:end_of_stem] = [block or _STEM for block in blocks[:end_of_stem]]
    following = _TOP
    filled = []
    for block in reversed(blocks):
        following = block or following
        filled.append(following)
    return filled[::-1]


def _block_of(name: str) -> str | None:
    for pattern, block in _BLOCKS:
        match = re.match(pattern, name)
        if match is not None:
            return match.expand(block)
    return None
