"""What converters make of a network that is a program of its own."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from core.config import HeadConfig
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
