"""Preparing a backbone, and trusting what was prepared."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from core.backbones import artefacts
from core.backbones.artefacts import artefact_fingerprint, find_artefact, load_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.weights import find_published_weights, find_weights
from core.errors import (
    ArtefactDamagedError,
    ArtefactMissingError,
    NoSpaceError,
    ParityError,
    TaskCancelledError,
)
from core.inference.classifier_cache import ClassifierCache
from core.litert.engine import LiteRTModel
from core.networks import parity
from core.networks.convert import convert_to_litert
from core.networks.parity import MAX_PROBABILITY_DIFFERENCE, compare
from core.networks.prepare import prepare_backbone
from core.networks.prepare_hub import prepare_hub_module
from core.services import Services, open_services
from core.settings import Settings
from tests.conftest import PREPARE_TIMEOUT_SECONDS
from tests.waiting import wait_until


@pytest.fixture
def own_settings(settings: Settings, prepared_cache: Path) -> Settings:
    """Settings with a copy of the prepared cache, which the test may damage."""
    shutil.copytree(prepared_cache / "backbones", settings.cache_path / "backbones")
    return settings


@pytest.fixture
def prepared_services(prepared_settings: Settings) -> Iterator[Services]:
    """Running services that have nothing to prepare."""
    opened = open_services(prepared_settings)
    yield opened
    opened.close()


def prepare_here(backbone: Backbone, settings: Settings) -> artefacts.ArtefactRecord:
    return prepare_backbone(backbone, settings, report=lambda *_: None, check_cancelled=lambda: None)


def test_the_worker_prepares_an_artefact_that_agrees_with_keras(prepared_settings: Settings, lite0: Backbone):
    """The record tells size, shape, speed and a difference far below what is accepted."""
    record = load_artefact(lite0, prepared_settings).record
    assert record.largest_probability_difference is not None
    assert record.largest_probability_difference <= MAX_PROBABILITY_DIFFERENCE / 10
    assert record.feature_map_shape == (7, 7, 1280)
    assert (record.image_size, record.fit_mode, record.crop_fraction) == ((224, 224), "crop", 0.875)
    assert record.litert_milliseconds > 0
    assert sorted(record.file_sha256) == ["classifier.npz", "layers.json", "model.tflite"]


def test_the_classifier_beside_the_model_is_its_own(prepared_settings: Settings, lite0: Backbone):
    """Features times kernel plus bias, through a softmax, are the model's probabilities."""
    artefact = load_artefact(lite0, prepared_settings)
    kernel, bias = artefact.read_classifier()
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    outputs = LiteRTModel(artefact.model_path.read_bytes(), num_threads=1).run(pixels)
    powers = np.exp(outputs.features @ kernel + bias)
    np.testing.assert_allclose(powers / powers.sum(), outputs.probabilities, rtol=1e-3, atol=1e-6)


def test_a_backbone_that_was_never_prepared_is_missing(settings: Settings, lite0: Backbone):
    """Finding says no without an error; loading says what to do."""
    assert find_artefact(lite0, settings) is None
    with pytest.raises(ArtefactMissingError, match="not been prepared"):
        load_artefact(lite0, settings)


@pytest.mark.parametrize("damage", ["cut in half", "one byte changed", "deleted", "empty"])
@pytest.mark.parametrize("file_name", ["model.tflite", "classifier.npz"])
def test_a_damaged_artefact_is_noticed(own_settings: Settings, lite0: Backbone, damage: str, file_name: str):
    """Whatever happens to a file of the artefact, loading it says so."""
    path = load_artefact(lite0, own_settings).folder / file_name
    content = path.read_bytes()
    match damage:
        case "cut in half":
            path.write_bytes(content[: len(content) // 2])
        case "one byte changed":
            path.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
        case "deleted":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
    with pytest.raises(ArtefactDamagedError, match="Prepare EfficientNet-Lite0 again"):
        load_artefact(lite0, own_settings)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"backbone": "EfficientNetLite0"}'])
def test_a_damaged_record_counts_as_not_prepared(own_settings: Settings, lite0: Backbone, content: str):
    """Without its record the artefact is not used, and does not stop the page."""
    (load_artefact(lite0, own_settings).folder / "artefact.json").write_text(content)
    assert find_artefact(lite0, own_settings) is None


def test_preparing_again_replaces_a_damaged_artefact(own_settings: Settings, lite0: Backbone):
    """A file cut in half is built again and answers again."""
    model_path = load_artefact(lite0, own_settings).model_path
    whole = model_path.read_bytes()
    model_path.write_bytes(whole[: len(whole) // 2])
    prepare_here(lite0, own_settings)
    LiteRTModel(load_artefact(lite0, own_settings).model_path.read_bytes(), num_threads=1)


def test_preparing_twice_does_the_work_once(own_settings: Settings, lite0: Backbone):
    """A whole artefact is kept as it is."""
    before = load_artefact(lite0, own_settings).model_path.stat()
    record = prepare_here(lite0, own_settings)
    after = load_artefact(lite0, own_settings).model_path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert record == load_artefact(lite0, own_settings).record


@pytest.fixture
def answering(settings: Settings, lite0: Backbone) -> Settings:
    """A network whose preparation was stopped once it answered, before it was compared with Keras."""

    def stop_before_comparison() -> None:
        if find_artefact(lite0, settings) is not None:
            raise TaskCancelledError("stopped")

    with pytest.raises(TaskCancelledError):
        prepare_backbone(lite0, settings, report=lambda *_: None, check_cancelled=stop_before_comparison)
    return settings


def test_a_bundled_network_answers_before_it_is_compared_with_keras(answering: Settings, lite0: Backbone):
    """Nobody's first photo waits for TensorFlow; that nothing was compared yet is noted, and made up for."""
    classifiers = ClassifierCache(answering)
    classifier = classifiers.get(lite0)
    assert isinstance(classifier.record, artefacts.ArtefactRecord)
    assert classifier.record.largest_probability_difference is None
    assert not artefacts.is_prepared(lite0, answering)
    record = prepare_here(lite0, answering)
    assert record.largest_probability_difference is not None
    assert artefacts.is_prepared(lite0, answering)
    assert classifiers.get(lite0).record == record
    assert classifiers.get(lite0) is not classifier


def test_what_answers_otherwise_than_keras_is_thrown_away(
    answering: Settings, lite0: Backbone, monkeypatch: pytest.MonkeyPatch
):
    """A network that has answered already does so no more, and the reason is told."""
    classifiers = ClassifierCache(answering)
    classifiers.get(lite0)
    monkeypatch.setattr(parity, "MAX_PROBABILITY_DIFFERENCE", 0.0)
    with pytest.raises(ParityError, match="thrown away"):
        prepare_here(lite0, answering)
    with pytest.raises(ArtefactMissingError):
        classifiers.get(lite0)


def test_keras_weights_are_prepared_and_older_artefacts_removed(
    shared_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """MobileNet from Keras' cache becomes an artefact; what it replaces goes away, and the weight file is untouched."""
    monkeypatch.setenv("KERAS_HOME", str(shared_dir / "weights" / "keras"))
    backbone = find_backbone("MobileNet-0.75-192")
    weights_path = find_weights(backbone, settings)
    assert weights_path is not None
    before = weights_path.stat()
    folder = settings.cache_path / "backbones"
    old, longer_name = folder / f"{backbone.name}-00", folder / f"{backbone.name}-int8-00"
    for made in (old, longer_name):
        made.mkdir(parents=True)
    record = prepare_here(backbone, settings)
    assert record.image_size == (192, 192)
    assert load_artefact(backbone, settings).record == record
    assert not old.exists()
    assert longer_name.exists()
    assert (weights_path.stat().st_mtime_ns, weights_path.stat().st_size) == (
        before.st_mtime_ns,
        before.st_size,
    )


def test_the_fingerprint_follows_weights_and_code(lite0: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Other weights, versions or code lead to another artefact."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    fingerprints = {artefact_fingerprint(lite0, first), artefact_fingerprint(lite0, second)}
    artefacts.preparing_version.cache_clear()
    monkeypatch.setattr(artefacts.importlib.metadata, "version", lambda package: f"{package} 0")
    fingerprints.add(artefact_fingerprint(lite0, first))
    artefacts.preparing_version.cache_clear()
    monkeypatch.setattr(artefacts, "PREPARING_VERSION", artefacts.PREPARING_VERSION + 1)
    fingerprints.add(artefact_fingerprint(lite0, first))
    artefacts.preparing_version.cache_clear()
    assert len(fingerprints) == 4


def test_what_was_prepared_before_versions_had_numbers_is_still_found(
    shared_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The fingerprint of a network that was prepared when the digest covered the text of the code is the same today."""
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"}
    monkeypatch.setenv("KERAS_HOME", str(shared_dir / "weights" / "keras"))
    monkeypatch.setattr(artefacts, "PREPARING_VERSION", 1)
    monkeypatch.setattr(artefacts.importlib.metadata, "version", versions.__getitem__)
    artefacts.preparing_version.cache_clear()
    try:
        backbone = find_backbone("MobileNet-0.75-192")
        weights_path = find_published_weights(backbone, settings)
        assert weights_path is not None
        assert artefact_fingerprint(backbone, weights_path) == "599011f3d5fa879d"
    finally:
        artefacts.preparing_version.cache_clear()


def test_a_worker_of_another_version_refuses(prepared_services: Services, lite0: Backbone):
    """After an update, an old worker must not prepare what the new page would never find, again and again."""
    payload = {"backbone": lite0.name, "preparing_version": "older"}
    task_id = prepared_services.queue.submit("prepare_backbone", payload)
    wait_until(lambda: not prepared_services.queue.get(task_id).is_active, PREPARE_TIMEOUT_SECONDS)
    assert "different versions" in (prepared_services.queue.get(task_id).error or "")


def test_a_cancelled_preparation_leaves_nothing(shared_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Stopped in the middle, no half-made artefact is left to be found."""
    monkeypatch.setenv("KERAS_HOME", str(shared_dir / "weights" / "keras"))
    num_checks = 0

    def cancel_later() -> None:
        nonlocal num_checks
        num_checks += 1
        if num_checks == 3:
            raise TaskCancelledError("stop")

    with pytest.raises(TaskCancelledError):
        prepare_backbone(
            find_backbone("MobileNet-0.75-192"), settings, report=lambda *_: None, check_cancelled=cancel_later
        )
    assert list((settings.cache_path / "backbones").iterdir()) == []


def test_a_full_disk_is_noticed_before_the_work(settings: Settings, lite0: Backbone):
    """The message says how much room is missing, and where."""
    enormous = replace(lite0, weights_megabytes=1e12)
    with pytest.raises(NoSpaceError, match="are needed"):
        prepare_here(enormous, settings)


def test_a_conversion_that_answers_differently_is_refused(tmp_path: Path):
    """A converted file of other weights does not pass for the model, nor does one that answers NaN."""

    def tiny(bias: float) -> keras.Model:
        pixels = keras.Input((8, 8, 3))
        features = keras.layers.GlobalAveragePooling2D()(pixels)
        dense = keras.layers.Dense(
            3, "softmax", kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(bias)
        )
        first = keras.layers.Dense(3, kernel_initializer="identity", trainable=False)
        return keras.Model(pixels, [dense(first(features)) * (1 + bias), features, pixels])

    path = tmp_path / "model.tflite"
    convert_to_litert(tiny(0.0), path)
    converted = LiteRTModel(path.read_bytes(), num_threads=1)
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    assert compare(tiny(0.0), converted, pixels) <= MAX_PROBABILITY_DIFFERENCE
    for bias in (0.01, float("nan")):
        with pytest.raises(ParityError, match="was thrown away"):
            compare(tiny(bias), converted, pixels)


def test_other_sizes_and_layers_are_kept_side_by_side(prepared_settings: Settings, lite0: Backbone):
    """A network for photos of another size leaves the first one alone, and both know their layers."""
    settings = prepared_settings
    small = replace(lite0, image_size=(96, 96))
    record = prepare_backbone(small, settings, report=lambda *_: None, check_cancelled=lambda: None)
    assert record.image_size == (96, 96)
    rows, small_rows = (load_artefact(backbone, settings).read_layers() for backbone in (lite0, small))
    assert [row.name for row in rows] == [row.name for row in small_rows]
    assert sum(row.multiply_adds for row in rows) > 4 * sum(row.multiply_adds for row in small_rows)


def test_a_hub_module_is_prepared(settings: Settings, shared_dir: Path):
    """A module of TensorFlow Hub gets an artefact with features and no classes, found again the second time."""
    folder = shared_dir / "weights" / "tfhub" / "mobilenet_v2_feature_vector"
    settings = replace(settings, hub_dirs=(str(folder.parent),))
    made = [
        prepare_hub_module(f"hub:{folder}", None, settings, report=lambda *_: None, check_cancelled=lambda: None)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].record.image_size == (224, 224)
    assert len(made[0].read_layers()) == 2
    outputs = LiteRTModel(made[0].model_path.read_bytes(), num_threads=1).run(np.zeros((224, 224, 3), np.uint8))
    assert outputs.features.shape == (1280,)
    assert outputs.probabilities.shape == (0,)
