"""A trained model's last layers without Keras."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.config import HeadConfig
from core.errors import RunFileError
from core.inference.head import Head, read_head
from core.inference.heatmap import class_activation_map
from core.training.assembly import write_head
from core.training.heads import build_head, to_probabilities

FEATURES = np.random.default_rng(3).normal(size=(16, 24)).astype(np.float32)

# Keras 3.15 does not know NumPy 2.4's `copy` keyword.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def from_keras(model: keras.Sequential) -> Head:
    """The same matrices, the biases no longer zero."""
    generator = np.random.default_rng(4)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer in layers:
        layer.set_weights([layer.get_weights()[0], generator.normal(size=layer.units).astype(np.float32)])
    kernels, biases = zip(*(layer.get_weights() for layer in layers), strict=True)
    return Head(kernels, biases)


@pytest.mark.parametrize(
    ("config", "num_classes"),
    [
        pytest.param(HeadConfig(), 2, id="linear"),
        pytest.param(HeadConfig(), 7, id="seven classes"),
        pytest.param(HeadConfig(one_unit_for_two_classes=True), 2, id="one unit"),
        pytest.param(HeadConfig(hidden_units=(16,)), 3, id="one hidden layer"),
        pytest.param(HeadConfig(hidden_units=(32, 32, 16)), 5, id="three hidden layers"),
        pytest.param(HeadConfig(hidden_units=(8,), one_unit_for_two_classes=True), 2, id="hidden layer, one unit"),
    ],
)
def test_a_head_answers_as_in_keras(config: HeadConfig, num_classes: int):
    """Logits and probabilities are those of Keras' own layers, for any number of hidden layers and either kind."""
    model = build_head(config, FEATURES.shape[1], num_classes, seed=1)
    head = from_keras(model)
    logits = model(FEATURES)
    np.testing.assert_allclose(head.logits(FEATURES), keras.ops.convert_to_numpy(logits), atol=1e-5)
    probabilities = keras.ops.convert_to_numpy(to_probabilities(logits))
    np.testing.assert_allclose(head.probabilities(FEATURES), probabilities, atol=1e-6, rtol=0)
    assert (head.num_features, head.num_classes) == (FEATURES.shape[1], num_classes)
    assert head.is_linear == (not config.hidden_units)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(HeadConfig(), id="linear"),
        pytest.param(HeadConfig(hidden_units=(32, 16)), id="two hidden layers"),
        pytest.param(HeadConfig(hidden_units=(16,), one_unit_for_two_classes=True), id="hidden layer, one unit"),
    ],
)
def test_the_heat_is_grad_cam_as_tensorflow_computes_it(config: HeadConfig):
    """Slopes of the logit by the whole feature map, averaged over its places, weigh the channels, as in the paper."""
    model = build_head(config, FEATURES.shape[1], 2, seed=1)
    head = from_keras(model)
    feature_map = np.random.default_rng(5).normal(size=(3, 5, FEATURES.shape[1])).astype(np.float32)
    for index in (0, 1):
        places = tf.Variable(feature_map[np.newaxis])
        with tf.GradientTape() as tape:
            logits = model(tf.reduce_mean(places, axis=(1, 2)))[0]
            logit = logits[index] if len(logits) > 1 else (logits[0] if index == 1 else -logits[0])
        weights = tape.gradient(logit, places).numpy()[0].mean(axis=(0, 1))
        grad_cam = np.maximum(feature_map @ weights, 0)
        heat = class_activation_map(feature_map, head.gradient(feature_map.mean(axis=(0, 1)), index))
        np.testing.assert_allclose(heat, grad_cam / grad_cam.max(), atol=1e-5)
        assert 0 < np.count_nonzero(heat) < heat.size


def test_one_photo_gets_the_answer_it_has_among_many():
    """Features of one photo are a vector, of many a matrix."""
    head = from_keras(build_head(HeadConfig(hidden_units=(8,)), FEATURES.shape[1], 3, seed=1))
    np.testing.assert_allclose(head.probabilities(FEATURES[5]), head.probabilities(FEATURES)[5], atol=1e-6)


@pytest.mark.parametrize("logit", [-1e5, -100.0, 0.0, 100.0, 1e5])
def test_no_logit_is_too_large(logit: float):
    """Certainty is 0 and 1, without a warning, for one logit and for two."""
    features = np.array([logit], np.float32)
    one = Head((np.ones((1, 1), np.float32),), (np.zeros(1, np.float32),)).probabilities(features)
    two = Head((np.array([[0, 1]], np.float32),), (np.zeros(2, np.float32),)).probabilities(features)
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert one.sum() == pytest.approx(1)
    assert (one[1] > 0.5) == (logit > 0)


def test_what_speaks_for_the_second_class_speaks_against_the_first():
    """A single logit gives both classes a gradient, whatever the photo."""
    kernel = np.array([[2.0], [-1.0]], np.float32)
    head = Head((kernel,), (np.zeros(1, np.float32),))
    features = np.ones(2, np.float32)
    np.testing.assert_array_equal([head.gradient(features, index) for index in (0, 1)], [[-2, 1], [2, -1]])


def test_a_file_gives_back_the_head(tmp_path: Path):
    """Layers come in their order, however many there are."""
    head = from_keras(build_head(HeadConfig(hidden_units=(6, 5, 4)), FEATURES.shape[1], 3, seed=1))
    write_head(head, tmp_path / "head.npz")
    again = read_head(tmp_path / "head.npz")
    np.testing.assert_array_equal(again.probabilities(FEATURES), head.probabilities(FEATURES))
    assert again.num_bytes == head.num_bytes > 0


def test_a_head_that_is_gone_says_which_file(tmp_path: Path):
    """The message names the file and the remedy."""
    with pytest.raises(RunFileError, match=r"head\.npz is missing.*Train again"):
        read_head(tmp_path / "head.npz")


KERNEL, BIAS = np.ones((3, 2), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({}, id="empty"),
        pytest.param({"kernel_0": KERNEL}, id="no bias"),
        pytest.param({"kernel_0": KERNEL, "bias_1": BIAS}, id="wrong names"),
        pytest.param({"kernel_0": KERNEL, "bias_0": BIAS[:1]}, id="bias of another width"),
        pytest.param({"kernel_0": BIAS, "bias_0": BIAS}, id="kernel that is no matrix"),
        pytest.param({"kernel_0": KERNEL * np.nan, "bias_0": BIAS}, id="no numbers"),
        pytest.param({"kernel_0": KERNEL, "bias_0": BIAS, "kernel_1": KERNEL, "bias_1": BIAS}, id="layers do not fit"),
        pytest.param({"kernel_0": np.array(["a"]), "bias_0": BIAS}, id="text"),
        pytest.param({"kernel_0": np.array([{}], object), "bias_0": BIAS}, id="pickled"),
    ],
)
def test_what_is_no_head_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]):
    """Whatever is in the file, it is a message and no crash later."""
    np.savez(tmp_path / "head.npz", **arrays)
    with pytest.raises(RunFileError, match=r"head\.npz is damaged"):
        read_head(tmp_path / "head.npz")


@pytest.mark.parametrize("num_bytes", [0, 1, 30, 200, 400])
def test_a_head_that_was_cut_off_is_refused(tmp_path: Path, num_bytes: int):
    """A full disk or a broken copy leaves the first part of the file."""
    path = tmp_path / "head.npz"
    write_head(Head((KERNEL,), (BIAS,)), path)
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(RunFileError, match=r"head\.npz is damaged"):
        read_head(path)
