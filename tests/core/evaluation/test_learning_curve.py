"""`core.evaluation.learning_curve`: more photos help where there is more to learn, and only there."""

import numpy as np
import pytest

from core.errors import TaskCancelledError
from core.evaluation.learning_curve import SHARES, learning_curve
from core.evaluation.quick_head import ClassIndices, Features

NUM_CLASSES = 4


def clouds(num_photos: int, *, distance: float, seed: int) -> tuple[Features, ClassIndices]:
    """Features of photos of several classes, so far from each other."""
    classes = np.arange(num_photos) % NUM_CLASSES
    middles = np.eye(NUM_CLASSES, 40) * distance
    noise = np.random.default_rng(seed).normal(size=(num_photos, 40))
    return (middles[classes] + noise).astype(np.float32), classes


def curve(num_photos: int, distance: float):
    return learning_curve(
        clouds(num_photos, distance=distance, seed=0),
        clouds(400, distance=distance, seed=1),
        num_classes=NUM_CLASSES,
        check_cancelled=lambda: None,
    )


def test_more_photos_help() -> None:
    """With hard classes the accuracy grows with every step, and its band holds the mean."""
    points = curve(80, distance=2.5)
    assert [(point.share, point.num_photos) for point in points] == list(zip(SHARES, (20, 40, 60, 80), strict=True))
    means = [point.mean for point in points]
    assert means == sorted(means)
    assert means[-1] > means[0] + 0.1
    assert all(point.low <= point.mean <= point.high for point in points)
    assert points[0].low < points[0].high
    assert points[-1].low == points[-1].high


def test_enough_is_enough() -> None:
    """With easy classes a quarter of the photos does as well as all."""
    points = curve(400, distance=12)
    assert points[-1].mean - points[0].mean < 0.01


def test_the_same_curve_every_time() -> None:
    """Nothing is left to chance."""
    assert curve(80, distance=2) == curve(80, distance=2)


def test_too_little_to_tell() -> None:
    """Without photos to judge by, or with three training photos per class, there is no curve."""
    photos, none = clouds(40, distance=2, seed=0), clouds(0, distance=2, seed=0)
    assert learning_curve(photos, none, num_classes=NUM_CLASSES, check_cancelled=lambda: None) == ()
    assert curve(12, distance=2) == ()


def test_a_curve_can_be_stopped() -> None:
    """Somebody who asks for it is heard between two fits."""

    def stop() -> None:
        raise TaskCancelledError("Enough.")

    photos = clouds(40, distance=2, seed=0)
    with pytest.raises(TaskCancelledError):
        learning_curve(photos, photos, num_classes=NUM_CLASSES, check_cancelled=stop)
