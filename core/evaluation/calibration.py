"""Whether "90 %" is right nine times of ten, and how to make it so."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.evaluation.answers import Answers
from core.inference.temperature import LEAST_PROBABILITY, calibrated

# Where a fitted temperature stays. Beyond, every answer is called certain, or no better than a guess.
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.1, 10.0

# What a temperature of 1 weighs against the photos. Fitted on 10 to 150 photos of 22 trained models and judged on their
# others, 2 gave a lower log loss than 0, and than no calibration, at every number of photos.
PRIOR_PHOTOS = 2.0

# As Guo and others: enough to see a curve, few enough that bins hold photos.
NUM_BINS = 15

_MAX_STEPS = 60
_ENOUGH = 1e-7  # of 1 / temperature, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Photos that a model is about equally sure of."""

    low: float  # confidences of the bin, 0-1: above `low`, up to `high`
    high: float
    num_photos: int  # at least 1
    confidence: float  # mean, 0-1
    accuracy: float  # 0-1: the same as the confidence where a model is calibrated


def fit_temperature(answers: Answers) -> float:
    """The temperature that makes the true classes of these photos likeliest.

    Minimises the log loss, which is convex in 1 / temperature, by Newton steps kept within a bracket. Few photos, all
    answered rightly, would call for a temperature of 0 and certainty about everything; so a temperature of 1 counts as
    much as `PRIOR_PHOTOS` photos (a gamma distribution of 1 / temperature with its mode at 1). On the photos it is
    fitted on, the log loss is never higher than at 1.

    Source: Guo and others (2017), see `calibrated`.

    Returns:
        `LOWEST_TEMPERATURE` to `HIGHEST_TEMPERATURE`; 1 without photos, and where a model makes no difference between
        classes.
    """
    if not len(answers):
        return 1.0
    logits = np.log(np.maximum(answers.probabilities, LEAST_PROBABILITY, dtype=np.float64))
    logits -= logits.max(axis=1, keepdims=True)
    of_truth = np.take_along_axis(logits, answers.class_indices[:, None], axis=1)
    return 1 / _sharpness(logits, float(of_truth.mean()))


def _sharpness(logits: npt.NDArray[np.float64], wanted: float) -> float:
    """The 1 / temperature at which the logit that a model expects is on average `wanted`, but for what is allowed."""
    low, high = 1 / HIGHEST_TEMPERATURE, 1 / LOWEST_TEMPERATURE
    weight = PRIOR_PHOTOS / len(logits)
    following = sharpness = 1.0
    for _ in range(_MAX_STEPS):
        mean, variance = _expected_logit(logits, sharpness)
        slope = mean - wanted + weight * (1 - 1 / sharpness)
        if slope < 0:
            low = sharpness
        else:
            high = sharpness
        following = sharpness - slope / (variance + weight / sharpness**2)
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - sharpness) <= _ENOUGH * sharpness:
            break
        sharpness = following
    return following


def _expected_logit(logits: npt.NDArray[np.float64], sharpness: float) -> tuple[float, float]:
    """Mean over photos of the logit expected under softmax(sharpness * logits), and its slope: the mean variance."""
    weights = np.exp(sharpness * logits)
    weights /= weights.sum(axis=1, keepdims=True)
    means = np.einsum("pc,pc->p", weights, logits)
    squares = np.einsum("pc,pc,pc->p", weights, logits, logits)
    return float(means.mean()), float(np.mean(squares - means**2))


def reliability(answers: Answers, temperature: float, *, num_bins: int = NUM_BINS) -> tuple[ReliabilityBin, ...]:
    """How often a model is right where it is how sure: bins of equal width, those without photos left out.

    Source: A. Niculescu-Mizil, R. Caruana, "Predicting good probabilities with supervised learning", ICML (2005).

    Args:
        answers: of the photos; none give no bins.
        temperature: of the calibration, above 0.
        num_bins: into which 0-1 is divided.

    Raises:
        ValueError: the temperature is not positive.
    """
    if not len(answers):
        return ()
    confidences = calibrated(answers.probabilities, temperature).max(axis=1)
    counts, sure, right = _binned(confidences, answers.is_correct, num_bins)
    return tuple(
        ReliabilityBin(
            low=index / num_bins,
            high=(index + 1) / num_bins,
            num_photos=int(counts[index]),
            confidence=float(sure[index] / counts[index]),
            accuracy=float(right[index] / counts[index]),
        )
        for index in np.flatnonzero(counts).tolist()
    )


def calibration_error(answers: Answers, temperature: float, *, num_bins: int = NUM_BINS) -> float:
    """By how much confidence and accuracy differ on average, 0-1: the expected calibration error.

    Source: see `error_of_confidences`.

    Raises:
        ValueError: there is no photo, or the temperature is not positive.
    """
    confidences = calibrated(answers.probabilities, temperature).max(axis=1, initial=0.0)
    return error_of_confidences(confidences, answers.is_correct, num_bins=num_bins)


def error_of_confidences(
    confidences: npt.NDArray[np.float64], is_correct: npt.NDArray[np.bool_], *, num_bins: int = NUM_BINS
) -> float:
    """The expected calibration error of answers that a model is so sure of.

    Sum over bins of equal width of (photos in the bin / photos) * |accuracy - mean confidence|.

    Source: M. Pakdaman Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI (2015); of the likeliest class, as Guo and others (2017), equation 3.

    Args:
        confidences: (photos,), 0-1, of the likeliest class.
        is_correct: bool (photos,).
        num_bins: into which 0-1 is divided.

    Raises:
        ValueError: there is no photo.
    """
    if not len(confidences):
        raise ValueError("No photos were answered: at least one is needed to tell how well a model is calibrated.")
    _, sure, right = _binned(confidences, is_correct, num_bins)
    return float(np.abs(sure - right).sum() / len(confidences))


def _binned(
    confidences: npt.NDArray[np.float64], is_correct: npt.NDArray[np.bool_], num_bins: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """By bin, each (bins,): photos, sum of confidences, right answers."""
    bins = np.searchsorted(np.linspace(0, 1, num_bins + 1)[1:-1], confidences)  # a border belongs to the lower bin
    counts = np.bincount(bins, minlength=num_bins)
    sure, right = (np.bincount(bins, weights, num_bins) for weights in (confidences, is_correct))
    return counts.astype(np.int64), sure.astype(np.float64), right.astype(np.float64)
