"""Metrics against scikit-learn, and against tables that were worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from core.evaluation.answers import Answers
from core.evaluation.metrics import (
    balanced_accuracy,
    confusion_matrix,
    log_loss,
    macro_f1,
    measure,
    score_classes,
)
from core.evaluation.statistics import wilson_interval
from tests.core.evaluation.answer_samples import answers_of, random_answers, with_ties

# Rows true, columns predicted. The third class has no photos, the fourth no answers, the fifth neither.
BY_HAND = np.array([[3, 1, 0, 0, 0], [1, 2, 1, 0, 0], [0, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


@pytest.mark.parametrize("num_classes", [2, 3, 12])
def test_metrics_are_those_of_scikit_learn(num_classes: int):
    """Whatever scikit-learn has too is the same."""
    answers = random_answers(num_photos=400, num_classes=num_classes, seed=num_classes)
    measured, true, said = measure(answers), answers.class_indices, answers.predicted
    labels = np.arange(num_classes)
    assert measured.confusion.tolist() == sklearn_metrics.confusion_matrix(true, said, labels=labels).tolist()
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        true, said, labels=labels, zero_division=np.nan
    )
    assert measured.classes.precision == pytest.approx(precision, nan_ok=True)
    assert measured.classes.recall == pytest.approx(recall, nan_ok=True)
    assert measured.classes.f1 == pytest.approx(f1, nan_ok=True)
    assert measured.classes.support.tolist() == support.tolist()
    assert measured.accuracy == pytest.approx(sklearn_metrics.accuracy_score(true, said))
    assert measured.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(true, said))
    assert measured.macro_f1 == pytest.approx(sklearn_metrics.f1_score(true, said, average="macro"))
    assert measured.log_loss == pytest.approx(sklearn_metrics.log_loss(true, answers.probabilities, labels=labels))
    for k, accuracy in measured.top_k.items():
        scores = answers.probabilities if num_classes > 2 else answers.probabilities[:, 1]
        expected = sklearn_metrics.top_k_accuracy_score(true, scores, k=k, labels=labels)
        assert accuracy == pytest.approx(expected)


def test_a_table_worked_out_by_hand():
    """Scores are undefined for classes without photos or answers; means leave out what is undefined."""
    scores = score_classes(BY_HAND)
    assert scores.precision == pytest.approx([3 / 6, 2 / 3, 0, np.nan, np.nan], nan_ok=True)
    assert scores.recall == pytest.approx([3 / 4, 2 / 4, np.nan, 0, np.nan], nan_ok=True)
    assert scores.f1 == pytest.approx([6 / 10, 4 / 7, 0, 0, np.nan], nan_ok=True)
    assert scores.support.tolist() == [4, 4, 0, 2, 0]
    assert balanced_accuracy(BY_HAND) == pytest.approx((3 / 4 + 2 / 4 + 0) / 3)
    assert macro_f1(BY_HAND) == pytest.approx((6 / 10 + 4 / 7 + 0 + 0) / 4)


def test_rows_are_true_and_columns_predicted():
    """A photo of class 0 that is taken for class 2 is counted in row 0, column 2, of a matrix of all classes."""
    confusion = confusion_matrix(np.array([0, 1]), np.array([2, 1]), num_classes=4)
    assert confusion.dtype == np.int64
    assert confusion.tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_of_equally_likely_classes_the_first_comes_first():
    """The accuracy of the first answer is the accuracy, however many classes are tied."""
    answers = with_ties(random_answers(num_photos=500, num_classes=6, skill=0.5))
    assert np.mean(np.sort(answers.probabilities, axis=1)[:, -1] == np.sort(answers.probabilities, axis=1)[:, -2]) > 0.1
    assert measure(answers).top_k[1] == answers.is_correct.mean() == measure(answers).accuracy
    one_value = answers_of([0, 1, 2, 3], np.full((4, 4), 1 / 4))
    assert measure(one_value).top_k == pytest.approx({1: 1 / 4, 3: 3 / 4})


@pytest.mark.parametrize(("num_classes", "ks"), [(2, [1]), (3, [1]), (4, [1, 3]), (5, [1, 3]), (6, [1, 3, 5])], ids=str)
def test_top_k_is_told_where_it_says_something(num_classes: int, ks: list[int]):
    """Among as many answers as there are classes, the true one always is: not worth telling."""
    assert list(measure(random_answers(num_photos=20, num_classes=num_classes)).top_k) == ks


def test_one_photo_is_enough():
    """One photo has metrics, and an interval that says how little it tells."""
    measured = measure(answers_of([1], [[0.2, 0.7, 0.1]]))
    assert (measured.num_photos, measured.num_correct, measured.accuracy) == (1, 1, 1.0)
    assert (measured.low, measured.high) == wilson_interval(1, 1)
    assert measured.balanced_accuracy == measured.macro_f1 == 1
    assert measured.log_loss == pytest.approx(-np.log(0.7))
    assert measured.calibration_error == pytest.approx(0.3)


def test_certainty_costs_much_but_not_infinitely_much():
    """A true class that was given no chance at all has the log loss that scikit-learn gives it; a sure hit has none."""
    true, probabilities = np.array([0, 1]), np.array([[0, 1], [0, 1]], np.float32)
    assert log_loss(true, probabilities) == pytest.approx(sklearn_metrics.log_loss(true, probabilities), abs=1e-6)
    assert log_loss(true[1:], probabilities[1:]) == 0
    measured = measure(answers_of(true.tolist(), probabilities), temperature=0.5)
    assert np.isfinite(measured.log_loss)
    assert measured.calibration_error == pytest.approx(0.5)


def test_calibration_moves_only_what_is_about_probabilities():
    """A temperature changes log loss and calibration error, and no other number."""
    answers = random_answers(num_photos=300, num_classes=4, temperature=3.0)
    before, after = measure(answers), measure(answers, temperature=3.0)
    assert after.log_loss < before.log_loss
    assert after.calibration_error < before.calibration_error
    assert after.confusion.tolist() == before.confusion.tolist()
    assert (after.accuracy, after.top_k, after.macro_f1) == (before.accuracy, before.top_k, before.macro_f1)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_without_photos_there_is_nothing_to_measure(num_classes: int):
    """No answers are refused in words, not with a warning about a mean of nothing."""
    nothing = Answers(hashes=(), class_indices=np.zeros(0, np.int64), probabilities=np.zeros((0, num_classes), "f4"))
    empty = np.zeros((num_classes, num_classes), np.int64)
    for asked in (
        lambda: measure(nothing),
        lambda: balanced_accuracy(empty),
        lambda: macro_f1(empty),
        lambda: log_loss(nothing.class_indices, nothing.probabilities),
    ):
        with pytest.raises(ValueError, match="No photos"):
            asked()
