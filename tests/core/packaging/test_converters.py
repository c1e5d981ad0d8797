"""What converters make of a network that is a program of its own."""

from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from core.config import HeadConfig
from core.errors import BackboneError
from core.networks.hub import load_hub_backbone
from core.networks.network import wrap_hub_layer
from core.packaging.calibrated import CalibratedModel, calibrate
from core.packaging.converters import litert, onnx_file, saved_model
from core.training.assembly import WholeModel
from core.training.heads import assemble, build_head
from tests.core.networks.test_hub import TinyModule, pixels_for

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; every save of a variable warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def test_a_module_of_tensorflow_hub_needs_neither_its_folder_nor_bluetit(tmp_path: Path):
    """As SavedModel, LiteRT and ONNX it answers as in Keras, with its program inside."""
    place = tmp_path / "module"
    tf.saved_model.save(TinyModule(), place)
    network = wrap_hub_layer(load_hub_backbone(place))
    features, feature_map = network.model.outputs
    whole = WholeModel(
        model=assemble(network, build_head(HeadConfig(), 3, 4, seed=1)), features=features, feature_map=feature_map
    )
    model: CalibratedModel = calibrate(whole, 0.7, squares=np.zeros((1, 8, 8, 3), np.uint8))
    pixels = pixels_for(network, count=1)
    expected = np.asarray(model.model(pixels, training=False))
    targets = [tmp_path / name for name in ("saved", "model.tflite", "model.onnx")]
    for converter, target in zip((saved_model, litert, onnx_file), targets, strict=True):
        converter.write(model, target)
    place.rename(tmp_path / "elsewhere")
    loaded = tf.saved_model.load(str(targets[0]))
    said = [loaded.serve(pixels)["probabilities"].numpy()]
    runner = Interpreter(str(targets[1])).get_signature_runner()
    said.append(runner(pixels=pixels)["output_0"])
    said.append(onnxruntime.InferenceSession(str(targets[2])).run(None, {"pixels": pixels})[0])
    for each in said:
        np.testing.assert_allclose(each, expected, atol=1e-5)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(2).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


def model_with(*layers: keras.layers.Layer) -> CalibratedModel:
    """A model with some layers below its pooled features."""
    inputs = keras.Input((8, 8, 3), name="pixels")
    feature_map = inputs
    for layer in layers:
        feature_map = layer(feature_map)
    features = keras.layers.GlobalAveragePooling2D(name="features")(feature_map)
    probabilities = keras.layers.Dense(3, "softmax", name="probabilities")(features)
    return CalibratedModel(
        model=keras.Model(inputs, probabilities), features=features, squares=np.zeros((1, 8, 8, 3), np.uint8)
    )


def test_constants_of_a_network_stay_in_the_onnx_file(tmp_path: Path, pixels: np.ndarray):
    """Such as the means of a normalisation: nobody has to hand them in beside the pixels."""
    model = model_with(keras.layers.Normalization(mean=[100.0, 120.0, 140.0], variance=[50.0, 60.0, 70.0]))
    onnx_file.write(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert [each.name for each in session.get_inputs()] == ["pixels"]
    expected = np.asarray(model.model(pixels, training=False))
    np.testing.assert_allclose(session.run(None, {"pixels": pixels})[0], expected, atol=1e-5)


def test_what_onnx_has_no_operation_for_is_named(tmp_path: Path):
    """In place of a file that no runtime could open."""
    model = model_with(keras.layers.Activation("gelu"))
    with pytest.raises(BackboneError, match=r"no operation for .*Erfc"):
        onnx_file.write(model, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
