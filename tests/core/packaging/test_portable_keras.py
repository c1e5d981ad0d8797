"""Configs of saved Keras models, without what only training, or a later version, understands."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core.packaging.portable_keras import make_hdf5_portable, portable_config

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; it warns of HDF5, which is older than its own file.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


@pytest.mark.parametrize(
    ("config", "portable"),
    [
        pytest.param(
            {"units": 3, "kernel_initializer": {"class_name": "GlorotUniform"}, "bias_regularizer": None},
            {"units": 3},
            id="training",
        ),
        pytest.param(
            {"layers": [{"config": {"name": "a", "kernel_constraint": None, "quantization_config": None}}]},
            {"layers": [{"config": {"name": "a"}}]},
            id="nested",
        ),
        pytest.param({"output_layers": ["last", 0, 0]}, {"output_layers": [["last", 0, 0]]}, id="single output"),
        pytest.param(
            {"input_layers": [["one", 0, 0], ["two", 0, 0]]},
            {"input_layers": [["one", 0, 0], ["two", 0, 0]]},
            id="several inputs",
        ),
        pytest.param(
            {
                "module": "keras.src.ops.numpy",
                "class_name": "Flip",
                "config": {"name": "flip", "axis": -1},
                "name": "flip",
            },
            {"module": "keras.src.ops.numpy", "class_name": "Flip", "config": {"axis": -1}, "name": "flip"},
            id="operation",
        ),
        pytest.param(
            {"module": "keras.layers", "config": {"name": "initializer", "rate": 0.5}},
            {"module": "keras.layers", "config": {"name": "initializer", "rate": 0.5}},
            id="nothing to leave out",
        ),
    ],
)
def test_only_what_an_answer_needs_stays(config: dict[str, Any], portable: dict[str, Any]):
    """Names of layers, their sizes and how they are joined stay; how weights began does not."""
    assert portable_config(config) == portable


def test_numbers_in_an_hdf5_file_are_read_again(tmp_path: Path):
    """Keras takes `x + 3` of that file for a layer, which refuses it; the same is written as a layer that does it."""
    pixels = keras.Input((4, 4, 3))
    gate = keras.layers.ReLU(6.0)(pixels + 3.0) * (1.0 / 6.0)
    answer = keras.layers.Multiply()([keras.layers.Add()([pixels, gate]), gate])
    model, path = keras.Model(pixels, answer), tmp_path / "model.h5"
    model.save(path, include_optimizer=False)
    with pytest.raises(ValueError, match="Only input tensors may be passed"):
        keras.models.load_model(path, compile=False)
    make_hdf5_portable(path)
    photo = np.random.default_rng(0).uniform(-5, 5, (1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(keras.models.load_model(path, compile=False)([photo]), model(photo))
