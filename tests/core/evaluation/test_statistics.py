"""Intervals against published examples."""

import pytest

from core.evaluation.statistics import wilson_interval


@pytest.mark.parametrize(
    ("num_correct", "num_photos", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(num_correct: int, num_photos: int, low: float, high: float):
    """The interval is that of a published table, to four digits."""
    assert wilson_interval(num_correct, num_photos) == pytest.approx((low, high), abs=6e-5)


def test_wilson_is_symmetric():
    """Right and wrong answers changing places mirrors the interval."""
    low, high = wilson_interval(3, 40)
    assert wilson_interval(37, 40) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("num_correct", "num_photos"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(num_correct: int, num_photos: int):
    """Nothing asked, or more right than asked, has no interval."""
    with pytest.raises(ValueError, match="right of"):
        wilson_interval(num_correct, num_photos)
