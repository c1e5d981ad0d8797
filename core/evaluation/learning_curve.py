"""Would more photos help? How good a head becomes on part of the training photos."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core.evaluation.examination import CurvePoint
from core.evaluation.quick_head import ClassIndices, Features, fitted_scores

SHARES = (0.25, 0.5, 0.75, 1.0)
# Different choices of so many photos. Of more than this the fits take longer, and choices differ less.
_NUM_REPEATS, _NUM_REPEATS_OF_MANY = 10, 5
_MANY_PHOTOS = 2_000
# Below, a quarter of the photos is next to nothing.
MIN_PHOTOS_PER_CLASS = 4
_BAND = (10, 90)  # percentiles


def learning_curve(
    train: tuple[Features, ClassIndices],
    judged: tuple[Features, ClassIndices],
    *,
    num_classes: int,
    check_cancelled: Callable[[], None],
) -> tuple[CurvePoint, ...]:
    """Accuracy on the judged photos at 25, 50, 75 and 100 % of the training photos.

    The head is a quick one (`core.evaluation.quick_head`), the features stay as they are: for a fine-tuned network,
    which saw all training photos, the curve is flatter than it would be if the network were trained anew. The same
    photos always give the same curve.

    Args:
        train: float32 (photos, channels) and (photos,): features and classes of the training photos.
        judged: likewise of the photos that are judged by.
        num_classes: at least 2.
        check_cancelled: called between the fits; raises to stop.

    Returns:
        A point for each share; at 100 % there is one choice of photos only, and the band has no width. Nothing where
        there are fewer than `MIN_PHOTOS_PER_CLASS` training photos per class on average, or none to judge by.
    """
    features, class_indices = train
    if len(features) < MIN_PHOTOS_PER_CLASS * num_classes or not len(judged[0]):
        return ()
    num_repeats = _NUM_REPEATS if len(features) <= _MANY_PHOTOS else _NUM_REPEATS_OF_MANY
    points = []
    for share in SHARES:
        accuracies = []
        for repeat in range(num_repeats if share < 1 else 1):
            check_cancelled()
            rows = _choose(class_indices, share, np.random.default_rng(repeat))
            scores = fitted_scores(features[rows], class_indices[rows], judged[0], num_classes=num_classes)
            accuracies.append(float((scores.argmax(axis=1) == judged[1]).mean()))
        low, high = np.percentile(accuracies, _BAND)
        points.append(
            CurvePoint(
                share=share, num_photos=len(rows), mean=float(np.mean(accuracies)), low=float(low), high=float(high)
            )
        )
    return tuple(points)


def _choose(class_indices: ClassIndices, share: float, chance: np.random.Generator) -> npt.NDArray[np.intp]:
    """Rows of a share of the photos of each class, at least one of each."""
    chosen = []
    for class_index in np.unique(class_indices):
        rows = chance.permutation(np.flatnonzero(class_indices == class_index))
        chosen.append(rows[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(chosen))
