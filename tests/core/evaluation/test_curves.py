"""ROC and precision-recall curves against scikit-learn, and by hand."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from core.evaluation.answers import Answers
from core.evaluation.curves import class_areas, class_curves, precision_recall_curve, roc_curve
from tests.core.evaluation.answer_samples import answers_of, random_answers, with_ties

SMOOTH = random_answers(num_photos=300, num_classes=4, seed=1)


@pytest.mark.parametrize("answers", [SMOOTH, with_ties(SMOOTH)], ids=["different", "tied"])
@pytest.mark.parametrize("class_index", [0, 3])
def test_curves_are_those_of_scikit_learn(answers: Answers, class_index: int):
    """Points, thresholds and areas of one class against the others are scikit-learn's."""
    curves = class_curves(answers, class_index)
    assert curves is not None
    is_positive, scores = answers.class_indices == class_index, answers.probabilities[:, class_index]
    taken, found, thresholds = sklearn_metrics.roc_curve(is_positive, scores)
    assert curves.roc.false_positive_rate == pytest.approx(taken)
    assert curves.roc.true_positive_rate == pytest.approx(found)
    assert curves.roc.thresholds == pytest.approx(thresholds)
    assert curves.roc.area == pytest.approx(sklearn_metrics.roc_auc_score(is_positive, scores))
    precision, recall, thresholds = sklearn_metrics.precision_recall_curve(is_positive, scores)
    assert curves.precision_recall.precision == pytest.approx(precision)
    assert curves.precision_recall.recall == pytest.approx(recall)
    assert curves.precision_recall.thresholds == pytest.approx(thresholds)
    average_precision = sklearn_metrics.average_precision_score(is_positive, scores)
    assert curves.precision_recall.average_precision == pytest.approx(average_precision)


@pytest.mark.parametrize("answers", [SMOOTH, with_ties(SMOOTH)], ids=["different", "tied"])
def test_areas_are_those_of_the_curves(answers: Answers):
    """The quick way to the areas of all classes gives what the curves give."""
    areas = class_areas(answers)
    for class_index in range(4):
        curves = class_curves(answers, class_index)
        assert curves is not None
        assert areas.roc[class_index] == pytest.approx(curves.roc.area)
        assert areas.average_precision[class_index] == pytest.approx(curves.precision_recall.average_precision)


def test_curves_worked_out_by_hand():
    """Two positives and two negatives, of which one each are tied."""
    is_positive, scores = np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.1])
    roc, precision_recall = roc_curve(is_positive, scores), precision_recall_curve(is_positive, scores)
    assert roc is not None
    assert precision_recall is not None
    assert list(zip(roc.false_positive_rate, roc.true_positive_rate, strict=True)) == [
        (0, 0),
        (0, 0.5),
        (0.5, 1),
        (1, 1),
    ]
    assert roc.thresholds.tolist() == [np.inf, 0.9, 0.5, 0.1]
    assert roc.area == pytest.approx(0.875)  # of four pairs three are in order, one is tied
    assert precision_recall.recall.tolist() == [1, 1, 0.5, 0]
    assert precision_recall.precision == pytest.approx([2 / 4, 2 / 3, 1, 1])
    assert precision_recall.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_one_value_for_all_is_guessing():
    """A model that says the same to every photo has the curve of a coin."""
    answers = answers_of([0, 0, 0, 1], np.full((4, 2), 0.5))
    curves = class_curves(answers, 1)
    assert curves is not None
    assert (curves.roc.false_positive_rate.tolist(), curves.roc.true_positive_rate.tolist()) == ([0, 1], [0, 1])
    assert curves.roc.area == pytest.approx(0.5)
    assert curves.precision_recall.average_precision == pytest.approx(0.25)
    assert class_areas(answers).roc.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("class_indices", [[0, 0, 0], [2], []], ids=["one class", "one photo", "no photos"])
def test_a_class_without_positives_or_negatives_has_no_curves(class_indices: list[int]):
    """Where all photos are of one class, or there are none, no class has a curve, and areas are NaN."""
    answers = answers_of(class_indices, np.full((len(class_indices), 3), 1 / 3))
    assert [class_curves(answers, class_index) for class_index in range(3)] == [None, None, None]
    areas = class_areas(answers)
    assert areas.roc == pytest.approx([np.nan] * 3, nan_ok=True)
    assert areas.average_precision == pytest.approx([np.nan] * 3, nan_ok=True)


def test_certain_answers_have_curves():
    """Probabilities of exactly 0 and 1 are scores like others."""
    curves = class_curves(answers_of([0, 1, 1], [[1, 0], [0, 1], [0, 1]]), 1)
    assert curves is not None
    assert curves.roc.area == curves.precision_recall.average_precision == 1
