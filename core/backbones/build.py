"""Build a backbone of the catalogue as one Keras model that takes pixels and shows its inner values.

Every family scales its input in its own way; here the scaling is part of the graph, so that every model takes RGB
pixels 0-255. Only layers that compute the same in training and inference are used for it: image-preprocessing
layers such as RandomFlip or Resizing would switch later layers to training mode.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone
from core.backbones.efficientnet_lite import build_efficientnet_lite, load_state_dict
from core.backbones.torch_weights import read_state_dict
from core.errors import WeightsDamagedError

# Mean and standard deviation of ImageNet's training photos, RGB, 0-1 and 0-255.
# Source: `keras/src/applications/imagenet_utils.py`, modes "torch" and "caffe".
_TORCH_MEAN = np.array([0.485, 0.456, 0.406])
_TORCH_STD = np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNetClassifier:
    """A backbone with its 1,000-class head, opened up."""

    # float32 pixels (batch, height, width, 3), 0-255 → probabilities (batch, 1000), 0-1;
    # pooled features (batch, channels); last feature map (batch, rows, columns, channels)
    model: keras.Model
    # float32 (channels, 1000) and (1000,): logits = features @ kernel + bias; None where the head is not linear
    kernel: npt.NDArray[np.float32] | None
    bias: npt.NDArray[np.float32] | None


def build_classifier(backbone: Backbone, weights_path: Path | None) -> ImageNetClassifier:
    """Build the network with its ImageNet head and load its weights.

    Args:
        backbone: row of the catalogue.
        weights_path: the weight file; None leaves the weights random.

    Raises:
        WeightsDamagedError: the file does not hold the weights of this network.
    """
    pixels = keras.Input(backbone.input_shape, name="pixels")
    scaled = scale_pixels(pixels, backbone.preprocessing)
    network = _build_network(backbone, scaled)
    if weights_path is not None:
        _load_weights(network, backbone, weights_path)
    feature_map, features = _inner_values(network)
    kernel, bias = _linear_head(network) if backbone.has_linear_head else (None, None)
    model = keras.Model(pixels, [network.output, features, feature_map], name=backbone.name)
    model.trainable = False
    return ImageNetClassifier(model=model, kernel=kernel, bias=bias)


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
            return keras.layers.Rescaling(1 / 127.5, -1.0, name="scale_pixels")(pixels)
        case "torch":
            scale, offset = 1 / (255 * _TORCH_STD), -_TORCH_MEAN / _TORCH_STD
            return keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="scale_pixels")(pixels)
        case "caffe":
            bgr = keras.ops.flip(pixels, axis=-1)
            return keras.layers.Rescaling(1.0, (-_CAFFE_MEAN_BGR).tolist(), name="scale_pixels")(bgr)
        case "lite":
            return keras.layers.Rescaling(1 / 128, -127 / 128, name="scale_pixels")(pixels)
        case _:
            raise ValueError(f"No such preprocessing: {preprocessing!r}.")


def _build_network(backbone: Backbone, scaled: Any) -> keras.Model:
    if backbone.package is not None:
        return build_efficientnet_lite(backbone.name, scaled)
    family = getattr(keras.applications, backbone.family)
    if backbone.alpha is not None:
        return family.MobileNet(input_tensor=scaled, weights=None, alpha=backbone.alpha)
    return getattr(keras.applications, backbone.name)(input_tensor=scaled, weights=None)


def _load_weights(network: keras.Model, backbone: Backbone, path: Path) -> None:
    if backbone.package is not None:
        load_state_dict(network, read_state_dict(path))
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
    pools = [layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    if pools:
        feature_map, pooled = pools[-1].input, pools[-1].output
        return feature_map, keras.layers.Reshape((feature_map.shape[-1],), name="features")(pooled)
    feature_map = next(layer.output for layer in reversed(network.layers) if len(layer.output.shape) == 4)
    return feature_map, keras.layers.GlobalAveragePooling2D(name="features")(feature_map)


def _linear_head(network: keras.Model) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    kernel, bias = next(layer for layer in reversed(network.layers) if layer.weights).get_weights()
    return kernel.reshape(-1, kernel.shape[-1]), bias
