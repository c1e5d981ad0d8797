"""`core.features.neighbours`: the most alike, whatever the length of the features."""

import numpy as np
import pytest

from core.features.neighbours import nearest, unit_length


def test_nearest_are_those_of_a_full_sort() -> None:
    """Across the borders of chunks, rows and distances are those that sorting every cosine gives."""
    chance = np.random.default_rng(0)
    photos, others = (unit_length(chance.normal(size=(count, 8))) for count in (2_003, 50))
    rows, distances = nearest(photos, others, 5)
    cosines = photos @ others.T
    assert np.array_equal(rows, np.argsort(-cosines, axis=1, kind="stable")[:, :5])
    assert distances == pytest.approx(1 - np.take_along_axis(cosines, rows, axis=1), abs=1e-6)


def test_direction_alone_counts() -> None:
    """A brighter copy is at distance 0, the opposite at 2, and something without features at 1 from everything."""
    features = unit_length(np.array([[1.0, 2.0], [10.0, 20.0], [-1.0, -2.0], [0.0, 0.0]]))
    _, distances = nearest(features[:1], features[1:], 3)
    assert distances[0] == pytest.approx([0, 1, 2], abs=1e-6)


@pytest.mark.parametrize(("k", "expected"), [(2, [0, 1]), (9, [0, 1, 2])])
def test_equals_keep_their_order(k: int, expected: list[int]) -> None:
    """Of equally near photos the first come first, and more than there are cannot be had."""
    others = np.ones((3, 1), np.float32)
    assert nearest(others[:1], others, k)[0].tolist() == [expected]
