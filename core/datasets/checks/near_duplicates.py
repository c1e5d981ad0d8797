"""Which photos of a dataset are nearly the same: resaved, resized, cropped a little, turned a little, or mirrored.

Candidates are pairs with close perceptual hashes; the features of a network confirm them. Pairs are looked at tile by
tile, and a pair that would say nothing new is skipped, so that neither many photos nor many copies of one photo take
much memory: photos gather in *stars* round one that all of them are like, and one pair connects two stars.

The constants were measured on 994 photos of the web (alien-vs-predator and 100 of ImageNet: 493,521 pairs) and on
changed copies of 398 of them; features are those of EfficientNet-Lite0. Of the pairs that were found, every one was
looked at.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.datasets.connected import Groups

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

# Bits by which two photos must be closer as mirror images than as they are to count as alike only when mirrored. Photos
# of one symmetrical thing are as close either way (most distances are even numbers).
MIRROR_MARGIN = 4

# Pairs that are looked at together: 8 MB for the differing bits, and features of at most 3,072 photos (16 MB).
_TILE_ROWS = 512
_TILE_COLUMNS = 2048

Features = Callable[[npt.NDArray[np.intp]], npt.NDArray[np.float32]]

# What a photo is in a star: in none yet, the one that the others are like, or one of the others.
_FREE, _LEADER, _MEMBER = range(3)


def stars(num_items: int, pairs: Collection[tuple[int, int]]) -> list[list[int]]:
    """Groups round one item each that has a pair with every other of its group: no chain can make them long.

    The item with most pairs is first, then the one with most of what is left.

    Args:
        num_items: items are numbered from 0 on.
        pairs: which items are alike.

    Returns:
        The groups of two items or more, each sorted, ordered by their first item; no item is in two.
    """
    neighbours: dict[int, set[int]] = {}
    for first, second in pairs:
        if first != second:
            neighbours.setdefault(first, set()).add(second)
            neighbours.setdefault(second, set()).add(first)
    is_free = [True] * num_items
    waiting = [(-len(others), item) for item, others in neighbours.items()]
    heapq.heapify(waiting)
    groups = []
    while waiting:
        negative, item = heapq.heappop(waiting)
        others = [other for other in neighbours[item] if is_free[other]]
        if not is_free[item] or not others:
            continue
        if len(others) < -negative:
            heapq.heappush(waiting, (-len(others), item))  # others have taken some of its own since
            continue
        group = sorted([item, *others])
        for member in group:
            is_free[member] = False
        groups.append(group)
    return sorted(groups)


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
        for tile in _tiles(_as_integers(hashes), _as_integers(mirrored), max_distance)
        for first, second in zip(tile.rows, tile.columns, strict=True)
    ]


def is_mirror_image(first: str, second: str, second_mirrored: str) -> bool:
    """Whether two photos that are alike are so only when one of them is mirrored.

    Args:
        first: perceptual hash of one photo, 16 hexadecimal digits.
        second: the same of the other.
        second_mirrored: the same of the other's mirror image.
    """
    own, other, mirrored = (int(digits, 16) for digits in (first, second, second_mirrored))
    return (own ^ mirrored).bit_count() + MIRROR_MARGIN <= (own ^ other).bit_count()


def photos_to_compare(
    hashes: Sequence[str], mirrored: Sequence[str], known: Collection[tuple[int, int]]
) -> npt.NDArray[np.intp]:
    """Positions of the photos whose features `near_duplicates` will ask for. Arguments are the same."""
    found = _Found(hashes, mirrored, known)
    is_needed = np.zeros(len(hashes), dtype=bool)
    for tile in _tiles(_as_integers(hashes), _as_integers(mirrored), MAX_HASH_DISTANCE):
        is_open = found.is_open(tile.rows, tile.columns, tile.is_mirrored)
        is_needed[tile.rows[is_open]] = True
        is_needed[tile.columns[is_open]] = True
    return np.flatnonzero(is_needed)


def near_duplicates(
    hashes: Sequence[str],
    mirrored: Sequence[str],
    *,
    known: Collection[tuple[int, int]],
    features: Features | None,
) -> Iterator[tuple[int, int, float]]:
    """Find pairs of near-duplicates: as few as connect all that belong together, and as tell which are like one.

    They are at most three for each photo. Photos that are alike only when mirrored are connected on their own: leaving
    those pairs out leaves the others connected as they are.

    Args:
        hashes: perceptual hash of each photo, 16 hexadecimal digits.
        mirrored: the same of its mirror image.
        known: pairs of positions that are known to be near-duplicates; they are not yielded again.
        features: gives the features of the photos at some positions, float32 (photos, channels); zeros where there are
            none. Without it only pairs that are convincing by their hashes are found.

    Yields:
        Two positions, the lesser first, and the cosine of their features, -1 to 1 (1 without features).
    """
    found = _Found(hashes, mirrored, known)
    max_distance = CLOSE_HASH_DISTANCE if features is None else MAX_HASH_DISTANCE
    for every in _tiles(_as_integers(hashes), _as_integers(mirrored), max_distance):
        tile = every.only(found.is_open(every.rows, every.columns, every.is_mirrored))
        if tile.rows.size == 0:
            continue
        members = np.union1d(tile.rows, tile.columns)
        vectors = None if features is None else _normalised(features(members))
        starts = np.flatnonzero(np.diff(tile.rows, prepend=-1))
        for start, end in zip(starts, [*starts[1:], tile.rows.size], strict=True):
            row = tile.only(slice(start, end))
            # One photo of which there are many copies: after its own row nothing is left to compare.
            row = row.only(found.is_open(row.rows, row.columns, row.is_mirrored))
            if row.rows.size == 0:
                continue
            first = int(row.rows[0])
            similarities = np.ones(row.columns.size, dtype=np.float32)
            if vectors is not None:
                similarities = vectors[np.searchsorted(members, row.columns)] @ vectors[np.searchsorted(members, first)]
            is_close = row.distances <= CLOSE_HASH_DISTANCE
            is_near = similarities >= np.where(is_close, MIN_SIMILARITY_WHEN_CLOSE, MIN_SIMILARITY)
            for place in np.flatnonzero(is_near):
                second = int(row.columns[place])
                if found.add(first, second, is_mirrored=bool(row.is_mirrored[place])):
                    yield first, second, float(similarities[place])


class _Found:
    """Which photos are known to be nearly the same, and which pairs would say something new."""

    def __init__(self, hashes: Sequence[str], mirrored: Sequence[str], known: Collection[tuple[int, int]]) -> None:
        self._all = Groups(len(hashes))
        self._straight = Groups(len(hashes))  # without the pairs that are alike only when mirrored
        self._roles = np.full(len(hashes), _FREE, dtype=np.uint8)
        straight = []
        for first, second in known:
            self._all.join(first, second)
            if not is_mirror_image(hashes[first], hashes[second], mirrored[second]):
                self._straight.join(first, second)
                straight.append((first, second))
        counts = Counter(item for pair in straight for item in pair)
        for star in stars(len(hashes), straight):
            self._roles[star] = _MEMBER
            self._roles[max(star, key=lambda item: (counts[item], -item))] = _LEADER

    def is_open(
        self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], is_mirrored: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Whether pairs would say something new: connect what is apart, or bring a photo into a star."""
        first, second = self._roles[rows], self._roles[columns]
        is_for_star = ((first == _FREE) & (second != _MEMBER)) | ((first == _LEADER) & (second == _FREE))
        is_open: npt.NDArray[np.bool_] = (self._straight.labels[rows] != self._straight.labels[columns]) | is_for_star
        is_open[is_mirrored] = self._all.labels[rows[is_mirrored]] != self._all.labels[columns[is_mirrored]]
        return is_open

    def add(self, first: int, second: int, *, is_mirrored: bool) -> bool:
        """Note that two photos are nearly the same; False when that says nothing new by now."""
        one = np.array([first]), np.array([second]), np.array([is_mirrored])
        if not self.is_open(*one)[0]:
            return False
        self._all.join(first, second)
        if not is_mirrored:
            self._straight.join(first, second)
            if self._roles[first] != _MEMBER and self._roles[second] == _FREE:
                self._roles[first], self._roles[second] = _LEADER, _MEMBER
            elif self._roles[first] == _FREE and self._roles[second] == _LEADER:
                self._roles[first] = _MEMBER
        return True


def _as_integers(hashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """Close pairs of some rows and columns of the table of all pairs, row by row."""

    rows: npt.NDArray[np.intp]  # positions of the first photos, ascending
    columns: npt.NDArray[np.intp]  # of the second ones, each greater than its first
    distances: npt.NDArray[np.uint8]  # bits apart, as they are or mirrored
    is_mirrored: npt.NDArray[np.bool_]  # whether they are alike only when mirrored

    def only(self, chosen: npt.NDArray[np.bool_] | slice) -> "_Tile":
        """Some of the pairs."""
        return _Tile(
            rows=self.rows[chosen],
            columns=self.columns[chosen],
            distances=self.distances[chosen],
            is_mirrored=self.is_mirrored[chosen],
        )


def _tiles(hashes: npt.NDArray[np.uint64], mirrored: npt.NDArray[np.uint64], max_distance: int) -> Iterator[_Tile]:
    """Close pairs of one tile after the other, each pair once."""
    for top in range(0, hashes.size, _TILE_ROWS):
        for left in range(top, hashes.size, _TILE_COLUMNS):
            tile = _tile(hashes, mirrored, (top, left), max_distance)
            if tile.rows.size:
                yield tile


def _tile(
    hashes: npt.NDArray[np.uint64], mirrored: npt.NDArray[np.uint64], corner: tuple[int, int], max_distance: int
) -> _Tile:
    top, left = corner
    block = hashes[top : top + _TILE_ROWS, np.newaxis]
    straight = np.bitwise_count(block ^ hashes[left : left + _TILE_COLUMNS])
    turned = np.bitwise_count(block ^ mirrored[left : left + _TILE_COLUMNS])
    first, second = np.nonzero((straight <= max_distance) | (turned <= max_distance))
    is_later = second + left > first + top  # each pair once, no photo with itself
    first, second = first[is_later], second[is_later]
    straight, turned = straight[first, second], turned[first, second]
    return _Tile(
        rows=first + top,
        columns=second + left,
        distances=np.minimum(straight, turned),
        is_mirrored=turned + MIRROR_MARGIN <= straight,
    )


def _normalised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=result, where=lengths > 0)
    return result
