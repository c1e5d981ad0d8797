"""Which photos of a dataset are nearly the same: resaved, resized, cropped a little, turned a little, or mirrored.

Candidates are pairs with close perceptual hashes; the features of a network confirm them. Pairs are looked at tile by
tile, and a pair whose photos are connected by other pairs already is skipped, so that neither many photos nor many
copies of one photo take much memory.

The constants were measured on 994 photos of the web (alien-vs-predator and 100 of ImageNet: 493,521 pairs) and on
changed copies of 398 of them; features are those of EfficientNet-Lite0. Of the pairs that were found, every one was
looked at.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

# Bits out of 64 by which two hashes may differ to be looked at. Found at 14 (16; 12): all photos saved again at quality
# 60 or halved, all cropped by 5 %, 90 % (97; 79 %) of those cropped by 5 % at two sides only, 94 % (99; 86 %) of those
# turned by 2 degrees, all mirrored. Different photos that had to be compared: 0.04 % (0.14; 0.02 %) of all pairs.
MAX_HASH_DISTANCE = 14
# Least cosine of the features of such a pair, chosen on the web photos themselves: of the 44 pairs above it those below
# 0.947 were looked at, and all show the same scene; the highest value of two different photos was 0.845 (the same toy
# in two poses on white). Changed copies: cropped by 5 % 0.92, turned by 2 degrees 0.88, mirrored 0.92 (each the lowest
# but 5 %).
MIN_SIMILARITY = 0.85
# Hashes as close as this are convincing by themselves: all 31 such pairs of the web photos show the same scene. It is
# also the rule when there are no features to ask. At 8 there were 14 more pairs, of which 3 were different photos.
CLOSE_HASH_DISTANCE = 6
# Least cosine for such a pair: a photo at half its size keeps its hash (at most 4 bits differ), but its features come
# as low as 0.54; of the pairs of different photos, 99 % are below 0.63.
MIN_SIMILARITY_WHEN_CLOSE = 0.5

# Pairs that are looked at together: 8 MB for the differing bits, and features of at most 3,072 photos (16 MB).
_TILE_ROWS = 512
_TILE_COLUMNS = 2048

Features = Callable[[npt.NDArray[np.intp]], npt.NDArray[np.float32]]


class _Groups:
    """Items in groups that can be joined; at first each item is alone."""

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

    def largest(self) -> list[list[int]]:
        """The groups of two items or more, each sorted, ordered by their first item."""
        return sorted(sorted(members) for members in self._members if len(members) > 1)


def clusters(num_items: int, pairs: Collection[tuple[int, int]]) -> list[list[int]]:
    """Items that are connected by pairs, directly or through others.

    Args:
        num_items: items are numbered from 0 on.
        pairs: which items belong together.

    Returns:
        The groups of two items or more, each sorted, ordered by their first item.
    """
    groups = _Groups(num_items)
    for first, second in pairs:
        groups.join(first, second)
    return groups.largest()


def candidate_pairs(
    hashes: Sequence[str], mirrored: Sequence[str], *, max_distance: int = MAX_HASH_DISTANCE
) -> list[tuple[int, int]]:
    """All pairs of photos that look alike, or like each other's mirror image.

    Args:
        hashes: perceptual hash of each photo, 16 hexadecimal digits.
        mirrored: the same of its mirror image.
        max_distance: bits out of 64 that may differ.

    Returns:
        Pairs of positions, the lesser first.
    """
    return [
        (int(first), int(second))
        for rows, columns, _ in _tiles(_as_integers(hashes), _as_integers(mirrored), max_distance)
        for first, second in zip(rows, columns, strict=True)
    ]


def photos_to_compare(
    hashes: Sequence[str], mirrored: Sequence[str], known: Collection[tuple[int, int]]
) -> npt.NDArray[np.intp]:
    """Positions of the photos whose features `near_duplicates` will ask for. Arguments are the same."""
    labels = _joined(len(hashes), known).labels
    is_needed = np.zeros(len(hashes), dtype=bool)
    for rows, columns, _ in _tiles(_as_integers(hashes), _as_integers(mirrored), MAX_HASH_DISTANCE):
        is_apart = labels[rows] != labels[columns]
        is_needed[rows[is_apart]] = True
        is_needed[columns[is_apart]] = True
    return np.flatnonzero(is_needed)


def near_duplicates(
    hashes: Sequence[str],
    mirrored: Sequence[str],
    *,
    known: Collection[tuple[int, int]],
    features: Features | None,
) -> Iterator[tuple[int, int, float]]:
    """Find pairs of near-duplicates, as few as connect all that belong together.

    Args:
        hashes: perceptual hash of each photo, 16 hexadecimal digits.
        mirrored: the same of its mirror image.
        known: pairs of positions that are known to be near-duplicates; they are not yielded again.
        features: gives the features of the photos at some positions, float32 (photos, channels); zeros where there are
            none. Without it only pairs that are convincing by their hashes are found.

    Yields:
        Two positions, the lesser first, and the cosine of their features, -1 to 1 (1 without features).
    """
    groups = _joined(len(hashes), known)
    max_distance = CLOSE_HASH_DISTANCE if features is None else MAX_HASH_DISTANCE
    for rows, columns, distances in _tiles(_as_integers(hashes), _as_integers(mirrored), max_distance):
        is_apart = groups.labels[rows] != groups.labels[columns]
        rows, columns, distances = rows[is_apart], columns[is_apart], distances[is_apart]
        if rows.size == 0:
            continue
        members = np.union1d(rows, columns)
        vectors = None if features is None else _normalised(features(members))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        for start, end in zip(starts, [*starts[1:], rows.size], strict=True):
            first, seconds = int(rows[start]), columns[start:end]
            # One photo of which there are many copies: after its own row nothing is left to compare.
            is_new = groups.labels[seconds] != groups.labels[first]
            if not is_new.any():
                continue
            seconds, close = seconds[is_new], distances[start:end][is_new] <= CLOSE_HASH_DISTANCE
            similarities = np.ones(seconds.size, dtype=np.float32)
            if vectors is not None:
                similarities = vectors[np.searchsorted(members, seconds)] @ vectors[np.searchsorted(members, first)]
            is_near = similarities >= np.where(close, MIN_SIMILARITY_WHEN_CLOSE, MIN_SIMILARITY)
            for second, similarity in zip(seconds[is_near], similarities[is_near], strict=True):
                if groups.labels[first] != groups.labels[second]:
                    groups.join(first, int(second))
                    yield first, int(second), float(similarity)


def _joined(num_items: int, pairs: Collection[tuple[int, int]]) -> _Groups:
    groups = _Groups(num_items)
    for first, second in pairs:
        groups.join(first, second)
    return groups


def _as_integers(hashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def _tiles(
    hashes: npt.NDArray[np.uint64], mirrored: npt.NDArray[np.uint64], max_distance: int
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.uint8]]]:
    """Close pairs of one tile after the other: first positions (ascending), second positions (greater), bits apart."""
    for top in range(0, hashes.size, _TILE_ROWS):
        block = hashes[top : top + _TILE_ROWS, np.newaxis]
        for left in range(top, hashes.size, _TILE_COLUMNS):
            columns = slice(left, left + _TILE_COLUMNS)
            distances = np.minimum(
                np.bitwise_count(block ^ hashes[columns]), np.bitwise_count(block ^ mirrored[columns])
            )
            first, second = np.nonzero(distances <= max_distance)
            is_later = second + left > first + top  # each pair once, no photo with itself
            first, second = first[is_later], second[is_later]
            if first.size:
                yield first + top, second + left, distances[first, second]


def _normalised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=result, where=lengths > 0)
    return result
