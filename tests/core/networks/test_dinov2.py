"""DINOv2-Small: its layers, its published file, and photos of any size."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from safetensors.numpy import save_file

from core.backbones.catalog import find_backbone
from core.backbones.safetensor_weights import read_safetensors
from core.errors import BackboneError, WeightsDamagedError
from core.foreign.allowed import OPERATORS
from core.litert.engine import LiteRTModel
from core.networks import dinov2
from core.networks.build import build_classifier
from core.networks.convert import convert_to_litert
from core.networks.dinov2 import interpolate_positions, load_dinov2
from core.networks.layer_table import layer_table
from core.networks.network import BackboneNetwork, build_backbone
from core.networks.parity import compare_features
from tests.core.networks.dinov2_sample import NUM_PUBLISHED_BLOCKS, WIDTH, sample_arrays
from tests.core.networks.without_weights import without_weights

DINO = find_backbone("DINOv2Small")
SIDE_PX, NUM_BLOCKS = 56, 2  # four patches a side, and two blocks of its twelve, which are all alike
PIXELS = np.random.default_rng(1).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return sample_arrays(NUM_BLOCKS)


@pytest.fixture(scope="module")
def network(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> BackboneNetwork:
    path = tmp_path_factory.mktemp("dinov2") / DINO.weights_file
    save_file(arrays, path)
    return built(SIDE_PX, path)


def built(side: int, path: Path | None) -> BackboneNetwork:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dinov2, "NUM_BLOCKS", NUM_BLOCKS)
        return build_backbone(DINO, (side, side), path)


def answer(model: keras.Model, pixels: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(values) for values in model(pixels.astype(np.float32), training=False)]


def normalised(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


def dense(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]


def expected_tokens(pixels: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The papers' formulas, one after the other, for one photo: (1 + patches, width), the class token first."""
    scaled = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    side = len(pixels) // 14
    kernel, bias = (arrays[f"embeddings.patch_embeddings.projection.{part}"] for part in ("weight", "bias"))
    patches = [
        np.einsum("yxc,ocyx->o", scaled[14 * row : 14 * row + 14, 14 * column : 14 * column + 14], kernel) + bias
        for row, column in np.ndindex(side, side)
    ]
    positions = arrays["embeddings.position_embeddings"][0]
    of_patches = interpolate_positions(positions[1:].reshape(37, 37, WIDTH), side, side).reshape(-1, WIDTH)
    x = np.concatenate([arrays["embeddings.cls_token"][0] + positions[:1], patches + of_patches])
    for number in range(NUM_BLOCKS):
        block = f"encoder.layer.{number}"
        y = normalised(x, arrays, f"{block}.norm1")
        query, key, value = (
            dense(y, arrays, f"{block}.attention.attention.{part}").reshape(len(x), 6, 64).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 2, 1) / 8)
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
        y = dense(mixed.transpose(1, 0, 2).reshape(len(x), WIDTH), arrays, f"{block}.attention.output.dense")
        x = x + arrays[f"{block}.layer_scale1.lambda1"] * y
        y = dense(normalised(x, arrays, f"{block}.norm2"), arrays, f"{block}.mlp.fc1")
        y = y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2
        x = x + arrays[f"{block}.layer_scale2.lambda1"] * dense(y, arrays, f"{block}.mlp.fc2")
    return normalised(x, arrays, "layernorm")


def test_it_computes_what_the_papers_say(network: BackboneNetwork, arrays: dict[str, np.ndarray]):
    """Class token and patch tokens are those of the formulas, with the arrays of the file by their published names."""
    features, feature_map = answer(network.model, PIXELS)
    assert feature_map.shape == (2, 4, 4, 2 * WIDTH)
    for number, pixels in enumerate(PIXELS):
        class_token, *patches = expected_tokens(pixels, arrays)
        np.testing.assert_allclose(feature_map[number, :, :, WIDTH:].reshape(16, WIDTH), patches, atol=1e-4)
        assert np.abs(feature_map[number, :, :, :WIDTH] - class_token).max() < 1e-4
        np.testing.assert_allclose(features[number], [*class_token, *np.mean(patches, axis=0)], atol=1e-4)


def test_a_file_of_these_names_and_shapes_is_as_large_as_the_published_one(tmp_path: Path):
    """To the byte: so the published file has these arrays, and they are the parameters that the catalogue counts."""
    arrays = sample_arrays(NUM_PUBLISHED_BLOCKS)
    save_file(arrays, tmp_path / "whole", metadata={"format": "pt"})
    assert (tmp_path / "whole").stat().st_size == round(DINO.weights_megabytes * 1e6) == 88_249_960
    assert sum(array.size for array in arrays.values()) == DINO.num_parameters
    with without_weights():
        network = build_backbone(DINO, DINO.image_size, None)
    # At 224 px there are fewer positions; the class token and the bias of the patches are part of what is learned for
    # each place; hidden patches do not occur.
    num_positions = 37**2 - 16**2
    assert network.model.count_params() == DINO.num_parameters - num_positions * WIDTH - 3 * WIDTH


def test_its_work_is_that_of_the_published_figures():
    """Source: https://huggingface.co/timm/vit_small_patch14_dinov2.lvd142m, 46.8 thousand million at 518 pixels."""
    with without_weights():
        rows = layer_table(build_backbone(DINO, (518, 518), None))
    assert sum(row.multiply_adds for row in rows) / 1e9 == pytest.approx(46.8, rel=0.005)


def test_its_litert_file_agrees_and_needs_plain_operations_only(network: BackboneNetwork, tmp_path: Path):
    """No operation of TensorFlow is in it, features agree, and there are no classes."""
    path = tmp_path / "model.tflite"
    convert_to_litert(network.model, path)
    converted = LiteRTModel(path.read_bytes(), num_threads=1)
    assert compare_features(network.model, converted, PIXELS) < 1e-4
    assert (converted.num_classes, converted.num_features, converted.feature_map_shape) == (0, 768, (4, 4, 768))
    used = {operation["op_name"] for operation in Interpreter(str(path))._get_ops_details()}
    assert used <= OPERATORS


def test_it_has_no_classifier(monkeypatch: pytest.MonkeyPatch):
    """What is prepared of it has features and a feature map, and no matrix that names classes."""
    monkeypatch.setattr(dinov2, "NUM_BLOCKS", 1)
    classifier = build_classifier(DINO, None)
    assert classifier.kernel is None
    assert [tuple(output.shape[1:]) for output in classifier.model.outputs] == [(768,), (16, 16, 768)]


def test_what_is_left_of_whole_patches_is_cut_off_evenly(network: BackboneNetwork, arrays, tmp_path: Path):
    """A photo of 60 pixels is seen as its middle 56."""
    save_file(arrays, tmp_path / "file")
    larger = built(SIDE_PX + 4, tmp_path / "file")
    framed = np.pad(PIXELS, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=77)
    np.testing.assert_array_equal(answer(larger.model, framed)[0], answer(network.model, PIXELS)[0])


def test_photos_without_a_whole_patch_are_refused():
    """The error tells the least, and a size that works."""
    with pytest.raises(BackboneError, match=r"DINOv2-Small cannot take photos of 13×13 pixels: .*14.*224×224"):
        built(13, None)


def test_positions_are_interpolated_as_published():
    """The same number of places changes nothing; half of them take each from four, as PyTorch's bicubic does."""
    grid = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(interpolate_positions(grid, 4, 4), grid)
    weights = np.array([-0.09375, 0.59375, 0.59375, -0.09375])
    halved = interpolate_positions(grid, 2, 4)
    np.testing.assert_allclose(interpolate_positions(grid[1:2], 1, 4), grid[1:2], atol=1e-6)
    inner = np.einsum("i,ijw->jw", weights, np.concatenate([grid[:1], grid[:3]]))
    np.testing.assert_allclose(halved[0], inner, atol=1e-6)


def test_arrays_that_are_missing_wrong_or_left_over_are_refused(
    network: BackboneNetwork, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
):
    """A file of another network is not taken, whatever it has in common."""
    monkeypatch.setattr(dinov2, "NUM_BLOCKS", NUM_BLOCKS)
    pixels = keras.Input((SIDE_PX, SIDE_PX, 3))
    model = dinov2.build_dinov2("DINOv2Small", pixels)
    without = {name: array for name, array in arrays.items() if name != "encoder.layer.1.norm2.bias"}
    with pytest.raises(WeightsDamagedError, match=r"do not fit DINOv2Small.*encoder\.layer\.1\.norm2\.bias"):
        load_dinov2(model, without)
    with pytest.raises(WeightsDamagedError, match="do not fit DINOv2Small"):
        load_dinov2(model, arrays | {"layernorm.bias": np.zeros(768, np.float32)})
    with pytest.raises(WeightsDamagedError, match="register_tokens"):
        load_dinov2(model, arrays | {"embeddings.register_tokens": np.zeros((1, 4, WIDTH), np.float32)})


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\xff" * 64])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path, content: bytes):
    """A saved error page, or half a download, is not taken for weights."""
    path = tmp_path / DINO.weights_file
    path.write_bytes(content)
    with pytest.raises(WeightsDamagedError, match="cannot be read as safetensors"):
        read_safetensors(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path):
    """Its header promises more than there is."""
    path = tmp_path / DINO.weights_file
    save_file({"a": np.zeros(1000, np.float32)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsDamagedError, match="cannot be read as safetensors"):
        read_safetensors(path)
