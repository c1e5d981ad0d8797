"""The layers on top of a backbone."""

import keras
import numpy as np
import pytest

from core.config import HeadConfig
from core.training.heads import build_head

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; every look at a variable warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def test_the_head_has_the_layers_of_its_config():
    """Dropout before each dense layer, ReLU in between, logits last."""
    head = build_head(HeadConfig(hidden_units=(8, 4), dropout=0.3), 16, 3, seed=0)
    names = ["dropout_1", "hidden_1", "dropout_2", "hidden_2", "dropout_3", "logits"]
    assert [layer.name for layer in head.layers] == names
    assert head.output_shape == (None, 3)
    assert head.get_layer("logits").activation is keras.activations.linear
    assert [layer.name for layer in build_head(HeadConfig(dropout=0.0), 16, 3, seed=0).layers] == ["logits"]


@pytest.mark.parametrize(("num_classes", "num_units"), [(2, 1), (3, 3)])
def test_one_unit_is_for_two_classes_only(num_classes: int, num_units: int):
    """With three classes the choice has no effect."""
    assert build_head(HeadConfig(one_unit_for_two_classes=True), 4, num_classes, seed=0).output_shape == (
        None,
        num_units,
    )


def test_the_same_seed_gives_the_same_head():
    """Weights and dropout repeat with the seed, and differ with another; no two layers share a draw."""
    config = HeadConfig(hidden_units=(6, 6), dropout=0.5)
    values = np.ones((4, 6), np.float32)

    def draw(seed: int) -> list[np.ndarray]:
        head = build_head(config, 6, 6, seed=seed)
        return [*head.get_weights(), keras.ops.convert_to_numpy(head(values, training=True))]

    assert all(np.array_equal(*pair) for pair in zip(draw(7), draw(7), strict=True))
    assert not np.array_equal(draw(7)[0], draw(8)[0])
    kernels = [weight for weight in draw(7) if weight.shape == (6, 6)]
    assert not np.allclose(kernels[0], kernels[1])
