"""The table of a backbone's layers."""

import keras
import pytest

from core.backbones.catalog import find_backbone
from core.backbones.layers import LayerRow, boundary_at
from core.networks.layer_table import layer_table
from core.networks.network import build_backbone, split_at


@pytest.fixture(scope="module")
def mobilenet_v2() -> tuple[LayerRow, ...]:
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
        ("MobileNet", 224, 569),  # "MobileNets", table 8
        ("ResNet50", 224, 3_858),  # counted by hand for strides in the first convolution of a stage: 3.8 billion
        ("VGG16", 224, 15_347),  # 15.5 billion with the dense layers' 124 million
        ("NASNetMobile", 224, 564),  # "Learning Transferable Architectures", table 2
        ("ConvNeXtTiny", 224, 4_455),  # "A ConvNet for the 2020s", table 1: 4.5 billion
    ],
)
def test_multiply_adds_of_other_families(name: str, size: int, millions: float):
    """Depthwise, separable, strided, nested and pointwise layers are all counted."""
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


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("MobileNet", 64, {1: "stem", 10: "block_2", 85: "block_13"}),
        ("MobileNetV2", 64, {0: "stem", 1: "stem", 4: "block_0", 9: "block_1", 100: "block_11", 153: "top"}),
        ("MobileNetV3Small", 64, {1: "stem", 4: "stem", 5: "block_0", 8: "block_0", 156: "top"}),
        ("DenseNet121", 64, {1: "stem", 7: "conv2_block1", 425: "top", 426: "top"}),
        ("NASNetMobile", 64, {1: "stem", 5: "cell_stem_1", 768: "cell_12"}),
        ("EfficientNetB0", 64, {1: "stem", 7: "block1a", 236: "top"}),
        ("ResNet50", 64, {1: "stem", 6: "stem", 7: "conv2_block1", 174: "conv5_block3"}),
        ("ResNet50V2", 64, {5: "conv2_block1", 189: "top"}),
        ("InceptionV3", 96, {1: "stem", 17: "stem", 18: "mixed0", 310: "mixed10"}),
        ("InceptionResNetV2", 96, {1: "stem", 20: "mixed_5b", 776: "block8_10", 779: "top"}),
        ("Xception", 96, {1: "block1", 12: "block2", 14: "block2", 15: "block2", 131: "block14"}),
        ("VGG16", 64, {1: "block1", 18: "block5"}),
        ("ConvNeXtTiny", 64, {1: "stem", 3: "stage_0_block_0", 24: "downsampling_block_0", 131: "stage_3_block_2"}),
        ("EfficientNetLite0", 64, {1: "stem", 4: "block1a"}),
    ],
)
def test_blocks_have_readable_names(name: str, size: int, expected: dict[int, str]):
    """Each family's layers are grouped as its authors did."""
    rows = layer_table(build_backbone(find_backbone(name), (size, size), None))
    assert {index: rows[index].block for index in expected} == expected
