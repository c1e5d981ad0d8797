"""The LiteRT file of an EfficientNet-Lite, straight from its published weights: no Keras, no converter, one second.

Batch normalisation is folded into the convolution before it, in single precision and in the order in which TensorFlow's
converter does it, so that both come to the same numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone, members_of
from core.backbones.efficientnet_lite import BATCH_NORM_EPSILON, STEM_STRIDES, Block, blocks_of, twin_of
from core.errors import WeightsDamagedError
from core.litert.graph_writer import Convolution, GraphWriter

Array = npt.NDArray[np.float32]

# (x - 127) / 128, the preprocessing "lite" of the catalogue.
_PIXEL_FACTOR, _PIXEL_OFFSET = 1 / 128, -127 / 128


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteNetwork:
    """A network as a file, and its classifier as matrices."""

    # float32 pixels (1, height, width, 3), 0-255 → probabilities, pooled features, last feature map
    litert_file: bytes
    kernel: Array  # (channels, 1000)
    bias: Array  # (1000,): logits = features @ kernel + bias


def write_lite_network(backbone: Backbone, *states: Mapping[str, npt.NDArray[Any]]) -> LiteNetwork:
    """Write the network for photos of the backbone's image size.

    Of several side by side the features stand behind each other, and so do the feature maps; the logits are the mean.

    Args:
        backbone: one of the EfficientNet-Lite of the catalogue, or several side by side.
        states: name to array as `core.backbones.torch_weights.read_state_dict` returns it, of each network in it.

    Raises:
        WeightsDamagedError: an array is missing or has the wrong shape.
    """
    members = members_of(backbone)
    graph = GraphWriter("pixels", (1, *backbone.image_size, 3))
    scaled = graph.scale(graph.input, _PIXEL_FACTOR, _PIXEL_OFFSET, "scale_pixels")
    maps, pooled, kernels, biases = [], [], [], []
    for number, (member, state) in enumerate(zip(members, states, strict=True)):
        prefix = f"net{number}_" if len(members) > 1 else ""
        writer = _Writer(graph, state, blocks_of(member.name), prefix)
        try:
            maps.append(writer.add_network(scaled))
            kernels.append(writer.take("predictions", "weight"))
            biases.append(writer.take("predictions", "bias"))
        except (KeyError, ValueError) as exc:
            raise WeightsDamagedError(f"The weights do not fit {member.title}: {exc}.") from exc
        pooled.append(graph.pool(maps[-1], f"{prefix}avg_pool"))
    feature_map, features, kernel, bias = maps[0], pooled[0], kernels[0], biases[0]
    if len(members) > 1:
        feature_map, features = graph.concatenate(maps, "feature_maps"), graph.concatenate(pooled, "features")
        # As one layer, so that the head stays linear on the pooled features.
        kernel, bias = np.concatenate(kernels, axis=1) / np.float32(len(members)), np.mean(biases, axis=0)
    probabilities = graph.softmax(graph.connect(features, kernel, bias, "logits"), "predictions")
    return LiteNetwork(
        litert_file=graph.to_bytes({"output_0": probabilities, "output_1": features, "output_2": feature_map}),
        kernel=np.ascontiguousarray(kernel.T),
        bias=bias,
    )


class _Writer:
    """Adds parts of the network with their weights."""

    def __init__(
        self, graph: GraphWriter, state: Mapping[str, npt.NDArray[Any]], blocks: Sequence[Block], prefix: str
    ) -> None:
        self._graph = graph
        self._state = state
        self._blocks = blocks
        self._numbers = {block.name: number for number, block in enumerate(blocks)}
        self._prefix = prefix  # of names in the file

    def add_network(self, scaled: int) -> int:
        """Everything from scaled pixels to the last feature map."""
        x = self.convolve(scaled, "stem_conv", "stem_bn", strides=STEM_STRIDES)
        for block in self._blocks:
            x = self.add_block(x, block)
        return self.convolve(x, "top_conv", "top_bn")

    def take(self, layer_name: str, suffix: str) -> Array:
        """An array of a layer's twin in PyTorch."""
        return np.asarray(self._state[f"{twin_of(layer_name, self._numbers)}.{suffix}"], np.float32)

    def add_block(self, x: int, block: Block) -> int:
        """An inverted residual block."""
        shortcut = x
        if block.expand_ratio != 1:
            x = self.convolve(x, f"{block.name}_expand_conv", f"{block.name}_expand_bn")
        x = self.convolve(x, f"{block.name}_dwconv", f"{block.name}_bn", strides=block.strides)
        x = self.convolve(x, f"{block.name}_project_conv", f"{block.name}_project_bn", is_relu6=False)
        return self._graph.add(x, shortcut, f"{self._prefix}{block.name}_add") if block.has_shortcut else x

    def convolve(self, x: int, name: str, norm_name: str, *, strides: int = 1, is_relu6: bool = True) -> int:
        """A convolution and the normalisation behind it."""
        factor, offset = self._fold(norm_name)
        kernel = self.take(name, "weight") * factor[:, None, None, None]  # (out, in, height, width)
        is_depthwise = name.endswith("_dwconv")  # its kernel says 1 for "in"
        axes = (1, 2, 3, 0) if is_depthwise else (0, 2, 3, 1)
        taken, given = len(kernel) if is_depthwise else kernel.shape[1], self._graph.shape_of(x)[-1]
        if taken != given:
            raise ValueError(f"{name} takes {taken} channels, {given} come")
        return self._graph.convolve(
            x,
            Convolution(
                kernel=kernel.transpose(axes),
                bias=offset,
                strides=strides,
                is_depthwise=is_depthwise,
                is_relu6=is_relu6,
            ),
            f"{self._prefix}{name}",
        )

    def _fold(self, name: str) -> tuple[Array, Array]:
        """Batch normalisation as one factor and one offset for each channel."""
        scale, shift, mean, variance = (
            self.take(name, suffix) for suffix in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale * (np.float32(1) / np.sqrt(variance + np.float32(BATCH_NORM_EPSILON)))
        return factor, shift - mean * factor
