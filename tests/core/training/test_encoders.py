"""Encoders: the same numbers on every way, in the order of the photos."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.networks.network import split_at
from core.settings import Settings
from core.training.activations import lower_encoder
from core.training.encoders import ActivationEncoder, FeatureEncoder, KerasEncoder, PixelEncoder
from core.training.source import NetworkSource

LATE_LAYER = 121  # the last but one block of EfficientNet-Lite0 begins here, and can be cut off


def squares(count: int, side: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def test_pixels_stay_as_they_are():
    """Without a network below the cut, squares come out as they went in."""
    items = squares(5, 8)
    encoder = PixelEncoder((8, 8), num_threads=2)
    np.testing.assert_array_equal(list(encoder.encode(lambda item: item, items)), items)
    assert encoder.shape == (8, 8, 3)


@pytest.mark.parametrize("count", [1, 32, 45])
def test_keras_answers_in_batches_and_in_order(count: int):
    """The last, smaller batch is filled up for the network and cut off for the caller."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    items = squares(count, 8)
    answers = np.stack(list(KerasEncoder(model, num_threads=2).encode(lambda item: item, items)))
    np.testing.assert_allclose(answers, [item.mean(axis=(0, 1)) for item in items], rtol=1e-5)


def test_litert_and_keras_agree_on_both_sides_of_the_cut(
    settings: Settings, prepared_settings: Settings, lite0: Backbone
):
    """Features and activations through LiteRT, as on a CPU, are those through Keras, as on a GPU."""
    artefact = load_artefact(lite0, prepared_settings)
    source = NetworkSource(name=lite0.name, image_size=lite0.image_size, artefact=artefact)
    network = source.build(prepared_settings)
    split = split_at(network, LATE_LAYER)
    own_cache = replace(prepared_settings, cache_dir=settings.cache_path)
    lower = [lower_encoder(split, source, own_cache, is_gpu=is_gpu) for is_gpu in (False, True)]
    assert [type(encoder) for encoder in lower] == [ActivationEncoder, KerasEncoder]
    assert lower[0].shape == lower[1].shape == split.activation_shape
    features = [
        FeatureEncoder(artefact.model_path, network.num_features, num_threads=2),
        KerasEncoder(keras.Model(network.model.inputs, network.model.outputs[0]), num_threads=2),
    ]
    items = squares(3, 224)
    for pair in (lower, features):
        litert, through_keras = (np.stack(list(encoder.encode(lambda item: item, items))) for encoder in pair)
        np.testing.assert_allclose(litert, through_keras, rtol=1e-3, atol=1e-3)


def test_a_cut_at_the_input_needs_no_network(prepared_settings: Settings, lite0: Backbone):
    """Where everything trains, nothing is computed before."""
    artefact = load_artefact(lite0, prepared_settings)
    source = NetworkSource(name=lite0.name, image_size=lite0.image_size, artefact=artefact)
    split = split_at(source.build(prepared_settings), 0)
    assert isinstance(lower_encoder(split, source, prepared_settings, is_gpu=False), PixelEncoder)
