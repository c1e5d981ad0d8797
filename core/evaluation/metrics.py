"""How good the answers of a model are, in numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.evaluation.answers import Answers
from core.evaluation.calibration import error_of_confidences
from core.evaluation.statistics import wilson_interval
from core.inference.temperature import calibrated

# An answer that leaves the true class no chance would cost infinitely much. As scikit-learn does for float32.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)

# "Among the first k": those of these that say something, for there are more classes.
TOP_KS = (1, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassScores:
    """Scores by class, each (classes,); NaN where a score is undefined."""

    precision: npt.NDArray[np.float64]  # 0-1, of what was called this class; NaN where nothing was
    recall: npt.NDArray[np.float64]  # 0-1, of the photos in the class; NaN without photos
    f1: npt.NDArray[np.float64]  # 0-1, harmonic mean of both; NaN where the class has neither photos nor answers
    support: npt.NDArray[np.int64]  # photos in the class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitMetrics:
    """How good a model is on the photos of one split."""

    num_photos: int
    num_correct: int
    accuracy: float  # 0-1
    low: float  # plausible accuracies (Wilson, 95 %)
    high: float
    balanced_accuracy: float  # 0-1
    macro_f1: float  # 0-1
    top_k: dict[int, float]  # accuracy, 0-1, by k: 1, 3 and 5 as far as there are more classes
    log_loss: float  # nats, of calibrated probabilities
    calibration_error: float  # 0-1, expected calibration error of calibrated probabilities
    classes: ClassScores
    confusion: npt.NDArray[np.int64]  # (classes, classes): rows true, columns predicted


def measure(answers: Answers, *, temperature: float = 1.0) -> SplitMetrics:
    """Everything that can be counted on the photos of one split.

    Args:
        answers: of the photos.
        temperature: of the calibration; moves only `log_loss` and `calibration_error`.

    Raises:
        ValueError: there is no photo, or the temperature is not positive.
    """
    _refuse_empty(len(answers))
    num_photos, num_classes = answers.probabilities.shape
    confusion = confusion_matrix(answers.class_indices, answers.predicted, num_classes=num_classes)
    num_correct = int(np.trace(confusion))
    low, high = wilson_interval(num_correct, num_photos)
    ranks = _ranks_of_truth(answers)
    probabilities = calibrated(answers.probabilities, temperature)
    return SplitMetrics(
        num_photos=num_photos,
        num_correct=num_correct,
        accuracy=num_correct / num_photos,
        low=low,
        high=high,
        balanced_accuracy=balanced_accuracy(confusion),
        macro_f1=macro_f1(confusion),
        top_k={k: float(np.mean(ranks < k)) for k in TOP_KS if k < num_classes},
        log_loss=log_loss(answers.class_indices, probabilities),
        calibration_error=error_of_confidences(probabilities.max(axis=1), answers.is_correct),
        classes=score_classes(confusion),
        confusion=confusion,
    )


def confusion_matrix(
    class_indices: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], *, num_classes: int
) -> npt.NDArray[np.int64]:
    """How often each class was taken for each.

    Args:
        class_indices: int (photos,), true classes from 0.
        predicted: int (photos,), classes that the model says.
        num_classes: classes that the model knows; those without photos keep their row.

    Returns:
        int64 (classes, classes): rows true, columns predicted.
    """
    cells = np.bincount(class_indices * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).astype(np.int64)


def score_classes(confusion: npt.NDArray[np.int64]) -> ClassScores:
    """Precision, recall and F1 of each class.

    Source: C. J. van Rijsbergen, "Information Retrieval", 2nd ed. (1979), chapter 7; F1 is 2 TP / (2 TP + FP + FN).

    Args:
        confusion: (classes, classes), rows true, columns predicted.
    """
    right = np.diagonal(confusion)
    support, called = confusion.sum(axis=1), confusion.sum(axis=0)
    return ClassScores(
        precision=_divided(right, called),
        recall=_divided(right, support),
        f1=_divided(2 * right, support + called),
        support=support,
    )


def balanced_accuracy(confusion: npt.NDArray[np.int64]) -> float:
    """Mean recall of the classes that have photos, 0-1: a rare class counts as much as a frequent one.

    Source: K. H. Brodersen and others, "The balanced accuracy and its posterior distribution", ICPR (2010), for any
    number of classes as scikit-learn's `balanced_accuracy_score`.

    Raises:
        ValueError: there is no photo.
    """
    _refuse_empty(int(confusion.sum()))
    return float(np.nanmean(score_classes(confusion).recall))


def macro_f1(confusion: npt.NDArray[np.int64]) -> float:
    """Mean F1 of the classes that have photos or were answered, 0-1, as scikit-learn's `f1_score(average="macro")`.

    A class without photos counts, with 0, once the model takes a photo for it.

    Raises:
        ValueError: there is no photo.
    """
    _refuse_empty(int(confusion.sum()))
    return float(np.nanmean(score_classes(confusion).f1))


def log_loss(class_indices: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]) -> float:
    """Mean of -log(probability of the true class), in nats: 0 is perfect, log(classes) is guessing.

    Source: I. J. Good, "Rational decisions", Journal of the Royal Statistical Society B 14 (1952), 107-114.
    Probabilities below `SMALLEST_PROBABILITY` count as it.

    Args:
        class_indices: int (photos,), true classes.
        probabilities: (photos, classes), 0-1.

    Raises:
        ValueError: there is no photo.
    """
    _refuse_empty(len(class_indices))
    of_truth = np.take_along_axis(probabilities, class_indices[:, None], axis=1).astype(np.float64)
    return float(-np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1.0)).mean())


def _ranks_of_truth(answers: Answers) -> npt.NDArray[np.int64]:
    """(photos,): classes that the model puts before the true one; of equally likely ones the first come first.

    (scikit-learn lets the last come first; without ties it is the same.)
    """
    truth = answers.class_indices[:, None]
    probabilities = answers.probabilities
    of_truth = np.take_along_axis(probabilities, truth, axis=1)
    is_before = np.arange(probabilities.shape[1]) < truth
    ahead = (probabilities > of_truth) | ((probabilities == of_truth) & is_before)
    return np.asarray(np.count_nonzero(ahead, axis=1), np.int64)


def _divided(numerators: npt.NDArray[np.int64], denominators: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    quotients = np.full(len(numerators), np.nan)
    np.divide(numerators, denominators, out=quotients, where=denominators > 0)
    return quotients


def _refuse_empty(num_photos: int) -> None:
    if num_photos == 0:
        raise ValueError("No photos were answered: at least one is needed to tell how good a model is.")
