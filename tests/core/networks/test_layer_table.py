"""The table of a backbone's layers."""

import keras
import pytest

from core.backbones.catalog import find_backbone
from core.backbones.layers import LayerRow, boundary_at
from core.networks.layer_table import layer_table
from core.networks.network import build_backbone, split_at
from tests.core.networks.without_weights import without_weights


@pytest.fixture(scope="module")
def mobilenet_v2() -> tuple[LayerRow, ...]:
    with without_weights():
        return layer_table(build_backbone(find_backbone("MobileNetV2"), (224, 224), None))


def test_rows_follow_the_backbones_own_numbers(mobilenet_v2: tuple[LayerRow, ...]):
    """Names, kinds and parameters are those of Keras' network without top."""
    theirs = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(224, 224, 3))
    assert [row.index for row in mobilenet_v2] == list(range(154))
    assert [row.name for row in mobilenet_v2[1:]] == [layer.name for layer in theirs.layers[1:]]
    assert sum(row.num_parameters for row in mobilenet_v2) == theirs.count_params() == 2_257_984
    trainable = sum(row.num_trainable_parameters for row in mobilenet_v2)
    assert trainable == sum(weight.value.numpy().size for weight in theirs.trainable_weights) == 2_223_872


def test_multiply_adds_are_those_of_the_paper(mobilenet_v2: tuple[LayerRow, ...]):
    """Table 4 of "MobileNetV2: Inverted Residuals and Linear Bottlenecks": 300 million, ImageNet head included."""
    total = sum(row.multiply_adds for row in mobilenet_v2) + 1280 * 1000
    assert total == pytest.approx(300e6, rel=0.01)


@pytest.mark.parametrize(
    ("name", "size", "millions"),
    [
        ("ResNet50", 224, 3_858),  # counted by hand for strides in the first convolution of a stage: 3.8 billion
        ("VGG16", 224, 15_347),  # 15.5 billion with the dense layers' 124 million
        ("ConvNeXtTiny", 224, 4_455),  # "A ConvNet for the 2020s", table 1: 4.5 billion
    ],
)
def test_multiply_adds_of_other_families(name: str, size: int, millions: float):
    """Strided, nested and pointwise layers are all counted."""
    with without_weights():
        rows = layer_table(build_backbone(find_backbone(name), (size, size), None))
    assert sum(row.multiply_adds for row in rows) / 1e6 == pytest.approx(millions, rel=0.02)


def test_boundaries_lie_between_blocks_and_not_inside_a_shortcut(mobilenet_v2: tuple[LayerRow, ...]):
    """One can cut before a block and not where its shortcut runs beside it."""
    boundaries = {row.name for row in mobilenet_v2 if row.is_boundary}
    assert {"block_12_expand", "block_13_expand", "block_13_pad", "Conv_1", "out_relu"} <= boundaries
    # block_12 has a shortcut: from its first result on, two tensors cross.
    assert not {"block_12_expand_BN", "block_12_depthwise", "block_12_add"} & boundaries
    assert mobilenet_v2[0].is_boundary
    assert mobilenet_v2[1].is_boundary


def test_the_table_and_the_cut_agree():
    """For each first layer, the boundary that pages read from the table is the one that is cut at."""
    network = build_backbone(find_backbone("ResNet50V2"), (64, 64), None)
    rows = layer_table(network)
    for first_layer in (0, 1, 50, 97, 150, len(rows), len(rows) + 5):
        assert split_at(network, first_layer).boundary == boundary_at(rows, first_layer)


def test_the_table_is_the_same_whatever_trains_and_whatever_was_built_before():
    """Counting leaves the layers as they were; automatic names are those of a fresh process."""
    first = build_backbone(find_backbone("MobileNetV3Small"), (64, 64), None)
    second = build_backbone(find_backbone("MobileNetV3Small"), (64, 64), None)
    split_at(second, 100)
    is_trainable = [layer.trainable for layer in second.layers]
    assert layer_table(first)[1:] == layer_table(second)[1:]
    assert [layer.trainable for layer in second.layers] == is_trainable
    assert {"activation", "activation_1", "re_lu"} <= {row.name for row in layer_table(second)}
