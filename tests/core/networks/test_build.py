"""Backbones as Keras models that take pixels."""

import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

from core.backbones.catalog import BACKBONES, Backbone, find_backbone
from core.backbones.torch_weights import read_state_dict
from core.backbones.weights import find_weights
from core.errors import WeightsDamagedError
from core.imagenet import classes
from core.networks.build import build_classifier, scale_pixels
from core.networks.efficientnet_lite import build_efficientnet_lite, load_state_dict
from core.photos.decode import decode_image
from core.photos.fit import FitMode, fit, to_array
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from tests.core.networks.without_weights import without_weights

FAMILIES = sorted({backbone.family for backbone in BACKBONES if not backbone.is_efficientnet_lite})
LITES = [backbone for backbone in BACKBONES if backbone.is_efficientnet_lite]
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def answers_of(model: keras.Model, pixels: np.ndarray) -> list[np.ndarray]:
    """As `predict` does: compiling a graph for a photo or two takes longer than all the rest."""
    return [keras.ops.convert_to_numpy(values) for values in model(pixels, training=False)]


def probabilities_of(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Of a single photo."""
    return answers_of(model, pixels)[0][0]


def strengthen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make random networks pass signals on: as Keras draws them, ReLU6 networks fade to nothing.

    Batch normalisation, at its initial statistics, is what would undo the fading in a trained network.
    """
    normalise = keras.layers.BatchNormalization.call

    def call(self: keras.layers.BatchNormalization, inputs: object, **_: object) -> object:
        mean, variance = keras.ops.moments(inputs, axes=[1, 2, 3], keepdims=True)
        return normalise(self, (inputs - mean) / keras.ops.sqrt(variance + 1e-6))

    monkeypatch.setattr(keras.layers.BatchNormalization, "call", call)


@pytest.mark.parametrize("family", FAMILIES)
def test_scaling_equals_the_preprocessing_of_the_family(family: str):
    """What the graph does to pixels is what `keras.applications.<family>.preprocess_input` does."""
    (preprocessing,) = {backbone.preprocessing for backbone in BACKBONES if backbone.family == family}
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, scale_pixels(inputs, preprocessing))
    module = importlib.import_module(f"keras.applications.{family}")
    expected = module.preprocess_input(PIXELS.copy())
    np.testing.assert_allclose(model.predict(PIXELS, verbose=0), expected, atol=2e-5)


def test_scaling_of_efficientnet_lite():
    """Source: Google's EfficientNet-Lite takes (x - 127) / 128."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, scale_pixels(inputs, "lite"))
    np.testing.assert_allclose(model.predict(PIXELS, verbose=0), (PIXELS - 127) / 128, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "feature_map_shape"),
    [
        ("MobileNet", (7, 7, 1024)),
        ("MobileNet-0.75-192", (6, 6, 768)),
        ("MobileNetV2", (7, 7, 1280)),
        ("MobileNetV3Small", (7, 7, 576)),
        ("MobileNetV3Large", (7, 7, 960)),
        ("DenseNet121", (7, 7, 1024)),
        ("NASNetMobile", (7, 7, 1056)),
        ("EfficientNetB0", (7, 7, 1280)),
        ("EfficientNetV2B0", (7, 7, 1280)),
        ("ResNet50", (7, 7, 2048)),
        ("EfficientNetLite0", (7, 7, 1280)),
    ],
)
def test_inner_values_fit_together(name: str, feature_map_shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch):
    """Features are the mean of the feature map, and a linear head turns them into the probabilities."""
    backbone = find_backbone(name)
    keras.utils.set_random_seed(1)
    strengthen(monkeypatch)
    classifier = build_classifier(backbone, None)
    pixels = np.random.default_rng(1).uniform(0, 255, (2, *backbone.input_shape)).astype(np.float32)
    probabilities, features, feature_map = answers_of(classifier.model, pixels)
    assert features.std() > 1e-3
    assert feature_map.shape[1:] == feature_map_shape
    np.testing.assert_allclose(feature_map.mean(axis=(1, 2)), features, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    assert (classifier.kernel is not None) == backbone.has_linear_head
    if classifier.kernel is not None and classifier.bias is not None:
        logits = features @ classifier.kernel + classifier.bias
        np.testing.assert_allclose(softmax(logits), probabilities, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("backbone", LITES, ids=lambda backbone: backbone.name)
def test_bundled_weights_recognise_the_sample_cat(backbone: Backbone, settings: Settings):
    """The three bundled networks, built in Keras, see a cat in scikit-image's cat."""
    path = find_weights(backbone, settings)
    model = build_classifier(backbone, path).model
    assert model.count_params() == backbone.num_parameters
    photo = decode_image(sample_path(SAMPLE_PHOTOS[0]).read_bytes(), "cat")
    pixels = to_array(fit(photo, backbone.image_size, FitMode.CROP))[np.newaxis].astype(np.float32)
    best = np.argsort(probabilities_of(model, pixels))[-3:]
    assert "cat" in {classes()[index].group for index in best}


def test_layer_names_are_in_the_manner_of_keras_applications():
    """A person who knows EfficientNet finds their way: every layer but the squeeze-and-excitation ones has its name."""
    with without_weights():
        ours = build_efficientnet_lite("EfficientNetLite0", keras.Input((224, 224, 3)))
        theirs = keras.applications.EfficientNetB0(weights=None)
    names = {layer.name for layer in ours.layers if not isinstance(layer, keras.layers.InputLayer)}
    assert names <= {layer.name for layer in theirs.layers}


def test_weights_of_another_size_are_refused(settings: Settings):
    """The file of Lite2 does not fit Lite0, and the error says so."""
    path = find_weights(find_backbone("EfficientNetLite2"), settings)
    assert path is not None
    model = build_efficientnet_lite("EfficientNetLite0", keras.Input((224, 224, 3)))
    with pytest.raises(WeightsDamagedError, match="do not fit EfficientNetLite0"):
        load_state_dict(model, read_state_dict(path))


def test_left_over_arrays_are_refused(settings: Settings):
    """A file with more than the network has is not its file."""
    path = find_weights(find_backbone("EfficientNetLite0"), settings)
    assert path is not None
    state = {**read_state_dict(path), "_blocks.16._bn0.weight": np.zeros(1, np.float32)}
    model = build_efficientnet_lite("EfficientNetLite0", keras.Input((224, 224, 3)))
    with pytest.raises(WeightsDamagedError, match=r"_blocks\.16"):
        load_state_dict(model, state)


def test_a_file_that_is_no_hdf5_is_refused(tmp_path: Path):
    """A saved error page is not taken for Keras weights."""
    path = tmp_path / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
    path.write_text("<html>404</html>")
    with pytest.raises(WeightsDamagedError, match="does not hold the weights of MobileNetV2"):
        build_classifier(find_backbone("MobileNetV2"), path)


@pytest.mark.parametrize("name", ["MobileNetV2", "MobileNet-0.75-192"])
def test_real_keras_weights_recognise_a_german_shepherd(
    name: str, shared_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Files in Keras' own cache load and give the answer that the MobileNet tutorial reports."""
    monkeypatch.setenv("KERAS_HOME", str(shared_dir / "weights" / "keras"))
    backbone = find_backbone(name)
    path = find_weights(backbone, settings)
    assert path is not None
    photo = decode_image((shared_dir / "data" / "photos" / "German_Shepherd.jpg").read_bytes(), "dog")
    pixels = to_array(fit(photo, backbone.image_size, FitMode.CROP))[np.newaxis].astype(np.float32)
    probabilities = probabilities_of(build_classifier(backbone, path).model, pixels)
    assert classes()[probabilities.argmax()].label == "German shepherd"
