"""What a model finds and what it takes wrongly for it, for every threshold: ROC and precision-recall curves."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.answers import Answers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RocCurve:
    """Share of the positives that are found, against share of the negatives that are taken for positive."""

    false_positive_rate: npt.NDArray[np.float64]  # (points,), 0 to 1, rising
    true_positive_rate: npt.NDArray[np.float64]  # (points,), 0 to 1, rising
    thresholds: npt.NDArray[np.float64]  # (points,), falling from infinity: a score from here on counts as positive
    area: float  # 0-1; 0.5 is guessing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrecisionRecallCurve:
    """Share of what is called positive that is so, against share of the positives that are found."""

    precision: npt.NDArray[np.float64]  # (points,), 0-1; the last is 1, where nothing is called positive
    recall: npt.NDArray[np.float64]  # (points,), falling from 1 to 0
    thresholds: npt.NDArray[np.float64]  # (points - 1,), rising: a score from here on counts as positive
    average_precision: float  # 0-1; the share of positives is guessing


class ClassCurves(NamedTuple):
    """Both curves of one class against all others."""

    roc: RocCurve
    precision_recall: PrecisionRecallCurve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassAreas:
    """The areas under the curves of each class against all others, each (classes,), 0-1.

    NaN for a class that has no photos or all.
    """

    roc: npt.NDArray[np.float64]
    average_precision: npt.NDArray[np.float64]


def roc_curve(is_positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> RocCurve | None:
    """The receiver operating characteristic; most points on a straight line between others are left out.

    Source: T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), 861-874, algorithms 1
    and 2 (area by trapezoids); as scikit-learn's `roc_curve`.

    Args:
        is_positive: bool (photos,).
        scores: (photos,), higher where a model thinks it rather positive.

    Returns:
        The curve; None without positives or without negatives.
    """
    found, taken, thresholds = _counted(is_positive, scores)
    if not found.size or not found[-1] or not taken[-1]:
        return None
    is_corner = np.ones(len(found), np.bool_)
    is_corner[1:-1] = (np.diff(found, 2) != 0) | (np.diff(taken, 2) != 0)
    true_positive_rate = np.concatenate([[0.0], found[is_corner] / found[-1]])
    false_positive_rate = np.concatenate([[0.0], taken[is_corner] / taken[-1]])
    return RocCurve(
        false_positive_rate=false_positive_rate,
        true_positive_rate=true_positive_rate,
        thresholds=np.concatenate([[np.inf], thresholds[is_corner]]),
        area=float(np.trapezoid(true_positive_rate, false_positive_rate)),
    )


def precision_recall_curve(
    is_positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]
) -> PrecisionRecallCurve | None:
    """Precision and recall at every threshold, and average precision: sum of (rise of recall) * precision.

    Source: C. D. Manning, P. Raghavan, H. Schütze, "Introduction to Information Retrieval" (2008), section 8.4; without
    interpolation, as scikit-learn's `precision_recall_curve` and `average_precision_score`.

    Args:
        is_positive: bool (photos,).
        scores: (photos,), higher where a model thinks it rather positive.

    Returns:
        The curve; None without positives or without negatives.
    """
    found, taken, thresholds = _counted(is_positive, scores)
    if not found.size or not found[-1] or not taken[-1]:
        return None
    precision, recall = found / (found + taken), found / found[-1]
    return PrecisionRecallCurve(
        precision=np.concatenate([precision[::-1], [1.0]]),
        recall=np.concatenate([recall[::-1], [0.0]]),
        thresholds=thresholds[::-1],
        average_precision=float(np.sum(np.diff(recall, prepend=0.0) * precision)),
    )


def class_curves(answers: Answers, class_index: int) -> ClassCurves | None:
    """The curves of one class against all others, by its probability; None for a class that has no photos or all."""
    is_positive = answers.class_indices == class_index
    scores = answers.probabilities[:, class_index]
    roc, precision_recall = roc_curve(is_positive, scores), precision_recall_curve(is_positive, scores)
    return None if roc is None or precision_recall is None else ClassCurves(roc, precision_recall)


def class_areas(answers: Answers) -> ClassAreas:
    """The areas under the curves of every class, without the curves: 200 classes take milliseconds.

    Source: the area under a ROC curve is how often a positive scores higher than a negative, ties half: J. A. Hanley,
    B. J. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982), 29-36. Average precision is
    the mean over positives of the precision at the score of each.
    """
    num_photos, num_classes = answers.probabilities.shape
    roc, average_precision = np.full((2, num_classes), np.nan)
    columns = np.ascontiguousarray(answers.probabilities.T)
    for class_index in np.unique(answers.class_indices).tolist():
        positives = np.sort(columns[class_index, answers.class_indices == class_index])
        num_positives = len(positives)
        if num_positives == num_photos:
            continue
        everything = np.sort(columns[class_index])
        below, own_below = np.searchsorted(everything, positives), np.searchsorted(positives, positives)
        up_to = np.searchsorted(everything, positives, side="right")
        own_up_to = np.searchsorted(positives, positives, side="right")
        beaten = (below - own_below + up_to - own_up_to) / 2
        roc[class_index] = beaten.mean() / (num_photos - num_positives)
        average_precision[class_index] = np.mean((num_positives - own_below) / (num_photos - below))
    return ClassAreas(roc=roc, average_precision=average_precision)


def _counted(
    is_positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Positives and negatives that score at least each threshold; thresholds are the different scores, falling."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order].astype(np.float64)
    # Photos with the same score pass a threshold together.
    last_of_equals = np.flatnonzero(np.diff(falling, append=-np.inf)).astype(np.int64)
    found = np.cumsum(is_positive[order], dtype=np.int64)[last_of_equals]
    return found, last_of_equals + 1 - found, falling[last_of_equals]
