"""Our figures of a model's answers beside those of scikit-learn, computed from the same answers."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as reference

from core.evaluation.answers import Answers
from core.evaluation.curves import class_areas
from core.evaluation.metrics import SplitMetrics, measure
from core.inference.temperature import calibrated


def split_figures(answers: Answers, temperature: float) -> dict[str, Any]:
    """Our figures of one split, as they are and calibrated, with scikit-learn's beside them."""
    plain = measure(answers)
    theirs = by_scikit_learn(answers)
    areas = class_areas(answers)
    calibrated_figures = measure(answers, temperature=temperature)
    return {
        "photos": plain.num_photos,
        "right": plain.num_correct,
        "interval": [round(plain.low, 4), round(plain.high, 4)],
        **{
            name: {"ours": rounded(value), "scikit_learn": rounded(theirs[name])}
            for name, value in by_us(plain, areas.roc, areas.average_precision).items()
        },
        "top_k": {str(k): rounded(value) for k, value in plain.top_k.items()},
        "calibration_error": rounded(plain.calibration_error),
        "calibrated_log_loss": rounded(calibrated_figures.log_loss),
        "calibrated_calibration_error": rounded(calibrated_figures.calibration_error),
    }


def by_us(found: SplitMetrics, roc_area: npt.NDArray[Any], average_precision: npt.NDArray[Any]) -> dict[str, Any]:
    """What scikit-learn has as well."""
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "macro_f1": found.macro_f1,
        "log_loss": found.log_loss,
        "precision": found.classes.precision,
        "recall": found.classes.recall,
        "f1": found.classes.f1,
        "confusion": found.confusion,
        "roc_area": roc_area,
        "average_precision": average_precision,
    }


def by_scikit_learn(answers: Answers) -> dict[str, Any]:
    """The same from scikit-learn; None where it is undefined."""
    num_classes = answers.probabilities.shape[1]
    labels, true, predicted = list(range(num_classes)), answers.class_indices, answers.predicted
    # As calibration with a temperature of 1 has them: adding up to exactly 1.
    probabilities = calibrated(answers.probabilities, 1.0)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=np.nan
    )
    are_members = [true == label for label in labels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes without photos have no curves, which is said for each
        roc = [
            reference.roc_auc_score(each, answers.probabilities[:, label]) if 0 < each.sum() < len(each) else None
            for label, each in enumerate(are_members)
        ]
        average = [
            reference.average_precision_score(each, answers.probabilities[:, label])
            if 0 < each.sum() < len(each)
            else None
            for label, each in enumerate(are_members)
        ]
        return {
            "accuracy": reference.accuracy_score(true, predicted),
            "balanced_accuracy": reference.balanced_accuracy_score(true, predicted),
            "macro_f1": reference.f1_score(true, predicted, average="macro"),
            "log_loss": reference.log_loss(true, probabilities, labels=labels),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "confusion": reference.confusion_matrix(true, predicted, labels=labels),
            "roc_area": roc,
            "average_precision": average,
        }


def rounded(value: Any) -> Any:
    """A figure as JSON has it: six decimals, null where it is undefined."""
    if isinstance(value, np.ndarray | list | tuple):
        return [rounded(each) for each in value]
    if value is None or not np.isfinite(value):
        return None
    return int(value) if isinstance(value, np.integer) else round(float(value), 6)
