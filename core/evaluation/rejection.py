"""When a model should rather say "I don't know": answers given up, and what that gains."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.evaluation.answers import Answers
from core.inference.temperature import calibrated

# The positions of the slider: from refusing nothing to refusing about half.
STRICTNESSES = tuple(percent / 100 for percent in range(51))

# Costs 2 to 4 of 100 photos like those of validation.
DEFAULT_STRICTNESS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionPoint:
    """What one position of the slider refuses, and how good the other answers are."""

    strictness: float  # 0-0.5: share of the photos that each of the two limits refuses
    min_probability: float  # 0-1, calibrated
    max_distance: float | None  # cosine, 0-2; None refuses nothing
    num_photos: int
    num_answered: int
    num_correct: int  # of those that are answered

    @property
    def coverage(self) -> float:
        """Share of the photos that are answered, 0-1."""
        return self.num_answered / self.num_photos

    @property
    def accuracy(self) -> float:
        """Share of the answers that are right, 0-1; NaN where all are refused."""
        return self.num_correct / self.num_answered if self.num_answered else math.nan


def rejection_points(
    answers: Answers, *, temperature: float, distances: Mapping[str, float], judged: Answers | None = None
) -> tuple[RejectionPoint, ...]:
    """What every position of the slider refuses.

    A position of s refuses what is less sure than all but a share s of the photos, or farther from the training photos
    than all but a share s. Source: C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on
    Information Theory 16 (1970), 41-46, for probabilities; distance tells photos of no class, about which a softmax is
    often sure: Y. Sun and others, "Out-of-distribution detection with deep nearest neighbors", ICML (2022).

    Args:
        answers: of the photos that the limits are taken from, those of validation.
        temperature: of the calibration, above 0.
        distances: cosine distance to the nearest training photo by photo hash, 0-2; photos without one are refused
            only for their probability.
        judged: answers that are counted, those of the test split for an honest figure; `answers` without.

    Returns:
        One point for each of `STRICTNESSES`; the first refuses nothing.

    Raises:
        ValueError: there is no photo, or the temperature is not positive.
    """
    judged = answers if judged is None else judged
    if not len(answers) or not len(judged):
        raise ValueError("No photos were answered: at least one is needed to tell what would be refused.")
    sure, far = _measured(answers, temperature, distances)
    judged_sure, judged_far = (sure, far) if judged is answers else _measured(judged, temperature, distances)
    is_correct = judged.is_correct
    known = far[np.isfinite(far)]
    least_sure = np.quantile(sure, STRICTNESSES)
    farthest = np.quantile(known, 1 - np.array(STRICTNESSES)) if known.size else None
    points = []
    for index, strictness in enumerate(STRICTNESSES):
        min_probability = float(least_sure[index]) if strictness else 0.0
        max_distance = float(farthest[index]) if strictness and farthest is not None else None
        is_answered = judged_sure >= min_probability
        if max_distance is not None:
            is_answered &= judged_far <= max_distance
        points.append(
            RejectionPoint(
                strictness=strictness,
                min_probability=min_probability,
                max_distance=max_distance,
                num_photos=len(judged),
                num_answered=int(is_answered.sum()),
                num_correct=int((is_answered & is_correct).sum()),
            )
        )
    return tuple(points)


def default_point(points: Sequence[RejectionPoint]) -> RejectionPoint:
    """The position of the slider where nobody has chosen: the one nearest to `DEFAULT_STRICTNESS`."""
    return min(points, key=lambda point: abs(point.strictness - DEFAULT_STRICTNESS))


def _measured(
    answers: Answers, temperature: float, distances: Mapping[str, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Calibrated probability of the likeliest class, and distance (minus infinity if not known), each (photos,)."""
    sure = np.asarray(calibrated(answers.probabilities, temperature).max(axis=1), np.float64)
    far = np.array([distances.get(photo_hash, -math.inf) for photo_hash in answers.hashes], np.float64)
    return sure, far
