"""Backbones that are cut, trained above the cut, and joined with a head."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from core.backbones.catalog import Backbone, all_backbones, find_backbone
from core.backbones.layers import boundary_at, count_trained_parameters
from core.backbones.weights import find_weights
from core.config import HeadConfig
from core.errors import BackboneError, WeightsDamagedError
from core.networks.build import build_classifier
from core.networks.efficientnet_lite import build_efficientnet_lite
from core.networks.layer_table import layer_table
from core.networks.network import BackboneNetwork, build_backbone, split_at
from core.networks.parity import sample_pixels
from core.packaging.portable_keras import make_hdf5_portable
from core.settings import Settings
from core.training.heads import assemble, build_head, build_trainable
from tests.core.networks.without_weights import without_weights

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; every save of a variable warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

# The smallest member of each family, and the other one of MobileNetV3, at a size that is quick and that it takes; the
# blocks of some of its layers; and millions of multiply-adds, where its paper tells them.
MEMBERS = {
    # The number is from "MobileNets", table 8.
    "MobileNet": (224, {1: "stem", 10: "block_2", 85: "block_13"}, 569),
    "MobileNet-0.75-192": (64, {1: "stem", 10: "block_2", 85: "block_13"}, None),
    "MobileNetV2": (64, {0: "stem", 1: "stem", 4: "block_0", 9: "block_1", 100: "block_11", 153: "top"}, None),
    "MobileNetV3Small": (64, {1: "stem", 4: "stem", 5: "block_0", 8: "block_0", 156: "top"}, None),
    "MobileNetV3Large": (64, {1: "stem", 4: "stem", 5: "block_0", 11: "block_1", 186: "top"}, None),
    "DenseNet121": (64, {1: "stem", 7: "conv2_block1", 425: "top", 426: "top"}, None),
    # The number is from "Learning Transferable Architectures", table 2.
    "NASNetMobile": (224, {1: "stem", 5: "cell_stem_1", 768: "cell_12"}, 564),
    "EfficientNetB0": (64, {1: "stem", 7: "block1a", 236: "top"}, None),
    "EfficientNetV2B0": (64, {1: "stem", 6: "block1a", 268: "top"}, None),
    "ResNet50": (64, {1: "stem", 6: "stem", 7: "conv2_block1", 174: "conv5_block3"}, None),
    "ResNet50V2": (64, {5: "conv2_block1", 189: "top"}, None),
    "InceptionV3": (96, {1: "stem", 17: "stem", 18: "mixed0", 310: "mixed10"}, None),
    "InceptionResNetV2": (96, {1: "stem", 20: "mixed_5b", 776: "block8_10", 779: "top"}, None),
    "Xception": (96, {1: "block1", 12: "block2", 14: "block2", 15: "block2", 131: "block14"}, None),
    "VGG16": (64, {1: "block1", 18: "block5"}, None),
    "VGG19": (64, {1: "block1", 21: "block5"}, None),
    "ConvNeXtTiny": (64, {1: "stem", 3: "stage_0_block_0", 24: "downsampling_block_0", 131: "stage_3_block_2"}, None),
    "EfficientNetLite0": (64, {1: "stem", 4: "block1a"}, None),
    "DINOv2Small": (56, {1: "stem", 5: "stem", 6: "block_0", 113: "block_11", 114: "top", 119: "top"}, None),
}
ONE_UNIT = HeadConfig(one_unit_for_two_classes=True)


def pixels_for(network: BackboneNetwork, count: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (count, *network.image_size, 3)).astype(np.float32)


def head_for(network: BackboneNetwork, head: HeadConfig = ONE_UNIT, num_classes: int = 2) -> keras.Sequential:
    return build_head(head, network.num_features, num_classes, seed=0)


def shapes_of(layer: keras.layers.Layer) -> tuple[object, ...]:
    return (type(layer), tuple(layer.output.shape), tuple(tuple(weight.shape) for weight in layer.weights))


def answer(model: keras.Model, values: np.ndarray | list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
    """As `predict` does, without compiling a graph for a single batch."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(values, training=False))


def largest_difference(first: np.ndarray, second: np.ndarray) -> float:
    """As a share of the largest value: random networks fade."""
    return float(np.abs(first - second).max() / np.abs(first).max())


def test_every_family_has_a_member_here():
    """A family that joins the catalogue must be built, cut and saved below."""
    assert {find_backbone(name).family for name in MEMBERS} == {
        backbone.family for backbone in all_backbones() if not backbone.members
    }


@dataclass(frozen=True, kw_only=True)
class Member:
    """A network of a family, its weights random."""

    backbone: Backbone
    network: BackboneNetwork


@pytest.fixture(scope="module", params=MEMBERS)
def member(request: pytest.FixtureRequest) -> Iterator[Member]:
    """One network of each family, built once for all that is asked of it: some take five seconds."""
    backbone = find_backbone(request.param)
    size = MEMBERS[backbone.name][0]
    keras.utils.set_random_seed(1)
    yield Member(backbone=backbone, network=build_backbone(backbone, (size, size), None))
    # Networks refer to themselves in circles: their weights stay in memory until somebody looks for such circles.
    gc.collect()


# Of the others, tests of their own compare what they compute with the papers.
@pytest.mark.parametrize("member", [name for name in MEMBERS if not find_backbone(name).is_dinov2], indirect=True)
def test_layers_are_those_of_keras_without_top(member: Member):
    """Kinds, shapes and order are those of the network that tutorials mean when they name a layer by its number."""
    backbone, network = member.backbone, member.network
    options = {"include_top": False, "weights": None, "input_shape": network.model.input_shape[1:]}
    with without_weights():
        if backbone.is_efficientnet_lite:
            theirs = build_efficientnet_lite(backbone.name, keras.Input(options["input_shape"])).layers
            theirs = theirs[: len(network.layers)]
        elif backbone.alpha is None:
            theirs = getattr(keras.applications, backbone.name)(**options).layers
        else:
            theirs = keras.applications.MobileNet(alpha=backbone.alpha, **options).layers
    if backbone.family == "convnext":
        # The last normalisation is part of the head here.
        theirs = theirs[:-1]
    assert [shapes_of(layer) for layer in network.layers] == [shapes_of(layer) for layer in theirs]


def test_the_table_groups_layers_as_the_authors_did(member: Member):
    """Blocks have readable names; the work is that of the paper, depthwise and separable layers included."""
    rows = layer_table(member.network)
    _, blocks, millions = MEMBERS[member.backbone.name]
    assert {index: rows[index].block for index in blocks} == blocks
    if millions is not None:
        assert sum(row.multiply_adds for row in rows) / 1e6 == pytest.approx(millions, rel=0.02)


def test_both_parts_of_a_cut_network_make_the_whole(member: Member):
    """Features are the mean of the feature map, and cut in the middle, the parts answer what the whole does."""
    network = member.network
    pixels = pixels_for(network)
    features, feature_map = answer(network.model, pixels)
    assert features.shape == (2, network.num_features)
    assert np.abs(features).max() > 0
    assert largest_difference(feature_map.mean(axis=(1, 2)), features) < 1e-4
    split = split_at(network, len(network.layers) // 2)
    parts = answer(split.upper, answer(split.lower, pixels))
    assert largest_difference(features, parts[0]) < 1e-4
    assert largest_difference(feature_map, parts[1]) < 1e-4


def test_a_saved_network_answers_the_same(member: Member, tmp_path: Path):
    """A copy of Keras' own layers, read from a file, agrees to the last bit."""
    network = member.network
    pixels = pixels_for(network)
    whole = assemble(network, head_for(network))
    whole.save(tmp_path / "whole.keras")
    reloaded = keras.models.load_model(tmp_path / "whole.keras")
    assert np.array_equal(answer(whole, pixels), answer(reloaded, pixels))


@pytest.mark.parametrize("member", ["MobileNetV3Small", "ConvNeXtTiny", "VGG16"], indirect=True)
def test_what_the_older_file_cannot_hold_is_said(member: Member, tmp_path: Path):
    """An HDF5 file answers the same, or the catalogue says that there is none."""
    network, path = member.network, tmp_path / "whole.h5"
    whole = assemble(network, head_for(network))
    whole.save(path, include_optimizer=False)
    make_hdf5_portable(path)
    if any("HDF5" in limit for limit in member.backbone.limits):
        with pytest.raises(ValueError, match="Unknown layer"):
            keras.models.load_model(path, compile=False)
    else:
        pixels = pixels_for(network)
        assert np.array_equal(answer(whole, pixels), answer(keras.models.load_model(path, compile=False), [pixels]))


def test_mobilenet_v2_cut_at_100_trains_what_the_tutorial_trains():
    """154 layers, of which those from 100 on and a head of one unit have 1,862,721 trainable parameters."""
    network = build_backbone(find_backbone("MobileNetV2"), (160, 160), None)
    assert len(network.layers) == 154
    split = split_at(network, 100)
    model = build_trainable(split, head_for(network))
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 1_862_721
    rows = layer_table(network)
    assert count_trained_parameters(rows, 100) == 1_862_721 - 1281
    assert split.boundary == boundary_at(rows, 100)
    assert split.boundary <= 100 == split.first_layer
    assert split.activation_shape == rows[split.boundary - 1].output_shape
    assert split.lower.trainable_weights == []


def test_own_numbers_are_found_in_the_built_model():
    """Layers that scale pixels come in front, without a number of their own."""
    network = build_backbone(find_backbone("MobileNetV2"), (64, 64), None)
    assert [network.built_index(index) for index in (0, 1, 100)] == [0, 2, 101]
    assert network.model.layers[1].name == "scale_pixels"


@pytest.mark.parametrize("first_layer", [0, 1, 60, 107, 10_000])
def test_only_layers_above_the_cut_change(first_layer: int):
    """After real steps, layers below the cut and all statistics of normalisation are as before; those above are not."""
    keras.utils.set_random_seed(2)
    network = build_backbone(find_backbone("EfficientNetLite0"), (64, 64), None)
    split = split_at(network, first_layer)
    model = build_trainable(split, head_for(network, HeadConfig(dropout=0.5)))
    before = [layer.get_weights() for layer in network.layers]
    activations = answer(split.lower, pixels_for(network, 8))
    model.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    # Random networks fade; steps must be large enough to see, and statistics would move at once if they could.
    activations = activations / activations.std()
    for weight in model.trainable_weights:
        weight.assign(weight * 3)
    started = [layer.get_weights() for layer in network.layers]
    model.fit(activations, np.array([0, 1] * 4), batch_size=4, epochs=2, verbose=0)
    for index, layer in enumerate(network.layers):
        after = layer.get_weights()
        if index < first_layer:
            assert all(np.array_equal(*pair) for pair in zip(before[index], after, strict=True))
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = after
            assert np.array_equal(mean, before[index][2])
            assert np.array_equal(variance, before[index][3])
            assert not np.array_equal(gamma, started[index][0])
            assert not np.array_equal(beta, started[index][1])
        elif layer.weights:
            assert not np.array_equal(after[0], started[index][0])


def test_the_head_drops_values_only_while_training():
    """The backbone's own dropout stays off in training, the head's is on."""
    network = build_backbone(find_backbone("EfficientNetB0"), (64, 64), None)
    split = split_at(network, len(network.layers) // 2)
    activations = answer(split.lower, pixels_for(network))
    for dropout, is_random in ((0.0, False), (0.5, True)):
        model = build_trainable(split, head_for(network, HeadConfig(dropout=dropout), 3))
        first, second = (keras.ops.convert_to_numpy(model(activations, training=True)) for _ in range(2))
        assert np.array_equal(first, second) != is_random
        first, second = (keras.ops.convert_to_numpy(model(activations)) for _ in range(2))
        assert np.array_equal(first, second)


def test_a_later_split_of_the_same_network_decides_anew():
    """The head phase freezes everything, the fine-tune phase then cuts the same network, and the weights stay."""
    network = build_backbone(find_backbone("EfficientNetLite0"), (64, 64), None)
    pixels = pixels_for(network)
    features = answer(network.model, pixels)[0]
    frozen = split_at(network, len(network.layers))
    assert frozen.upper.trainable_weights == []
    cut = split_at(network, 100)
    assert cut.upper.trainable_weights
    assert np.array_equal(answer(cut.upper, answer(cut.lower, pixels))[0], features)


def test_features_are_those_of_the_classifier(settings: Settings, lite0: Backbone):
    """On the sample photos, the backbone without head gives the features that the prepared artefact was made from."""
    weights_path = find_weights(lite0, settings)
    pixels = sample_pixels(lite0).astype(np.float32)
    network = build_backbone(lite0, lite0.image_size, weights_path)
    classifier = build_classifier(lite0, weights_path)
    expected = answer(classifier.model, pixels)
    for actual, other in zip(answer(network.model, pixels), expected[1:], strict=True):
        np.testing.assert_allclose(actual, other, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size"), [("MobileNetV2", 160), ("MobileNetV2", 224), ("MobileNet-0.75-192", 128)], ids=str
)
def test_the_file_with_the_head_serves_other_image_sizes(
    name: str, size: int, shared_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Features are those of Keras' own network without top, from the file without top, at that size."""
    monkeypatch.setenv("KERAS_HOME", str(shared_dir / "weights" / "keras"))
    backbone = find_backbone(name)
    weights_path = find_weights(backbone, settings)
    assert weights_path is not None
    network = build_backbone(backbone, (size, size), weights_path)
    pixels = pixels_for(network)
    without_top = weights_path.with_name(f"{weights_path.stem}_no_top.h5")
    options = {"include_top": False, "weights": str(without_top), "input_shape": (size, size, 3), "pooling": "avg"}
    family = getattr(keras.applications, backbone.family)
    theirs = family.MobileNet(alpha=0.75, **options) if backbone.alpha is not None else family.MobileNetV2(**options)
    expected = answer(theirs, family.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(answer(network.model, pixels)[0], expected, atol=1e-4)


def test_vgg_keeps_its_weights_at_another_image_size(tmp_path: Path):
    """The file holds dense layers for one size; at another they are dropped and the convolutions are the file's."""
    # Its own 224 pixels would make a hundred million weights of the first dense layer.
    backbone = replace(find_backbone("VGG16"), image_size=(32, 32))
    whole = keras.applications.VGG16(weights=None, input_shape=backbone.input_shape)
    path = tmp_path / "vgg16.weights.h5"
    whole.save_weights(path)
    network = build_backbone(backbone, (64, 64), path)
    assert len(network.layers) == 19
    for layer in network.layers[1:]:
        theirs = whole.get_layer(layer.name).get_weights()
        assert all(np.array_equal(*pair) for pair in zip(layer.get_weights(), theirs, strict=True))


def test_weights_of_another_network_are_refused(settings: Settings, lite0: Backbone):
    """What builds a classifier refuses is refused here too."""
    with pytest.raises(WeightsDamagedError):
        build_backbone(lite0, (64, 64), find_weights(find_backbone("EfficientNetLite2"), settings))


def test_photos_that_are_too_small_are_refused():
    """The error names the network, the size and a size that works."""
    with pytest.raises(BackboneError, match=r"InceptionV3 cannot take photos of 64×64 pixels.*at least 75.*299×299"):
        build_backbone(find_backbone("InceptionV3"), (64, 64), None)


@pytest.mark.parametrize(("config", "num_classes"), [(ONE_UNIT, 2), (HeadConfig(), 2), (HeadConfig(), 5)])
def test_probabilities_are_those_of_the_logits(config: HeadConfig, num_classes: int):
    """One column per class that add up to 1: a softmax, or a sigmoid and what it leaves."""
    network = build_backbone(find_backbone("EfficientNetLite0"), (64, 64), None)
    head = head_for(network, config, num_classes)
    pixels = pixels_for(network)
    probabilities = answer(assemble(network, head), pixels)
    logits = answer(head, answer(network.model, pixels)[0])
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    powers = np.exp(logits)
    assert probabilities.shape == (2, num_classes)
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_mixed_precision_keeps_logits_and_probabilities_whole():
    """With half-precision layers, logits and probabilities are float32 and both parts still make the whole."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build_backbone(find_backbone("EfficientNetLite0"), (64, 64), None)
        head = head_for(network)
        whole = assemble(network, head)
        split = split_at(network, 100)
        trainable = build_trainable(split, head)
    finally:
        keras.config.set_dtype_policy("float32")
    activations = split.lower(pixels_for(network))
    assert activations.dtype == "bfloat16"
    assert trainable(activations).dtype == "float32"
    assert whole(pixels_for(network)).dtype == "float32"
