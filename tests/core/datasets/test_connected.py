"""`core.datasets.connected`: groups are what pairs connect."""

import numpy as np
import pytest

from core.datasets.connected import clusters


@pytest.mark.parametrize(
    ("num_items", "pairs", "expected"),
    [
        (0, [], []),
        (3, [], []),
        (4, [(0, 1)], [[0, 1]]),
        (4, [(2, 3), (0, 1), (1, 2)], [[0, 1, 2, 3]]),
        (6, [(5, 1), (2, 4)], [[1, 5], [2, 4]]),
        (3, [(0, 0), (1, 2), (2, 1), (1, 2)], [[1, 2]]),
    ],
)
def test_clusters_are_what_pairs_connect(num_items: int, pairs: list[tuple[int, int]], expected: list[list[int]]):
    """Connected directly or through others; items alone are left out."""
    assert clusters(num_items, pairs) == expected


def test_clusters_do_not_depend_on_the_order_of_pairs():
    """Any order gives the same groups."""
    generator = np.random.default_rng(0)
    pairs = [(int(first), int(second)) for first, second in generator.integers(0, 200, (120, 2))]
    shuffled = [pairs[position][::-1] for position in generator.permutation(len(pairs))]
    assert clusters(200, pairs) == clusters(200, shuffled)
