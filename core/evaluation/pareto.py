"""Which of several models are worth a thought."""

from collections.abc import Sequence

import numpy as np


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The points that no other beats: none costs as little or less and is as good or better, and not the same in both.

    Args:
        points: cost (the less the better) and value (the more the better) of each; one with NaN is never on the front.

    Returns:
        Indices of the points, by rising cost; equal points are all on the front, or none.
    """
    order = sorted(
        (index for index, point in enumerate(points) if not np.isnan(point).any()),
        key=lambda index: (points[index][0], -points[index][1]),
    )
    front: list[int] = []
    for index in order:
        if not front or points[index][1] > points[front[-1]][1] or points[index] == points[front[-1]]:
            front.append(index)
    return tuple(front)
