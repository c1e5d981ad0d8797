"""Whether a result can be told from guessing.

A network that has learned nothing can still be right often: by always answering with the class that has most photos.
A result is worth something only when so few right answers are not plausible any more.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.evaluation.statistics import wilson_interval

# Of the standard normal distribution: by more than this many standard deviations few guessers are right more often.
_Z = 1.959963984540054
# A lead over guessing that would be beyond doubt with so many times the photos is called undecided, not nothing.
_TIMES_THE_PHOTOS = 4
_WORTH_THE_NAME = 0.1  # of accuracy, 0-1: a smaller lead is not called undecided however many photos there are


class Standing(StrEnum):
    """What a result is worth beside guessing."""

    BETTER = "better"  # it is right more often than any guesser is likely to be
    LARGEST_CLASS = "largest class"  # no better than one answer for all, yet its answers do follow the photos
    TOO_FEW = "too few"  # probably better, but so few photos cannot show it
    GUESSING = "guessing"  # nothing tells it from guessing
    ONE_ANSWER = "one answer"  # it says the same to every photo
    ONE_CLASS = "one class"  # all photos that judge it are of one class


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A result beside that of always giving the best single answer."""

    standing: Standing
    num_photos: int  # that judged it, at least 1
    num_correct: int
    low: float  # plausible accuracies (Wilson, 95 %), 0-1
    high: float
    largest_class: int  # the class with most of these photos; of several the first
    num_of_largest: int  # its photos: so often is right who always says this class
    only_answer: int | None = None  # the class that it says to every photo; None: it says several

    @property
    def is_better(self) -> bool:
        """Whether it is better than the best single answer."""
        return self.standing is Standing.BETTER

    @property
    def is_chance(self) -> bool:
        """Whether its figures may all be chance, so that nothing can be read off them."""
        return self.standing not in (Standing.BETTER, Standing.LARGEST_CLASS)


def weigh(confusion: npt.NDArray[np.int64]) -> Worth:
    """Compare a result with guessing.

    Args:
        confusion: (classes, classes), rows true, columns predicted; at least one photo.

    Raises:
        ValueError: there is no photo.
    """
    support, called = confusion.sum(axis=1), confusion.sum(axis=0)
    num_photos, num_correct = int(support.sum()), int(np.trace(confusion))
    low, high = wilson_interval(num_correct, num_photos)
    largest = int(support.argmax())
    return Worth(
        standing=_standing(confusion),
        num_photos=num_photos,
        num_correct=num_correct,
        low=low,
        high=high,
        largest_class=largest,
        num_of_largest=int(support[largest]),
        only_answer=int(called.argmax()) if np.count_nonzero(called) == 1 else None,
    )


def follows_photos(confusion: npt.NDArray[np.int64]) -> bool:
    """Whether the answers are right more often than the same answers dealt out to the photos at random would be.

    Unlike accuracy this does not favour a frequent class: whoever finds most photos of a rare class passes, though
    always answering with the frequent one may be right as often.

    Source: expected agreement: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20 (1960), 37-46. Its variance is that of the cells of a table whose margins are fixed (multivariate
    hypergeometric). A lead of one photo is taken off, since the number of right answers changes in steps.

    Args:
        confusion: (classes, classes), rows true, columns predicted.
    """
    num_photos = int(confusion.sum())
    if num_photos < 2:
        return False
    expected, variance = dealt_out(confusion.sum(axis=1), confusion.sum(axis=0))
    return float(np.trace(confusion)) - 1 - expected > _Z * math.sqrt(variance)


def dealt_out(support: npt.NDArray[np.int64], called: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Mean and variance of the number of right answers when answers are dealt out to photos at random.

    Args:
        support: int (classes,), photos of each class.
        called: int (classes,), answers with each class; as many in all, at least 2.
    """
    rows, columns = support.astype(np.float64), called.astype(np.float64)
    total = float(rows.sum())
    hits = rows * columns
    own = hits * (total - rows) * (total - columns)
    others = hits.sum() ** 2 - (hits**2).sum()
    return float(hits.sum() / total), float((own.sum() + others) / (total**2 * (total - 1)))


def _standing(confusion: npt.NDArray[np.int64]) -> Standing:
    support, called = confusion.sum(axis=1), confusion.sum(axis=0)
    num_photos, num_correct = int(support.sum()), int(np.trace(confusion))
    share = int(support.max()) / max(1, num_photos)
    if np.count_nonzero(support) == 1:
        return Standing.ONE_CLASS
    if wilson_interval(num_correct, num_photos)[0] > share:
        return Standing.BETTER
    if np.count_nonzero(called) == 1:
        return Standing.ONE_ANSWER
    if follows_photos(confusion):
        return Standing.LARGEST_CLASS
    low_of_more, _ = wilson_interval(_TIMES_THE_PHOTOS * num_correct, _TIMES_THE_PHOTOS * num_photos)
    if low_of_more > share and num_correct / num_photos >= share + _WORTH_THE_NAME:
        return Standing.TOO_FEW
    return Standing.GUESSING
