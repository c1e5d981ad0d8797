"""The LiteRT file of an EfficientNet-Lite, written without Keras, is what Keras' model converts to."""

from dataclasses import replace

import numpy as np
import pytest

from core.backbones.catalog import ALL_THREE, Backbone, find_backbone
from core.backbones.lite_layers import layers_of, layers_side_by_side
from core.backbones.lite_network import write_lite_network
from core.backbones.torch_weights import read_state_dict
from core.backbones.weights import find_weights
from core.errors import WeightsDamagedError
from core.litert.engine import LiteRTModel
from core.networks.build import build_classifier
from core.networks.layer_table import layer_table
from core.networks.network import build_backbone
from core.networks.parity import compare, sample_pixels
from core.settings import Settings

NAMES = ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2")


def state_of(backbone: Backbone, settings: Settings) -> dict[str, np.ndarray]:
    path = find_weights(backbone, settings)
    assert path is not None
    return read_state_dict(path)


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_keras_does(name: str, settings: Settings):
    """Every probability of every sample photo, and of noise, within 1e-5."""
    backbone = find_backbone(name)
    network = write_lite_network(backbone, state_of(backbone, settings))
    classifier = build_classifier(backbone, find_weights(backbone, settings))
    model = LiteRTModel(network.litert_file, num_threads=1)
    assert compare(classifier.model, model, sample_pixels(backbone)) < 1e-5
    np.testing.assert_array_equal(network.kernel, classifier.kernel)
    np.testing.assert_array_equal(network.bias, classifier.bias)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("image_size", [None, (97, 160)])
def test_its_table_of_layers_is_that_of_keras(name: str, image_size: tuple[int, int] | None):
    """Names, kinds, blocks, shapes, parameters, work and places to cut, for photos of any size."""
    backbone = find_backbone(name)
    size = image_size or backbone.image_size
    assert layers_of(name, size) == layer_table(build_backbone(backbone, size, None))


def test_networks_side_by_side_have_the_table_of_keras():
    """Theirs too, in turns from below, cut at the pixels or at the top: in between several tensors cross."""
    three = find_backbone(ALL_THREE)
    rows = layers_side_by_side(three.members, (97, 160))
    assert rows == layer_table(build_backbone(three, (97, 160), None))
    assert [row.index for row in rows if row.is_boundary] == [0, 1]


def test_photos_of_another_size_and_shape_are_taken(settings: Settings, lite0: Backbone):
    """Padding follows the size, as Keras has it."""
    small = replace(lite0, image_size=(97, 160))
    network = write_lite_network(small, state_of(small, settings))
    classifier = build_classifier(small, find_weights(small, settings))
    model = LiteRTModel(network.litert_file, num_threads=1)
    assert model.image_size == (97, 160)
    assert compare(classifier.model, model, sample_pixels(small)) < 1e-5


@pytest.mark.parametrize("damage", ["missing", "of another network"])
def test_weights_that_do_not_fit_are_refused(damage: str, settings: Settings, lite0: Backbone):
    """No file is written from them; the network is named."""
    state = state_of(lite0, settings)
    if damage == "missing":
        del state["_blocks.3._bn1.running_var"]
    else:
        state = state_of(find_backbone("EfficientNetLite2"), settings)
    with pytest.raises(WeightsDamagedError, match="do not fit EfficientNet-Lite0"):
        write_lite_network(lite0, state)
