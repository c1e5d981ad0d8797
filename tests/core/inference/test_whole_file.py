"""Heads written behind the network that they stand on answer as they do here."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from core.errors import RunStateError
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import Head
from core.inference.temperature import calibrated
from core.inference.trained_model import find_trained_model
from core.inference.whole_file import can_be_written, write_whole
from core.litert.engine import LiteRTModel
from core.photos.fit import to_array
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.inference.model_samples import SAMPLES, own_record, record_for, write_model

NAMES = ("cat", "coffee", "rocket", "crow")


def head_of(*widths: int) -> Head:
    """A head whose probabilities are neither 0 nor 1."""
    chance = np.random.default_rng(widths)
    pairs = tuple(pairwise(widths))
    kernels = tuple(chance.normal(0, 2 / rows**0.5, (rows, columns)).astype(np.float32) for rows, columns in pairs)
    return Head(kernels, tuple(chance.normal(0, 0.5, columns).astype(np.float32) for _, columns in pairs))


@pytest.mark.parametrize(
    ("head", "averages_flips", "temperature"),
    [
        pytest.param(head_of(1280, 4), False, 1.0, id="linear"),
        pytest.param(head_of(1280, 24, 8, 3), False, 0.9, id="hidden layers, calibrated"),
        pytest.param(head_of(1280, 1), True, 1.7, id="one logit, mirror images, calibrated"),
    ],
)
def test_it_answers_as_the_app_does(
    head: Head, averages_flips: bool, temperature: float, prepared_settings: Settings, classifier: Classifier
):
    """Probabilities within 1e-5, features and feature map besides, and no classifier for ImageNet inside."""
    folder = RunFolder(prepared_settings, 1)
    record = record_for(classifier, NAMES[: head.num_classes], averages_flips=averages_flips)
    write_model(folder, record, head)
    model = find_trained_model(folder, prepared_settings)
    assert can_be_written(record, prepared_settings)
    content = write_whole(model, temperature=temperature)
    written, app = LiteRTModel(content, num_threads=1), ClassifierCache(prepared_settings).get_trained(1)
    for photo in SAMPLES:
        square = app.square(photo, "sample")
        said, expected = written.run(to_array(square)), app.answer(square)
        probabilities = calibrated(expected.probabilities, temperature)
        assert probabilities.max() < 0.999
        np.testing.assert_allclose(said.probabilities, probabilities, atol=1e-5)
        np.testing.assert_allclose(said.features, expected.features, atol=1e-4)
        np.testing.assert_allclose(said.feature_map, app.engine.run(to_array(square)).feature_map, atol=1e-4)
    assert len(content) < model.network_path.stat().st_size - 1000 * 1280 * 4 + head.num_bytes + 100_000


def test_what_is_no_head_on_a_prepared_network_is_left_to_converters(
    prepared_settings: Settings, classifier: Classifier
):
    """Fine-tuned networks, modules of TensorFlow Hub, networks that are not there; and a file that is whole already."""
    record = record_for(classifier, NAMES)
    for other in (
        own_record(),
        replace(record, backbone="hub:https://tfhub.dev/google/bit/s-r50x1/1"),
        replace(record, artefact="EfficientNetLite0-0123456789abcdef"),
    ):
        assert not can_be_written(other, prepared_settings)
    folder = RunFolder(prepared_settings, 1)
    write_model(folder, own_record(), None)
    folder.litert_path.write_bytes(b"a network")
    with pytest.raises(RunStateError, match="is one network with its head"):
        write_whole(find_trained_model(folder, prepared_settings))
