"""Which points nothing else beats."""

import math

import numpy as np
import pytest

from core.evaluation.pareto import pareto_front


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], ()),
        ([(5.0, 0.9)], (0,)),
        ([(5.0, 0.9), (1.0, 0.7), (3.0, 0.8)], (1, 2, 0)),
        ([(1.0, 0.9), (2.0, 0.9), (1.0, 0.8)], (0,)),
        ([(1.0, 0.9), (2.0, 0.95), (1.0, 0.9)], (0, 2, 1)),
        ([(2.0, 0.9), (1.0, 0.95), (2.0, 0.9)], (1,)),
        ([(math.nan, 1.0), (1.0, math.nan), (2.0, 0.5)], (2,)),
    ],
    ids=["none", "one", "by cost", "ties are beaten", "equal points both", "equal points neither", "unknown"],
)
def test_the_front(points: list[tuple[float, float]], front: tuple[int, ...]):
    """Points that no other beats, by rising cost."""
    assert pareto_front(points) == front


def test_the_front_of_many_points_is_what_comparing_each_with_each_finds():
    """On a grid with many ties, exactly the points that none beats are on the front."""
    points = [(float(cost), float(value)) for cost, value in np.random.default_rng(0).integers(0, 12, (80, 2))]

    def is_beaten(cost: float, value: float) -> bool:
        return any(other != (cost, value) and other[0] <= cost and other[1] >= value for other in points)

    assert sorted(pareto_front(points)) == [index for index, point in enumerate(points) if not is_beaten(*point)]
