"""The calibration inside a model is the one that the pages apply."""

import keras
import numpy as np
import pytest

from core.config import HeadConfig
from core.inference.temperature import calibrated
from core.networks.network import BackboneNetwork
from core.packaging.calibrated import calibrate
from core.training.assembly import WholeModel
from core.training.heads import assemble, build_head

SIDE_PX = 16

# Keras 3.15 does not know NumPy 2.4's `copy` keyword.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def small_model(num_classes: int, *, is_one_unit: bool) -> WholeModel:
    keras.utils.set_random_seed(3)
    pixels = keras.Input((SIDE_PX, SIDE_PX, 3), name="pixels")
    feature_map = keras.layers.Conv2D(8, 5, strides=4)(keras.layers.Rescaling(1 / 32)(pixels))
    features = keras.layers.GlobalAveragePooling2D(name="features")(feature_map)
    model = keras.Model(pixels, [features, feature_map])
    network = BackboneNetwork(model=model, layers=tuple(model.layers), crossings={0: pixels})
    head = build_head(HeadConfig(one_unit_for_two_classes=is_one_unit), 8, num_classes, seed=1)
    return WholeModel(model=assemble(network, head), features=features, feature_map=feature_map)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
@pytest.mark.parametrize(("num_classes", "is_one_unit"), [(3, False), (2, False), (2, True)])
def test_the_calibration_inside_is_that_of_the_pages(num_classes: int, is_one_unit: bool, temperature: float):
    """softmax(log p / T), for several classes, for two, and for one unit that stands for two."""
    whole = small_model(num_classes, is_one_unit=is_one_unit)
    squares = np.random.default_rng(0).integers(0, 256, (6, SIDE_PX, SIDE_PX, 3), np.uint8)
    model = calibrate(whole, temperature, squares=squares)
    pixels = squares.astype(np.float32)
    expected = calibrated(np.asarray(whole.model(pixels, training=False)), temperature)
    found, features = (np.asarray(each) for each in model.with_features()(pixels, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert model.model.get_layer(model.features_layer).output is model.features
    assert features.shape == (6, 8)
