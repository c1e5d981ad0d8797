"""TensorFlow Hub modules as Keras layers."""

import hashlib
import shutil
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.config import HeadConfig
from core.errors import BackboneError, ConfigError, WeightsDamagedError, WeightsMissingError
from core.networks.hub import AllowedRedirects, HubFeatureVector, load_hub_backbone, resolve_hub_module
from core.networks.network import BackboneNetwork, split_at, wrap_hub_layer
from core.settings import Settings
from core.training.heads import assemble, build_head, build_trainable

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; every save of a variable warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

TWO_CLASSES = HeadConfig(dropout=0.0)


class TinyModule(tf.Module):
    """A module of TensorFlow Hub in small: a scale that trains and a shift that does not."""

    def __init__(self, side: int | None = 8, rank: int = 2) -> None:
        super().__init__()
        # Not in the order "trainable ones first": the layer must keep the module's own.
        self.a_shift = tf.Variable([0.5, 1.0, 2.0], trainable=False)
        self.b_scale = tf.Variable([1.0, 2.0, 3.0])
        self.rank = rank
        # Traced once, as published modules are.
        self.__call__.get_concrete_function(tf.TensorSpec((None, side, side, 3)))

    @tf.function
    def __call__(self, pixels: tf.Tensor) -> tf.Tensor:
        axes = (1, 2) if self.rank == 2 else ()
        return tf.reduce_mean(pixels, axis=axes) * self.b_scale + self.a_shift


class Plain(tf.Module):
    """A SavedModel that is no module of TensorFlow Hub."""

    @tf.function(input_signature=[tf.TensorSpec((None, 4))])
    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        return values


@pytest.fixture
def tiny_dir(tmp_path: Path) -> Path:
    tf.saved_model.save(TinyModule(), tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture(scope="module")
def mobilenet_dir(shared_dir: Path) -> Path:
    return shared_dir / "weights" / "tfhub" / "mobilenet_v2_feature_vector"


def pixels_for(network: BackboneNetwork, count: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (count, *network.image_size, 3)).astype(np.float32)


def test_a_real_module_gives_its_features(mobilenet_dir: Path):
    """Size and width are read from the module; pixels 0-255 are scaled to the 0-1 it wants."""
    layer = load_hub_backbone(mobilenet_dir)
    assert (layer.image_size, layer.num_features) == ((224, 224), 1280)
    assert (len(layer.trainable_weights), len(layer.weights)) == (156, 260)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    expected = tf.saved_model.load(str(mobilenet_dir))(pixels / 255, training=False).numpy()
    assert expected.std() > 0.1
    assert np.array_equal(layer(pixels).numpy(), expected)


def test_a_real_module_trains_and_is_saved_with_its_weights(mobilenet_dir: Path, tmp_path: Path):
    """After two steps its variables have changed, statistics have not, and a reloaded file answers the same without
    the folder."""
    folder = shutil.copytree(mobilenet_dir, tmp_path / "module")
    network = wrap_hub_layer(load_hub_backbone(folder))
    layer = network.layers[1]
    before = {weight.name: weight.numpy() for weight in layer.weights}
    split = split_at(network, 0)
    head = build_head(TWO_CLASSES, network.num_features, 2, seed=0)
    model = build_trainable(split, head)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    pixels = pixels_for(network, 4)
    model.fit(split.lower.predict(pixels, verbose=0), np.array([0, 1, 0, 1]), batch_size=2, verbose=0)
    trained = {weight.name for weight in layer.trainable_weights}
    changed = {weight.name for weight in layer.weights if not np.array_equal(before[weight.name], weight.numpy())}
    assert changed <= trained
    assert len(changed) > 150
    whole = assemble(network, head)
    expected = whole.predict(pixels, verbose=0)
    whole.save(tmp_path / "whole.keras")
    shutil.rmtree(folder)
    reloaded = keras.models.load_model(tmp_path / "whole.keras", safe_mode=False)
    assert np.array_equal(reloaded.predict(pixels, verbose=0), expected)
    # The program is in the file once, the weights once.
    assert (tmp_path / "whole.keras").stat().st_size < 14e6


def test_a_reloaded_module_can_be_trained_and_saved_again(tiny_dir: Path, tmp_path: Path):
    """Saving, loading and saving again keeps weights, order, and what trains."""
    network = wrap_hub_layer(load_hub_backbone(tiny_dir))
    whole = assemble(network, build_head(TWO_CLASSES, 3, 2, seed=0))
    pixels = pixels_for(network)
    for generation in ("first", "second"):
        path = tmp_path / f"{generation}.keras"
        expected = whole.predict(pixels, verbose=0)
        whole.save(path)
        whole = keras.models.load_model(path, safe_mode=False)
        assert np.array_equal(whole.predict(pixels, verbose=0), expected)
        whole.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        whole.fit(pixels, np.array([0, 1]), verbose=0)
        assert np.abs(whole.predict(pixels, verbose=0) - expected).max() > 0
    layer = next(layer for layer in whole.layers if isinstance(layer, HubFeatureVector))
    (shift,) = layer.non_trainable_weights
    assert shift.numpy().tolist() == [0.5, 1.0, 2.0]


def test_keras_safe_mode_does_not_run_the_program(tiny_dir: Path, tmp_path: Path):
    """A file with a module is a program; Keras' default refuses it and says how to agree."""
    network = wrap_hub_layer(load_hub_backbone(tiny_dir))
    assemble(network, build_head(TWO_CLASSES, 3, 2, seed=0)).save(tmp_path / "whole.keras")
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.models.load_model(tmp_path / "whole.keras")


def test_a_module_has_two_layers_to_cut_at(tiny_dir: Path):
    """It trains as a whole or not at all; either way both parts make the whole."""
    network = wrap_hub_layer(load_hub_backbone(tiny_dir))
    pixels = pixels_for(network)
    features, feature_map = network.model.predict(pixels, verbose=0)
    assert feature_map.shape == (2, 1, 1, 3)
    for first_layer, boundary, num_trained in ((0, 0, 1), (1, 1, 1), (2, 2, 0), (100, 2, 0)):
        split = split_at(network, first_layer)
        assert (split.boundary, len(split.upper.trainable_weights)) == (boundary, num_trained)
        parts = split.upper.predict(split.lower.predict(pixels, verbose=0), verbose=0)
        assert np.array_equal(parts[0], features)
        assert np.array_equal(parts[1], feature_map)


def test_a_module_for_any_size_takes_the_size_it_is_given(tmp_path: Path):
    """Without a size of its own one must be given; a module with its own takes no other."""
    tf.saved_model.save(TinyModule(side=None), tmp_path / "any")
    layer = load_hub_backbone(tmp_path / "any")
    assert layer.image_size is None
    assert wrap_hub_layer(layer, (12, 16)).image_size == (12, 16)
    with pytest.raises(BackboneError, match="takes any size"):
        wrap_hub_layer(layer)


def test_a_module_of_another_size_is_refused(tiny_dir: Path):
    """The error tells both sizes."""
    with pytest.raises(BackboneError, match="16×16 pixels; this Hub module takes 8×8 pixels"):
        wrap_hub_layer(load_hub_backbone(tiny_dir), (16, 16))


def test_a_handle_in_the_cache_needs_no_network(
    tiny_dir: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """TensorFlow Hub finds what it downloaded before."""
    handle = "https://tfhub.dev/google/tiny/feature_vector/1"
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    # Source: `resolver.create_local_module_dir` of tensorflow_hub 0.16
    shutil.copytree(tiny_dir, tmp_path / "hub" / hashlib.sha1(handle.encode()).hexdigest())
    assert load_hub_backbone(resolve_hub_module(f"hub:{handle}", settings)).num_features == 3


def test_a_handle_without_a_network_is_told(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """The error names the handle and the way out."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(WeightsMissingError, match=r"cannot be downloaded.*give its folder"):
        resolve_hub_module("hub:https://tfhub.dev/google/tiny/feature_vector/1", settings)


@pytest.mark.parametrize("handle", ["http://tfhub.dev/x", "https://tfhub.dev/stranger/x", "gs://bucket/x", "file:///x"])
def test_other_addresses_are_refused_before_they_are_asked(settings: Settings, handle: str):
    """A module is a program: the worker itself fetches it from nowhere but where it may."""
    with pytest.raises(ConfigError, match="no address from which"):
        resolve_hub_module(f"hub:{handle}", settings)


def test_a_redirect_that_is_not_allowed_is_not_followed(settings: Settings):
    """The download ends with the address, and the server there is never asked."""
    asked = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"{url}/program")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever).start()
        try:
            with pytest.raises(PermissionError, match="no module may be loaded"):
                urllib.request.build_opener(AllowedRedirects(settings)).open(f"{url}/module")
        finally:
            server.shutdown()
    assert asked == ["/module"]


def test_a_missing_folder_is_told(settings: Settings):
    """Neither a folder nor a handle."""
    with pytest.raises(WeightsMissingError, match="There is no folder"):
        resolve_hub_module("hub:nothing", settings)


@pytest.mark.parametrize("damage", ["empty folder", "no variables", "rubbish"])
def test_a_folder_that_is_no_saved_model_is_refused(tiny_dir: Path, damage: str):
    """Whatever is missing, the folder is named."""
    match damage:
        case "empty folder":
            shutil.rmtree(tiny_dir)
            tiny_dir.mkdir()
        case "no variables":
            shutil.rmtree(tiny_dir / "variables")
        case "rubbish":
            (tiny_dir / "saved_model.pb").write_bytes(b"rubbish")
    with pytest.raises(WeightsDamagedError, match="holds no SavedModel that can be read"):
        load_hub_backbone(tiny_dir)


def test_a_saved_model_that_takes_no_photos_is_refused(tmp_path: Path):
    """Text and number modules are no backbones."""
    tf.saved_model.save(Plain(), tmp_path / "plain")
    with pytest.raises(BackboneError, match="takes no photos"):
        load_hub_backbone(tmp_path / "plain")


def test_a_module_that_gives_images_is_refused(tmp_path: Path):
    """What comes out must be one row of features per photo."""
    tf.saved_model.save(TinyModule(rank=4), tmp_path / "images")
    with pytest.raises(BackboneError, match=r"no feature vector.*shape \(1, 8, 8, 3\)"):
        load_hub_backbone(tmp_path / "images")


def test_a_saved_model_with_signatures_only_is_refused(tmp_path: Path):
    """Modules in the TF1 format cannot be called, so cannot be trained."""
    module = tf.Module()
    module.variable = tf.Variable(1.0)
    run = tf.function(lambda pixels: {"default": tf.reduce_mean(pixels, axis=(1, 2)) * module.variable})
    signature = run.get_concrete_function(tf.TensorSpec((None, 8, 8, 3)))
    tf.saved_model.save(module, tmp_path / "old", signatures={"default": signature})
    with pytest.raises(BackboneError, match="TF1 format"):
        load_hub_backbone(tmp_path / "old")


def test_a_copy_without_its_module_says_so(tiny_dir: Path):
    """A layer made from its config alone cannot compute."""
    layer = HubFeatureVector.from_config(load_hub_backbone(tiny_dir).get_config())
    with pytest.raises(BackboneError, match="without its module"):
        layer(np.zeros((1, 8, 8, 3), np.float32))
