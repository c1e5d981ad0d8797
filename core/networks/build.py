"""Build a backbone of the catalogue as one Keras model that takes pixels and shows its inner values.

Every family scales its input in its own way; here the scaling is part of the graph, so that every model takes RGB
pixels 0-255. Only layers that compute the same in training and inference are used for it: image-preprocessing
layers such as RandomFlip or Resizing would switch later layers to training mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone, members_of
from core.backbones.safetensor_weights import read_safetensors
from core.backbones.torch_weights import read_state_dict
from core.errors import BackboneError, WeightsDamagedError
from core.networks.dinov2 import build_dinov2, load_dinov2
from core.networks.efficientnet_lite import build_efficientnet_lite, load_state_dict

# The weight file of a network; of several side by side, one for each. None leaves the weights random.
Weights = Path | Sequence[Path] | None

# Mean and standard deviation of ImageNet's training photos, RGB, 0-1 and 0-255.
# Source: `keras/src/applications/imagenet_utils.py`, modes "torch" and "caffe".
_TORCH_MEAN = np.array([0.485, 0.456, 0.406])
_TORCH_STD = np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNetClassifier:
    """A backbone with its 1,000-class head, opened up."""

    # float32 pixels (batch, height, width, 3), 0-255 → probabilities (batch, 1000), 0-1, unless it has no classes;
    # pooled features (batch, channels); last feature map (batch, rows, columns, channels)
    model: keras.Model
    # float32 (channels, 1000) and (1000,): logits = features @ kernel + bias; None where the head is not linear
    kernel: npt.NDArray[np.float32] | None
    bias: npt.NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerTensors:
    """A backbone's graph from pixels to features, as Keras tensors."""

    pixels: Any  # float32 (batch, height, width, 3), 0-255
    feature_map: Any  # the last one: (batch, rows, columns, channels)
    features: Any  # its mean over rows and columns: (batch, channels)


SCALING_LAYER = "scale_pixels"  # name of the layer that scales pixels, where the network does not do so itself

# Their heads flatten the feature map, so that the head's shape, unlike every other one's, depends on the image size.
_FLATTENING_FAMILIES = ("vgg16", "vgg19")


def build_classifier(backbone: Backbone, weights: Weights) -> ImageNetClassifier:
    """Build the network with its ImageNet head and load its weights.

    Args:
        backbone: row of the catalogue.
        weights: of the network.

    Raises:
        WeightsDamagedError: the file does not hold the weights of this network.
    """
    network, inner = _build_with_head(backbone, backbone.image_size, weights)
    kernel, bias = _linear_head(network) if backbone.has_linear_head else (None, None)
    outputs = [network.output] if backbone.has_classes else []
    model = keras.Model(inner.pixels, [*outputs, inner.features, inner.feature_map], name=backbone.name)
    model.trainable = False
    return ImageNetClassifier(model=model, kernel=kernel, bias=bias)


def build_inner_tensors(backbone: Backbone, image_size: tuple[int, int], weights: Weights) -> InnerTensors:
    """Build the network without its ImageNet head, for photos of any size, with the weights of the file that has one.

    Args:
        backbone: row of the catalogue.
        image_size: height and width in pixels.
        weights: of the network.

    Raises:
        BackboneError: the network cannot take photos of this size.
        WeightsDamagedError: the file does not hold the weights of this network.
    """
    if backbone.family not in _FLATTENING_FAMILIES:
        return _build_with_head(backbone, image_size, weights)[1]
    _, inner = _build(backbone, image_size, has_head=False)
    if weights is not None:
        _, whole = _build_with_head(backbone, backbone.image_size, weights)
        donor, heir = (keras.Model(tensors.pixels, tensors.feature_map) for tensors in (whole, inner))
        heir.set_weights(donor.get_weights())
    return inner


def _build_with_head(
    backbone: Backbone, image_size: tuple[int, int], weights: Weights
) -> tuple[keras.Model, InnerTensors]:
    if backbone.members:
        return _build_side_by_side(backbone, image_size, weights)
    network, inner = _build(backbone, image_size, has_head=True)
    if weights is not None:
        (path,) = _as_sequence(weights)
        _load_weights(network, backbone, path)
    return network, inner


def _as_sequence(weights: Path | Sequence[Path]) -> Sequence[Path]:
    return (weights,) if isinstance(weights, Path) else weights


def member_prefix(number: int) -> str:
    """What the names of the layers of a network begin with that stands beside others."""
    return f"net{number}_"


def _build_side_by_side(
    backbone: Backbone, image_size: tuple[int, int], weights: Weights
) -> tuple[keras.Model, InnerTensors]:
    """Several networks on the same pixels: their feature maps behind each other, and the mean of their logits."""
    members = members_of(backbone)
    paths: Sequence[Path | None] = [None] * len(members) if weights is None else _as_sequence(weights)
    pixels = keras.Input((*image_size, 3), name="pixels")
    scaled = scale_pixels(pixels, backbone.preprocessing)
    maps, kernels, biases = [], [], []
    for number, (member, path) in enumerate(zip(members, paths, strict=True)):
        # The scope is for the names of the weights, which HDF5 files have to tell apart.
        with keras.name_scope(member_prefix(number).rstrip("_")):
            network = _build_network(member, scaled, has_head=True)
        if path is not None:
            _load_weights(network, member, path)
        kernel, bias = _linear_head(network)
        maps.append(_pooling_layer(network).input)
        kernels.append(kernel)
        biases.append(bias)
        for layer in network.layers:
            if layer.name not in ("pixels", SCALING_LAYER):
                layer.name = f"{member_prefix(number)}{layer.name}"
    feature_map = keras.layers.Concatenate(name="feature_maps")(maps)
    features = keras.layers.GlobalAveragePooling2D(name="features")(feature_map)
    predictions = keras.layers.Dense(kernels[0].shape[1], activation="softmax", name="predictions")
    outputs = predictions(features)
    # Each network's logits count the same; as one layer, so that the head stays linear on the pooled features.
    predictions.set_weights([np.concatenate(kernels) / len(kernels), np.mean(biases, axis=0)])
    inner = InnerTensors(pixels=pixels, feature_map=feature_map, features=features)
    return keras.Model(pixels, outputs, name=backbone.name), inner


def _build(backbone: Backbone, image_size: tuple[int, int], *, has_head: bool) -> tuple[keras.Model, InnerTensors]:
    pixels = keras.Input((*image_size, 3), name="pixels")
    scaled = scale_pixels(pixels, backbone.preprocessing)
    try:
        network = _build_network(backbone, scaled, has_head=has_head)
    # Keras says so of photos that are too small: for most networks with their smallest size, else of some layer.
    except ValueError as exc:
        height, width = image_size
        raise BackboneError(
            f"{backbone.title} cannot take photos of {height}×{width} pixels: {exc} "
            f"Choose a larger size; its own is {backbone.image_size[0]}×{backbone.image_size[1]}."
        ) from exc
    feature_map, features = _inner_values(network)
    return network, InnerTensors(pixels=pixels, feature_map=feature_map, features=features)


def scale_pixels(pixels: Any, preprocessing: str) -> Any:
    """Scale RGB pixels as a family of networks wants them.

    Args:
        pixels: Keras tensor (batch, height, width, 3), 0-255.
        preprocessing: "none", "tf", "torch", "caffe" (the modes of Keras' `imagenet_utils`) or "lite".

    Returns:
        Keras tensor of the same shape: unchanged; -1 to 1; standardised by ImageNet's mean and deviation; BGR minus
        the mean; or (x - 127) / 128.
    """
    match preprocessing:
        case "none":
            return pixels
        case "tf":
            return keras.layers.Rescaling(1 / 127.5, -1.0, name=SCALING_LAYER)(pixels)
        case "torch":
            scale, offset = 1 / (255 * _TORCH_STD), -_TORCH_MEAN / _TORCH_STD
            return keras.layers.Rescaling(scale.tolist(), offset.tolist(), name=SCALING_LAYER)(pixels)
        case "caffe":
            bgr = keras.ops.flip(pixels, axis=-1)
            return keras.layers.Rescaling(1.0, (-_CAFFE_MEAN_BGR).tolist(), name=SCALING_LAYER)(bgr)
        case "lite":
            return keras.layers.Rescaling(1 / 128, -127 / 128, name=SCALING_LAYER)(pixels)
        case _:
            raise ValueError(f"No such preprocessing: {preprocessing!r}.")


def _build_network(backbone: Backbone, scaled: Any, *, has_head: bool) -> keras.Model:
    if backbone.is_efficientnet_lite:
        return build_efficientnet_lite(backbone.name, scaled)
    if backbone.is_dinov2:
        return build_dinov2(backbone.name, scaled)
    # The shape is known from the tensor; given once more, Keras compares it with the smallest the network can take.
    options = {"input_tensor": scaled, "input_shape": scaled.shape[1:], "include_top": has_head, "weights": None}
    if backbone.alpha is not None:
        return keras.applications.MobileNet(alpha=backbone.alpha, **options)
    return getattr(keras.applications, backbone.name)(**options)


def _load_weights(network: keras.Model, backbone: Backbone, path: Path) -> None:
    if backbone.is_efficientnet_lite:
        load_state_dict(network, read_state_dict(path))
        return
    if backbone.is_dinov2:
        load_dinov2(network, read_safetensors(path))
        return
    try:
        network.load_weights(str(path))
    # h5py and Keras document no errors for a file that is not HDF5 (OSError), lacks entries (KeyError) or holds
    # other shapes (ValueError).
    except (OSError, KeyError, ValueError) as exc:
        raise WeightsDamagedError(
            f"The weight file {path} does not hold the weights of {backbone.title}: {exc}. "
            "Move it away and put the published file in its place."
        ) from exc


def _inner_values(network: keras.Model) -> tuple[Any, Any]:
    """The last feature map and its mean over rows and columns, as Keras tensors.

    Squeeze-and-excitation blocks pool too; the last pooling layer is the head's. A network without one (VGG) flattens
    its last feature map; its pooled features are the mean all the same.
    """
    pooling = _pooling_layer(network)
    if pooling is not None:
        feature_map, pooled = pooling.input, pooling.output
        return feature_map, keras.layers.Reshape((feature_map.shape[-1],), name="features")(pooled)
    feature_map = next(layer.output for layer in reversed(network.layers) if len(layer.output.shape) == 4)
    return feature_map, keras.layers.GlobalAveragePooling2D(name="features")(feature_map)


def _pooling_layer(network: keras.Model) -> Any:
    """The head's pooling layer; None where it has none."""
    pools = [layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    return pools[-1] if pools else None


def _linear_head(network: keras.Model) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    kernel, bias = next(layer for layer in reversed(network.layers) if layer.weights).get_weights()
    return kernel.reshape(-1, kernel.shape[-1]), bias
