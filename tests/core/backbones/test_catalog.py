"""The catalogue of pretrained networks, held against Keras and the installed weight packages."""

import ast
import hashlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from core.backbones import catalog
from core.backbones.catalog import Backbone, all_backbones, find_backbone, members_of
from core.backbones.torch_weights import read_state_dict
from core.errors import UnknownBackboneError
from tests.core.networks.without_weights import without_weights

# Keras says so of MobileNetV3, whose published weights are for 224 pixels, when it is not given a size.
pytestmark = pytest.mark.filterwarnings("ignore:`input_shape` is undefined or non-square:UserWarning")

SINGLE = [backbone for backbone in all_backbones() if not backbone.members]
FROM_KERAS = [backbone for backbone in SINGLE if not backbone.is_efficientnet_lite and not backbone.is_dinov2]
FROM_PACKAGES = [backbone for backbone in all_backbones() if backbone.package is not None]

# Building all of Keras' models takes half a minute, these a few seconds. They cover every family except vgg16;
# the other records are compared with Keras' source text.
BUILT = [
    find_backbone(name)
    for name in (
        "MobileNet",
        "MobileNet-0.75-192",
        "MobileNetV2",
        "MobileNetV3Small",
        "MobileNetV3Large",
        "EfficientNetB0",
        "EfficientNetV2B0",
        "ConvNeXtTiny",
        "DenseNet121",
        "NASNetMobile",
        "ResNet50",
        "ResNet50V2",
        "InceptionV3",
        "InceptionResNetV2",
        "Xception",
        "VGG19",
    )
]


class KerasFacts(NamedTuple):
    """What Keras itself says of its networks."""

    families: dict[str, str]  # module that defines a network, by the network's name
    scaled: dict[str, list[float]]  # what a family's preprocessing makes of `PIXEL`
    built: dict[str, "Built"]


class Built(NamedTuple):
    """A network as `keras.applications` builds it, with its ImageNet head."""

    num_parameters: int
    image_size: tuple[int | None, int | None]
    requests: list[tuple[str, str, str | None]]  # weight files that were asked for: name, address, hash
    head: list[str]  # kinds of the last two layers that are more than a change of shape


PIXEL = [10.0, 100.0, 240.0]
SHAPELESS = ("Activation", "Reshape", "Flatten", "Dropout")


def build(backbone: Backbone, requests: list[tuple[str, str, str | None]]) -> Built:
    """Ask Keras for a network with its weights, which are asked for and not loaded."""
    requests.clear()
    options: dict[str, Any] = {}
    if backbone.alpha is not None:
        options = {"alpha": backbone.alpha, "input_shape": backbone.input_shape}
    with without_weights():
        model = getattr(keras.applications, backbone.name.split("-")[0])(weights="imagenet", **options)
    kinds = [type(layer).__name__ for layer in model.layers]
    return Built(
        num_parameters=model.count_params(),
        image_size=model.input_shape[1:3],
        requests=list(requests),
        head=[kind for kind in kinds if kind not in SHAPELESS][-2:],
    )


@pytest.fixture(scope="module")
def keras_facts() -> KerasFacts:
    requests: list[tuple[str, str, str | None]] = []

    def record(fname: str, origin: str, cache_subdir: str, file_hash: str | None = None) -> str:
        requests.append((fname, origin, file_hash))
        return fname

    models = {name: value for name, value in vars(keras.applications).items() if name[0].isupper()}
    families = {name: inspect.unwrap(value).__module__.split(".")[-1] for name, value in models.items()}
    modules = {family: getattr(keras.applications, family) for family in families.values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_utils, "get_file", record)
        patch.setattr(keras.Model, "load_weights", lambda model, path: None)
        return KerasFacts(
            families=families,
            scaled={
                family: module.preprocess_input(np.array([[PIXEL]])).ravel().tolist()
                for family, module in modules.items()
            },
            built={backbone.name: build(backbone, requests) for backbone in BUILT},
        )


@pytest.fixture(scope="module")
def keras_sources() -> dict[str, ast.Module]:
    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "src" / "applications"
    return {path.stem: ast.parse(path.read_text()) for path in folder.glob("*.py")}


def name_of(backbone: Backbone) -> str:
    return backbone.name


def texts(source: ast.Module) -> list[str]:
    """Every text of a module as a regular expression; what is filled in at run time matches anything."""
    patterns = []
    for node in ast.walk(source):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values]
            patterns.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            patterns.append(re.sub(r"%[sd]", ".+", re.escape(node.value)))
    return [pattern for pattern in patterns if re.search("[a-z0-9]{2}", pattern)]


def with_top_hashes(source: ast.Module) -> dict[str, str]:
    """A part of the with-top file's name for each hash of a module; empty where a variable holds the name."""
    hashes = {}
    for node in ast.walk(source):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WEIGHTS_HASHES":
            hashes |= {pair[0]: key for key, pair in ast.literal_eval(node.value).items()}
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "file_utils.get_file":
            file_hash = {keyword.arg: keyword.value for keyword in node.keywords}.get("file_hash")
            if isinstance(file_hash, ast.Constant):
                file_name = node.args[0]
                hashes[file_hash.value] = file_name.value if isinstance(file_name, ast.Constant) else ""
    return hashes


def test_the_names_are_those_of_keras_and_three_efficientnet_lites(keras_facts: KerasFacts):
    """Every model of keras.applications is in the catalogue under its own name, and nothing is missing."""
    lites = {"EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"}
    assert {backbone.name for backbone in catalog.BACKBONES} == set(keras_facts.families) | lites
    assert [backbone.name for backbone in catalog.VARIANTS] == ["MobileNet-0.75-192"]
    assert [backbone.name for backbone in catalog.FEATURES_ONLY] == ["DINOv2Small"]
    groups = (catalog.BACKBONES, catalog.SIDE_BY_SIDE, catalog.VARIANTS, catalog.FEATURES_ONLY)
    assert set(all_backbones()) == {backbone for group in groups for backbone in group}
    assert [backbone.is_bundled for backbone in all_backbones()] == [True] * 4 + [False] * (len(all_backbones()) - 4)
    assert len(all_backbones()) == len(set(all_backbones()))


def test_the_family_is_the_module_that_defines_the_model(keras_facts: KerasFacts):
    """The preprocessing that Keras documents for a model is found under the record's family."""
    recorded = {backbone.name: backbone.family for backbone in catalog.BACKBONES if not backbone.is_efficientnet_lite}
    assert recorded == keras_facts.families


def test_preprocessing_is_that_of_keras(keras_facts: KerasFacts):
    """The named preprocessing gives the numbers of the family's own preprocess_input."""
    red, green, blue = PIXEL
    expected = {
        "none": [red, green, blue],
        "tf": [value / 127.5 - 1 for value in (red, green, blue)],
        "torch": [(red / 255 - 0.485) / 0.229, (green / 255 - 0.456) / 0.224, (blue / 255 - 0.406) / 0.225],
        "caffe": [blue - 103.939, green - 116.779, red - 123.68],
    }
    for backbone in FROM_KERAS:
        assert keras_facts.scaled[backbone.family] == pytest.approx(expected[backbone.preprocessing], abs=1e-4)


@pytest.mark.parametrize("backbone", BUILT, ids=name_of)
def test_a_built_model_agrees_with_its_record(backbone: Backbone, keras_facts: KerasFacts):
    """Parameters, image size and the one weight file Keras asks for are those of the catalogue."""
    built = keras_facts.built[backbone.name]
    file_hash = backbone.weights_hash and backbone.weights_hash.split(":")[1]
    assert built.num_parameters == backbone.num_parameters
    assert built.requests == [(backbone.weights_file, backbone.weights_url, file_hash)]
    # MobileNetV3 leaves its size open unless it is given one; 224 is in the name of its weight file.
    assert built.image_size in (backbone.image_size, (None, None))
    assert built.image_size != (None, None) or backbone.family == "mobilenet_v3"


@pytest.mark.parametrize("backbone", BUILT, ids=name_of)
def test_a_linear_head_is_one_layer_on_averaged_features(backbone: Backbone, keras_facts: KerasFacts):
    """Exactly the networks marked so end in average pooling and one dense layer or 1x1 convolution."""
    pooling, classifier = keras_facts.built[backbone.name].head
    assert classifier in ("Dense", "Conv2D")
    assert (pooling == "GlobalAveragePooling2D") is backbone.has_linear_head


@pytest.mark.parametrize("backbone", FROM_KERAS, ids=name_of)
def test_file_address_and_hash_stand_in_the_source_of_keras(backbone: Backbone, keras_sources: dict[str, ast.Module]):
    """Keras' own source spells this file name and address, and pairs the file with this hash."""
    # ResNet V2 is built and loaded by the code of ResNet.
    modules = ["resnet_v2", "resnet"] if backbone.family == "resnet_v2" else [backbone.family]
    source = ast.Module([node for module in modules for node in keras_sources[module].body], type_ignores=[])
    assert backbone.weights_url is not None
    patterns = texts(source)
    folder, address_name = backbone.weights_url.rsplit("/", 1)
    for file_name in (backbone.weights_file, address_name):
        candidates = (file_name, file_name.removesuffix(".h5"), f"{folder}/{file_name}")
        assert any(re.fullmatch(pattern, text) for pattern in patterns for text in candidates), file_name
    assert any(re.match(pattern, backbone.weights_url) for pattern in patterns if pattern.startswith("https"))
    hashes = with_top_hashes(source)
    if backbone.weights_hash is None:
        assert not hashes
    else:
        assert hashes[backbone.weights_hash.split(":")[1]] in backbone.weights_file


@pytest.mark.parametrize("backbone", FROM_PACKAGES, ids=name_of)
def test_an_installed_package_carries_the_recorded_file(backbone: Backbone):
    """File name, size, SHA-256 and number of parameters are those of the file on this machine."""
    assert backbone.package is not None
    assert backbone.weights_hash is not None
    spec = importlib.util.find_spec(backbone.package)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "models" / backbone.weights_file
    content = path.read_bytes()
    tensors = read_state_dict(path)
    counted = [tensor.size for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == backbone.weights_hash
    assert len(content) / 1e6 == backbone.weights_megabytes
    assert sum(counted) == backbone.num_parameters


@pytest.mark.parametrize("backbone", SINGLE, ids=name_of)
def test_every_record_is_plausible(backbone: Backbone):
    """Sizes, accuracy, year, licence, address and hash lie where those of image networks lie."""
    height, width = backbone.image_size
    assert backbone.input_shape == (height, width, 3)
    assert height == width
    assert 192 <= height <= 600
    assert 2e6 < backbone.num_parameters < 4e8
    assert backbone.weights_megabytes == pytest.approx(backbone.num_parameters * 4 / 1e6, rel=0.01)
    assert backbone.imagenet_top1 is not None
    assert 65 < backbone.imagenet_top1 < 87
    assert backbone.licence in {"Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0"}
    assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}", backbone.paper_url)
    assert backbone.is_bundled is (backbone.weights_url is None) is (backbone.package is not None)
    assert backbone.is_efficientnet_lite is backbone.name.startswith("EfficientNetLite")
    assert backbone.is_efficientnet_lite is (backbone.preprocessing == "lite")
    if backbone.weights_hash is not None:
        assert re.fullmatch("md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", backbone.weights_hash)


def test_the_year_is_that_of_the_paper():
    """A network's year is that of its paper on arXiv; EfficientNet-Lite came out a year after its paper."""
    years = {backbone.name: 2000 + int(backbone.paper_url.split("/")[-1][:2]) for backbone in SINGLE}
    later = {backbone.name for backbone in SINGLE if backbone.year != years[backbone.name]}
    assert later == {"EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"}
    assert {find_backbone(name).year for name in later} == {2020}


def test_no_two_records_share_what_tells_them_apart():
    """Names and titles lead to one record each, and no two records have the same file or hash."""
    forms = [{re.sub("[-_ ]", "", text).lower() for text in (entry.name, entry.title)} for entry in all_backbones()]
    hashes = [entry.weights_hash for entry in all_backbones() if entry.weights_hash is not None]
    files = [entry.weights_file for entry in all_backbones()]
    assert sum(len(names) for names in forms) == len(set().union(*forms))
    assert len(set(hashes)) == len(hashes)
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("backbone", catalog.SIDE_BY_SIDE, ids=name_of)
def test_networks_side_by_side_are_the_sum_of_those_in_them(backbone: Backbone):
    """Parameters and megabytes are those of the members; these take the same pixels, have linear heads and one licence,
    and a network alone is its only member."""
    members = members_of(backbone)
    assert [member.name for member in members] == list(backbone.members)
    assert backbone.num_parameters == sum(member.num_parameters for member in members)
    assert backbone.weights_megabytes == pytest.approx(sum(member.weights_megabytes for member in members))
    assert {(each.image_size, each.preprocessing, each.licence) for each in members} == {
        (backbone.image_size, backbone.preprocessing, backbone.licence)
    }
    assert all(member.has_linear_head and member.is_bundled for member in members)
    assert members_of(members[0]) == (members[0],)
    # Prepared networks are known by the text of their records, which stays as it was before there were these.
    for late in ("members", "has_classes", "remark", "limits"):
        assert f"{late}=" not in repr(backbone)


@pytest.mark.parametrize("backbone", all_backbones(), ids=name_of)
def test_what_a_network_cannot_do_is_said(backbone: Backbone):
    """Sentences that end; a network without classes, or whose own heat maps are measured, says so."""
    assert all(limit[0].isupper() and limit.endswith(".") for limit in backbone.limits)
    said = " ".join(backbone.limits)
    assert ("names nothing by itself" in said) is not backbone.has_classes
    assert ("heat maps are measured" in said) is (backbone.has_classes and not backbone.has_linear_head)


@pytest.mark.parametrize("backbone", all_backbones(), ids=name_of)
def test_a_network_is_found_by_its_name_and_its_title(backbone: Backbone):
    """The key of the catalogue and the name for people lead to the same record."""
    assert find_backbone(backbone.name) is backbone
    assert find_backbone(backbone.title) is backbone


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("efficientnet-lite0", "EfficientNetLite0"),
        ("EFFICIENTNET_LITE_0", "EfficientNetLite0"),
        ("mobilenet v2", "MobileNetV2"),
        ("resnet-50", "ResNet50"),
        ("resnet 50 v2", "ResNet50V2"),
        ("mobilenet 0.75 192", "MobileNet-0.75-192"),
    ],
)
def test_capitals_hyphens_underscores_and_spaces_do_not_matter(text: str, name: str):
    """People write a network's name in many ways, and each of them finds it."""
    assert find_backbone(text).name == name


def test_an_unknown_name_lists_the_nearest():
    """A misspelt name is repeated, and the message lists what was probably meant and how much there is."""
    with pytest.raises(UnknownBackboneError) as caught:
        find_backbone("EfficientNet-Light0")
    message = str(caught.value)
    assert "'EfficientNet-Light0'" in message
    assert "nearest names are EfficientNetLite0, " in message
    assert sum(backbone.name in re.findall(r"[\w.-]*\w", message) for backbone in all_backbones()) == 5
    assert f"{len(all_backbones())} networks" in message


@pytest.mark.parametrize("text", ["", "--", "zzzzzz", "../../etc/passwd"])
def test_a_name_that_is_near_nothing_is_refused_without_suggestions(text: str):
    """Nonsense finds no network, and no network is suggested in its place."""
    with pytest.raises(UnknownBackboneError, match="No name is near it"):
        find_backbone(text)
