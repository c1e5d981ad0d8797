"""Temperatures that were planted are found again; reliability is scikit-learn's."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from core.evaluation.answers import Answers
from core.evaluation.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    calibration_error,
    fit_temperature,
    reliability,
)
from core.evaluation.metrics import measure
from core.inference.temperature import calibrated
from tests.core.evaluation.answer_samples import answers_of, random_answers

NOTHING = answers_of([], np.zeros((0, 3)))


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("num_classes", [2, 20])
def test_a_planted_temperature_is_found(planted: float, num_classes: int):
    """Probabilities that were sharpened by a temperature are mended by it, and are calibrated then."""
    answers = random_answers(num_photos=4000, num_classes=num_classes, temperature=planted)
    temperature = fit_temperature(answers)
    assert temperature == pytest.approx(planted, rel=0.08)
    assert calibration_error(answers, temperature) < 0.03


def test_the_temperature_is_where_the_log_loss_is_lowest():
    """No temperature around has a lower log loss; two photos' worth of leaning on 1 do not show among thousands."""
    answers = random_answers(num_photos=3000, num_classes=5, temperature=2.0)
    temperature = fit_temperature(answers)
    fitted = measure(answers, temperature=temperature).log_loss
    around = [measure(answers, temperature=temperature * factor).log_loss for factor in (0.97, 0.99, 1.01, 1.03)]
    assert fitted < min(around)


@pytest.mark.parametrize("seed", range(8))
def test_calibration_never_lowers_accuracy(seed: int):
    """No answer changes at any temperature, even between probabilities that differ by one step of float32."""
    generator = np.random.default_rng(seed)
    probabilities = random_answers(num_photos=200, num_classes=3, seed=seed).probabilities
    probabilities[::2, 1] = np.nextafter(probabilities[::2, 0], np.float32(1))
    probabilities[1::4] = 0
    probabilities[1::4, 2] = 1
    answers = answers_of(generator.integers(0, 3, 200).tolist(), probabilities)
    for temperature in (LOWEST_TEMPERATURE, 0.7, 1.0, fit_temperature(answers), HIGHEST_TEMPERATURE):
        changed = calibrated(answers.probabilities, temperature)
        assert changed.argmax(axis=1).tolist() == answers.predicted.tolist()
        assert np.allclose(changed.sum(axis=1), 1)
        assert 0 <= changed.min() <= changed.max() <= 1


@pytest.mark.parametrize("num_photos", [1, 3, 10, 200])
@pytest.mark.parametrize("is_right", [True, False], ids=["all right", "all wrong"])
@pytest.mark.parametrize("probability", [1.0, 0.6], ids=["certain", "unsure"])
def test_the_temperature_stays_within_its_bounds(num_photos: int, is_right: bool, probability: float):
    """Answers that are all right would make a model certain, all wrong ones a guess: neither goes to the end."""
    rest = (1 - probability) / 2
    answers = answers_of([0 if is_right else 1] * num_photos, [[probability, rest, rest]] * num_photos)
    temperature = fit_temperature(answers)
    assert LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE
    assert temperature <= 1 if is_right else temperature >= 1
    if is_right and num_photos == 1:
        assert temperature > 0.4


@pytest.mark.parametrize("num_photos", [5, 40, 300])
@pytest.mark.parametrize("planted", [0.4, 1.0, 4.0])
def test_the_fitted_photos_are_never_judged_worse(num_photos: int, planted: float):
    """On the photos that it was fitted on, the log loss is at most that without calibration."""
    answers = random_answers(num_photos=num_photos, num_classes=3, seed=num_photos, temperature=planted)
    after = measure(answers, temperature=fit_temperature(answers)).log_loss
    assert after <= measure(answers).log_loss + 1e-6


@pytest.mark.parametrize(
    "answers",
    [NOTHING, answers_of([0, 2, 1], np.full((3, 3), 1 / 3)), answers_of([0, 0], [[1.0], [1.0]])],
    ids=["no photos", "no difference between classes", "one class"],
)
def test_the_temperature_is_1_where_nothing_calls_for_another(answers: Answers):
    """Without photos, differences or classes to choose from, probabilities stay as they are."""
    assert fit_temperature(answers) == 1


def test_calibrated_probabilities_by_hand():
    """A temperature of 2 takes square roots and makes the sum 1 again, for one photo as for many."""
    expected = np.sqrt([0.64, 0.32, 0.04]) / np.sqrt([0.64, 0.32, 0.04]).sum()
    assert calibrated(np.array([0.64, 0.32, 0.04], np.float32), 2.0) == pytest.approx(expected, rel=1e-6)
    many = calibrated(np.array([[0.64, 0.32, 0.04], [1, 0, 0]], np.float32), 2.0)
    assert many[0] == pytest.approx(expected, rel=1e-6)
    assert many[1] == pytest.approx([1, 0, 0], abs=1e-18)
    assert calibrated(np.array([0.75, 0.25]), 1.0).tolist() == [0.75, 0.25]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_temperature_is_refused(temperature: float):
    """Only finite numbers above 0 are temperatures."""
    with pytest.raises(ValueError, match="above 0"):
        calibrated(np.array([0.5, 0.5]), temperature)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_reliability_is_that_of_scikit_learn(temperature: float):
    """Bins, mean confidence and accuracy are scikit-learn's of "the answer is right"; the error is their sum."""
    answers = random_answers(num_photos=500, num_classes=4, temperature=2.0)
    bins = reliability(answers, temperature, num_bins=10)
    confidences = calibrated(answers.probabilities, temperature).max(axis=1)
    accuracy, confidence = calibration_curve(answers.is_correct, confidences, n_bins=10, strategy="uniform")
    assert [each.accuracy for each in bins] == pytest.approx(accuracy)
    assert [each.confidence for each in bins] == pytest.approx(confidence)
    assert all(each.low < each.confidence <= each.high for each in bins)
    assert sum(each.num_photos for each in bins) == 500
    expected = sum(each.num_photos * abs(each.accuracy - each.confidence) for each in bins) / 500
    assert calibration_error(answers, temperature, num_bins=10) == pytest.approx(expected)


def test_calibration_error_by_hand():
    """Two photos at 95 %, of which one is right, and two at 55 %, both right: half of 0.45 and half of 0.45."""
    answers = answers_of([0, 1, 0, 1], [[0.95, 0.05], [0.95, 0.05], [0.55, 0.45], [0.45, 0.55]])
    assert calibration_error(answers, 1.0) == pytest.approx(0.45)
    assert [(each.num_photos, each.accuracy) for each in reliability(answers, 1.0)] == [(2, 1.0), (2, 0.5)]


def test_a_border_belongs_to_the_bin_below():
    """A confidence of exactly one half, a border of four bins, is in the second; one of exactly 1 in the last."""
    bins = reliability(answers_of([0, 0], [[0.5, 0.25, 0.25], [1, 0, 0]]), 1.0, num_bins=4)
    assert [(each.low, each.high) for each in bins] == [(0.25, 0.5), (0.75, 1.0)]


def test_certainty_has_a_bin():
    """Answers that are all certain are in one bin, however few are right."""
    (only,) = reliability(answers_of([0, 1], [[1, 0], [1, 0]]), 1.0)
    assert (only.num_photos, only.high, only.confidence, only.accuracy) == (2, 1.0, 1.0, 0.5)


def test_reliability_of_no_photos():
    """Without photos there are no bins, and an error is refused in words."""
    assert reliability(NOTHING, 1.0) == ()
    with pytest.raises(ValueError, match="No photos"):
        calibration_error(NOTHING, 1.0)
