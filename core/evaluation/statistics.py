"""Intervals around what few photos tell."""

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
