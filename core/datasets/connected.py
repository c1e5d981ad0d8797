"""Items that are connected by pairs, directly or through others."""

from collections.abc import Collection

import numpy as np


class Groups:
    """Items, numbered from 0 on, in groups that can be joined; at first each item is alone."""

    def __init__(self, num_items: int) -> None:
        self.labels = np.arange(num_items)  # items of one group have one label
        self._members = [[item] for item in range(num_items)]

    def join(self, first: int, second: int) -> None:
        """Make one group of the groups of two items."""
        smaller, larger = sorted(
            (int(self.labels[first]), int(self.labels[second])), key=lambda label: len(self._members[label])
        )
        if smaller != larger:
            self.labels[self._members[smaller]] = larger
            self._members[larger] += self._members[smaller]
            self._members[smaller] = []

    def all(self) -> list[list[int]]:
        """Every group, each sorted, ordered by their first item."""
        return sorted(sorted(members) for members in self._members if members)


def clusters(num_items: int, pairs: Collection[tuple[int, int]]) -> list[list[int]]:
    """Items that are connected by pairs, directly or through others.

    Args:
        num_items: items are numbered from 0 on.
        pairs: which items belong together.

    Returns:
        The groups of two items or more, each sorted, ordered by their first item.
    """
    groups = Groups(num_items)
    for first, second in pairs:
        groups.join(first, second)
    return [members for members in groups.all() if len(members) > 1]
