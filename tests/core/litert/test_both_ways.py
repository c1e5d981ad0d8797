"""Answers by a photo and its mirror image, on a small network with real weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.backbones.catalog import find_backbone
from core.backbones.lite_network import write_lite_network
from core.backbones.torch_weights import read_state_dict
from core.backbones.weights import find_weights
from core.litert.both_ways import BothWaysEngine
from core.litert.shared_engine import SharedEngine
from core.photos.fit import mirrored
from core.settings import Settings

SIDE_PX = 64


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SharedEngine:
    folder: Path = tmp_path_factory.mktemp("both_ways")
    backbone = replace(find_backbone("EfficientNetLite0"), image_size=(SIDE_PX, SIDE_PX))
    weights_path = find_weights(backbone, Settings(workspace_dir=folder))
    assert weights_path is not None
    path = folder / "model.tflite"
    path.write_bytes(write_lite_network(backbone, read_state_dict(weights_path)).litert_file)
    return SharedEngine(path, num_threads=2)


def test_answers_are_means_and_maps_are_turned_back(engine: SharedEngine):
    """Features, probabilities and maps are halfway between those of the photo and of its mirror image, which are told
    apart; the map's mean is the features."""
    square = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    plain, other = engine.run(square), engine.run(mirrored(square))
    assert not np.allclose(plain.features, other.features, atol=1e-3)
    both = BothWaysEngine(engine)
    for is_alone in (False, True):
        said = both.run(square, is_alone=is_alone)
        np.testing.assert_allclose(said.features, (plain.features + other.features) / 2, atol=1e-6)
        np.testing.assert_allclose(said.probabilities, (plain.probabilities + other.probabilities) / 2, atol=1e-6)
        np.testing.assert_allclose(said.feature_map, (plain.feature_map + other.feature_map[:, ::-1]) / 2, atol=1e-6)
        np.testing.assert_allclose(said.feature_map.mean(axis=(0, 1)), said.features, atol=1e-5)
    np.testing.assert_allclose(both.features(square), said.features, atol=1e-6)


def test_left_and_right_make_no_difference(engine: SharedEngine):
    """A photo and its mirror image have the same answer, to the bit, and the map is mirrored with the photo."""
    square = np.random.default_rng(1).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    both = BothWaysEngine(engine)
    said, turned = both.run(square), both.run(mirrored(square))
    np.testing.assert_array_equal(said.features, turned.features)
    np.testing.assert_array_equal(said.feature_map, turned.feature_map[:, ::-1])


def test_it_is_told_as_the_engine_it_asks(engine: SharedEngine):
    """Whoever loads or checks it learns of the network behind it."""
    both = BothWaysEngine(engine)
    for name in ("num_threads", "num_bytes", "num_features", "num_classes", "image_size", "feature_map_shape"):
        assert getattr(both, name) == getattr(engine, name)
