"""Configs of saved Keras models, without what only training, or a later version, understands."""

from typing import Any

import pytest

from core.packaging.portable_keras import portable_config


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
