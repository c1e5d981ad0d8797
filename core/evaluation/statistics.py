"""What few photos tell, and what may be luck."""

import math

# Of the standard normal distribution, 97.5 %: intervals of 95 %.
_Z = 1.959963984540054


def wilson_interval(num_correct: int, num_photos: int) -> tuple[float, float]:
    """The accuracies that are plausible (95 %) after so many right answers.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212.

    Args:
        num_correct: right answers, 0 to `num_photos`.
        num_photos: answers, at least 1.

    Returns:
        Lowest and highest accuracy, 0-1.

    Raises:
        ValueError: there is no photo, or more right answers than photos.
    """
    if num_photos < 1 or not 0 <= num_correct <= num_photos:
        raise ValueError(f"{num_correct} right of {num_photos} photos: from 0 to all of at least one are possible.")
    share = num_correct / num_photos
    weight = _Z**2 / num_photos
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z / (1 + weight) * math.sqrt(share * (1 - share) / num_photos + weight / (4 * num_photos))
    low = 0.0 if num_correct == 0 else middle - reach
    high = 1.0 if num_correct == num_photos else middle + reach
    return low, high


def mcnemar_exact(num_only_first: int, num_only_second: int) -> float:
    """How likely so uneven a count is by luck alone, when two models are equally good.

    Photos that both answer rightly, or both wrongly, say nothing. Of the others each model would win half, so the count
    is binomial with 1/2; two-sided, twice the smaller tail.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157; exact form: A. Agresti, "Categorical Data Analysis", 3rd ed. (2013), section 11.1.

    Args:
        num_only_first: photos that only the first model answers rightly, at least 0.
        num_only_second: photos that only the second does.

    Returns:
        The p-value, above 0 up to 1 (0 where it is smaller than a float can be); 1 where no photo tells them apart.

    Raises:
        ValueError: a count is negative.
    """
    if num_only_first < 0 or num_only_second < 0:
        raise ValueError(f"{num_only_first} and {num_only_second} photos: counts from 0 are needed.")
    total = num_only_first + num_only_second
    ways = tail = 1  # to win none of the photos
    for won in range(min(num_only_first, num_only_second)):
        ways = ways * (total - won) // (won + 1)
        tail += ways
    # Whole numbers until here, and Python divides them however long they are.
    return min(1.0, tail / (1 << total) * 2)


def paired_difference_interval(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """By how much more (95 %) the first of two models is right, judged on the same photos.

    Wilson intervals of both accuracies are put together, less as the models go wrong on the same photos.

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17 (1998), 2635-2650, method 10.

    Args:
        both: photos that both models answer rightly.
        only_first: photos that only the first does.
        only_second: photos that only the second does.
        neither: photos that both answer wrongly.

    Returns:
        Lowest and highest difference (accuracy of the first less that of the second), -1 to 1.

    Raises:
        ValueError: a count is negative, or there is no photo.
    """
    counts = (both, only_first, only_second, neither)
    num_photos = sum(counts)
    if min(counts) < 0 or num_photos < 1:
        raise ValueError(f"{counts} photos: counts from 0, and at least one photo, are needed.")
    first, second = both + only_first, both + only_second
    low_first, high_first = wilson_interval(first, num_photos)
    low_second, high_second = wilson_interval(second, num_photos)
    share_first, share_second = first / num_photos, second / num_photos
    correlation = _corrected_correlation(both, only_first, only_second, neither)
    below = _joined(share_first - low_first, high_second - share_second, correlation)
    above = _joined(high_first - share_first, share_second - low_second, correlation)
    difference = (only_first - only_second) / num_photos
    return difference - below, difference + above


def _corrected_correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The phi coefficient, its numerator brought nearer to 0 by half the photos where it is positive; 0 without one."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    numerator = float(both * neither - only_first * only_second)
    if numerator > 0:
        numerator = max(numerator - (both + only_first + only_second + neither) / 2, 0.0)
    return numerator / math.sqrt(margins)


def _joined(reach: float, other_reach: float, correlation: float) -> float:
    # Rounding can leave a perfect correlation of equal reaches just below 0.
    return math.sqrt(max(reach**2 - 2 * correlation * reach * other_reach + other_reach**2, 0.0))
