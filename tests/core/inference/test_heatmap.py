"""Heat maps."""

import numpy as np
import pytest
from PIL import Image

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.inference.classifier import Classifier
from core.inference.heatmap import class_activation_map, evidence, occlusion_map, overlay
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings


def test_the_map_is_exact(classifier: Classifier, prepared_settings: Settings, lite0: Backbone):
    """The mean of the evidence over all places plus the bias is the class' logit, for any class."""
    artefact = load_artefact(lite0, prepared_settings)
    photo = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
    outputs = classifier.answer(classifier.square(photo, "cat"))
    kernel, bias = artefact.read_classifier()
    logits = outputs.features @ kernel + bias
    for index in (0, 281, 282, 999):
        places = evidence(outputs.feature_map, kernel[:, index])
        assert places.mean() + bias[index] == pytest.approx(logits[index], abs=1e-3)


def test_the_map_is_between_zero_and_one():
    """Evidence against the class is clipped, the strongest evidence for it is 1."""
    feature_map = np.array([[[1.0, 0.0], [0.0, 1.0]]], np.float32)
    np.testing.assert_array_equal(class_activation_map(feature_map, np.array([2.0, -1.0], np.float32)), [[1, 0]])


def test_what_is_the_same_everywhere_is_left_out():
    """A channel that tells of the whole photo, however strong, warms no place."""
    feature_map = np.array([[[1.0, 9.0], [3.0, 9.0]]], np.float32)
    np.testing.assert_allclose(class_activation_map(feature_map, np.array([1.0, 5.0], np.float32)), [[1 / 3, 1]])
    np.testing.assert_allclose(class_activation_map(feature_map, np.array([1.0, -5.0], np.float32)), [[1 / 3, 1]])


def test_a_class_without_evidence_gives_a_cold_map():
    """Nothing speaks for the class: no place is warm, and nothing is divided by zero."""
    feature_map = np.ones((2, 2, 1), np.float32)
    assert not class_activation_map(feature_map, np.array([-1.0], np.float32)).any()


def test_occlusion_finds_the_part_that_matters():
    """A network that looks at one corner only is found out."""

    def answer(pixels: np.ndarray) -> np.ndarray:
        return np.array([pixels[:20, :20].mean() / 255, 0.5], np.float32)

    heat = occlusion_map(answer, np.full((140, 140, 3), 255, np.uint8), 0)
    assert heat[0, 0] == 1
    assert heat.sum() == 1


def test_the_overlay_keeps_size_and_cold_parts():
    """Where nothing is warm the photo stays as it is; where it is hot the photo changes."""
    square = Image.new("RGB", (70, 70), (10, 120, 30))
    heat = np.zeros((7, 7), np.float32)
    heat[0, 0] = 1
    shown = np.asarray(overlay(square, heat))
    assert shown.shape == (70, 70, 3)
    assert tuple(shown[69, 69]) == (10, 120, 30)
    assert tuple(shown[0, 0]) != (10, 120, 30)


def test_the_heat_of_a_cat_lies_on_the_cat(classifier: Classifier):
    """On a cat beside a black half, the black half stays cold."""
    cat = Image.open(sample_path(SAMPLE_PHOTOS[0])).convert("RGB").resize((112, 224))
    square = Image.new("RGB", (224, 224))
    square.paste(cat, (0, 0))
    heat = classifier.heat(square, 285)
    assert heat[:, :3].sum() > 3 * heat[:, 4:].sum()
