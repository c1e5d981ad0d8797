"""Backbones as networks that can be cut in two: below the cut nothing trains.

    pixels ─ lower (frozen) ─ activations ─ upper (perhaps trained) ─ features
             └───────── backbone ─────────────────────────────────┘

Layers have the backbone's own numbers: those of `keras.applications.<name>(include_top=False).layers`, 0 being the
input. The networks built here scale pixels themselves, in a layer or two that have no number of their own. All parts
share layers and weights: what is trained in one is trained in all.

The own numbering of ConvNeXt ends one earlier than Keras': its last normalisation is part of the ImageNet head here,
for the features come before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from core.backbones.catalog import Backbone
from core.backbones.layers import side_by_side
from core.errors import BackboneError
from core.networks.build import SCALING_LAYER, InnerTensors, Weights, build_inner_tensors, member_prefix
from core.networks.hub import HubFeatureVector


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneNetwork:
    """A backbone without its ImageNet head, opened up for cutting."""

    # float32 pixels (batch, height, width, 3), 0-255 → pooled features (batch, channels);
    # last feature map (batch, rows, columns, channels)
    model: keras.Model
    layers: tuple[keras.layers.Layer, ...]  # by the backbone's own numbers
    # Each boundary, the number of layers included, to the tensor that crosses there.
    crossings: Mapping[int, Any]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        _, height, width, _ = self.model.input_shape
        return height, width

    @property
    def num_features(self) -> int:
        """Number of pooled features of a photo."""
        return int(self.model.output_shape[0][-1])

    def built_index(self, index: int) -> int:
        """Index in `model.layers` of the layer with this number of the backbone's own."""
        return int(self.model.layers.index(self.layers[index]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitNetwork:
    """A backbone in two parts; below the cut nothing trains."""

    lower: keras.Model  # float32 pixels (batch, height, width, 3), 0-255 → activations at the boundary
    upper: keras.Model  # activations → pooled features (batch, channels); last feature map
    first_layer: int  # number of the first layer that trains; the number of layers when none does
    boundary: int  # number of the first layer of `upper`, at most `first_layer`; those between are frozen

    @property
    def activation_shape(self) -> tuple[int, ...]:
        """Shape of one photo's activations."""
        return tuple(self.upper.input_shape[1:])

    def lower_with_features(self) -> keras.Model:
        """The lower part as LiteRT files have it: mean of the activations over rows and columns, activations."""
        (pixels,) = self.lower.inputs
        (activations,) = self.lower.outputs
        pooled = keras.layers.GlobalAveragePooling2D(name="mean_activations")(activations)
        return keras.Model(pixels, [pooled, activations], name="lower")


def build_backbone(backbone: Backbone, image_size: tuple[int, int], weights: Weights) -> BackboneNetwork:
    """Build a network of the catalogue without its ImageNet head, preprocessing inside.

    Args:
        backbone: row of the catalogue.
        image_size: height and width in pixels; need not be the backbone's own.
        weights: of the network, with its head.

    Raises:
        BackboneError: the network cannot take photos of this size.
        WeightsDamagedError: the file does not hold the weights of this network.
    """
    inner = build_inner_tensors(backbone, image_size, weights)
    operations = keras.Model(inner.pixels, inner.feature_map).operations
    if backbone.members:
        operations = _in_turns(operations, len(backbone.members))
    layers = tuple(
        operation
        for operation in operations
        if isinstance(operation, keras.layers.Layer) and operation.name != SCALING_LAYER
    )
    return BackboneNetwork(
        model=_features_model(inner, backbone.name),
        layers=layers,
        crossings=_find_crossings(operations, layers, inner),
    )


def _in_turns(operations: Sequence[Any], num_members: int) -> list[Any]:
    """The operations of networks that stand side by side, in the order of `core.backbones.layers.side_by_side`."""
    prefixes = [member_prefix(number) for number in range(num_members)]
    members = [[each for each in operations if each.name.startswith(prefix)] for prefix in prefixes]
    *scaling, last = [each for each in operations if not each.name.startswith(tuple(prefixes))]
    return [*scaling, *(operation for _, operation in side_by_side(members)), last]


def wrap_hub_layer(layer: HubFeatureVector, image_size: tuple[int, int] | None = None) -> BackboneNetwork:
    """Make a backbone of two numbered layers, the input and the module, from a TensorFlow Hub layer.

    A module does not show its inner values: its feature map is its features, as one row and one column.

    Args:
        layer: as `core.networks.hub.load_hub_backbone` returns it.
        image_size: height and width in pixels; None: the layer's own.

    Raises:
        BackboneError: the layer takes photos of another size only, or of any size and none is given.
    """
    height, width = size = image_size or layer.image_size or (0, 0)
    if not height or layer.image_size not in (None, size):
        own = "any size" if layer.image_size is None else f"{layer.image_size[0]}×{layer.image_size[1]} pixels"
        raise BackboneError(f"The photos are to be {height}×{width} pixels; this Hub module takes {own}.")
    pixels = keras.Input((height, width, 3), name="pixels")
    features = layer(pixels)
    feature_map = keras.layers.Reshape((1, 1, layer.num_features), name="feature_map")(features)
    inner = InnerTensors(pixels=pixels, feature_map=feature_map, features=features)
    model = _features_model(inner, "hub")
    return BackboneNetwork(model=model, layers=(model.layers[0], layer), crossings={0: pixels, 1: pixels, 2: features})


def split_at(network: BackboneNetwork, first_layer: int) -> SplitNetwork:
    """Cut a backbone in two and decide which of its layers train.

    The parts share the layers of `network`: a later split of the same network decides anew, for earlier ones too.
    Decide before compiling.

    Args:
        network: the backbone.
        first_layer: the backbone's own number of the first layer that trains; 0 trains everything, the number of
            layers, or more, nothing.
    """
    first_layer = min(first_layer, len(network.layers))
    boundary = max(number for number in network.crossings if number <= first_layer)
    crossing = network.crossings[boundary]
    for number, layer in enumerate(network.layers):
        layer.trainable = number >= first_layer
    (pixels,) = network.model.inputs
    return SplitNetwork(
        lower=keras.Model(pixels, crossing, name="lower"),
        upper=_model_from(crossing, network.model.outputs),
        first_layer=first_layer,
        boundary=boundary,
    )


def _features_model(inner: InnerTensors, name: str) -> keras.Model:
    return keras.Model(inner.pixels, [inner.features, inner.feature_map], name=name)


def _model_from(crossing: Any, outputs: Sequence[Any]) -> keras.Model:
    """The upper part; where nothing lies above the cut but pooling, what crosses is an output itself."""
    made = keras.Model(crossing, [output for output in outputs if output is not crossing])
    (activations,), made_outputs = made.inputs, iter(made.outputs)
    return keras.Model(
        activations, [activations if output is crossing else next(made_outputs) for output in outputs], name="upper"
    )


def _find_crossings(
    operations: Sequence[Any], layers: Sequence[keras.layers.Layer], inner: InnerTensors
) -> dict[int, Any]:
    """Each boundary and its tensor.

    Between layers there may be operations that are none (`x + 3`); they belong below the layer that follows.

    Args:
        operations: the graph from pixels to feature map, in the order of computation, each used once.
        layers: those of the operations that have a number.
        inner: where the graph begins and ends.
    """
    tensors: dict[int, Any] = {}
    made, last_used = {}, {}  # positions in `operations`, by tensor
    for position, operation in enumerate(operations):
        for tensor in keras.tree.flatten(operation.input):
            last_used[id(tensor)] = position
        for tensor in keras.tree.flatten(operation.output):
            tensors[id(tensor)] = tensor
            made[id(tensor)] = position
    last_used[id(inner.feature_map)] = len(operations)
    positions = {id(operation): position for position, operation in enumerate(operations)}
    crossings = {0: inner.pixels, len(layers): inner.feature_map}
    for number, layer in enumerate(layers[1:], start=1):
        position = positions[id(layer)]
        crossing = [key for key in made if made[key] < position <= last_used.get(key, -1)]
        if len(crossing) == 1:
            crossings[number] = tensors[crossing[0]]
    return crossings
