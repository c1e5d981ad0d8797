"""`core.datasets.checks.near_duplicates`: what looks alike is found, in bounded memory."""

import tracemalloc

import numpy as np
import pytest

from core.datasets.checks.near_duplicates import (
    CLOSE_HASH_DISTANCE,
    MAX_HASH_DISTANCE,
    MIN_SIMILARITY,
    candidate_pairs,
    is_mirror_image,
    near_duplicates,
    photos_to_compare,
    stars,
)
from core.datasets.connected import clusters


def random_hashes(num: int, seed: int = 0) -> list[str]:
    numbers = np.random.default_rng(seed).integers(0, 2**64, num, dtype=np.uint64)
    return [f"{number:016x}" for number in numbers]


def with_bits_changed(digits: str, num_bits: int) -> str:
    return f"{int(digits, 16) ^ ((1 << num_bits) - 1):016x}"


def distance(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def equal_features(positions: np.ndarray) -> np.ndarray:
    return np.ones((positions.size, 4), np.float32)


def own_features(positions: np.ndarray) -> np.ndarray:
    """Each photo points into a direction of its own."""
    return np.eye(64, dtype=np.float32)[positions]


# --- stars -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(0, 1)], [[0, 1]]),
        ([(0, 1), (1, 2), (2, 3)], [[0, 1, 2]]),
        ([(0, 1), (1, 2), (2, 3), (3, 4)], [[0, 1, 2], [3, 4]]),
        ([(4, 1), (4, 2), (4, 3), (0, 1)], [[1, 2, 3, 4]]),
    ],
)
def test_stars_are_round_one_item(pairs: list[tuple[int, int]], expected: list[list[int]]):
    """Every item of a group has a pair with one of it; a chain falls apart."""
    assert stars(5, pairs) == expected
    assert stars(5, [pair[::-1] for pair in reversed(pairs)]) == expected


# --- candidates ------------------------------------------------------------------------------------------


def test_candidates_are_all_close_pairs():
    """The tiles find the pairs that comparing everything with everything finds, each once."""
    hashes, mirrored = random_hashes(1500), random_hashes(1500, seed=1)
    found = candidate_pairs(hashes, mirrored, max_distance=18)
    expected = {
        (first, second)
        for first in range(0, 1500, 10)
        for second in range(first + 1, 1500)
        if min(distance(hashes[first], hashes[second]), distance(hashes[first], mirrored[second])) <= 18
    }
    assert len(set(found)) == len(found)
    assert {pair for pair in found if pair[0] % 10 == 0} == expected
    assert expected


def test_pairs_across_tiles_are_found():
    """A copy is found however far away it stands; a mirrored one too."""
    hashes, mirrored = random_hashes(6000), random_hashes(6000, seed=1)
    hashes[5999] = with_bits_changed(hashes[3], 4)
    mirrored[4321] = hashes[1]
    found = candidate_pairs(hashes, mirrored, max_distance=6)
    assert (3, 5999) in found
    assert (1, 4321) in found


def test_memory_does_not_grow_with_the_number_of_photos():
    """Ten thousand photos are searched in the memory that two thousand take, save for the hashes themselves."""
    peaks = []
    for num in (2_500, 10_000):
        hashes, mirrored = random_hashes(num), random_hashes(num, seed=1)
        tracemalloc.start()
        candidate_pairs(hashes, mirrored, max_distance=8)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000


# --- near-duplicates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_bits", "cosine", "is_found"),
    [
        (0, 0.55, True),
        (CLOSE_HASH_DISTANCE, 0.55, True),
        (CLOSE_HASH_DISTANCE, 0.45, False),
        (CLOSE_HASH_DISTANCE + 2, 0.55, False),
        (CLOSE_HASH_DISTANCE + 2, MIN_SIMILARITY + 0.01, True),
        (MAX_HASH_DISTANCE, MIN_SIMILARITY + 0.01, True),
        (MAX_HASH_DISTANCE, MIN_SIMILARITY - 0.01, False),
        (MAX_HASH_DISTANCE + 1, 1.0, False),
    ],
)
def test_features_confirm_the_less_the_closer_the_hashes(num_bits: int, cosine: float, is_found: bool):
    """Close hashes need little confirmation, less close ones more, distant ones are not looked at."""
    hashes = ["0" * 16, with_bits_changed("0" * 16, num_bits)]
    mirrored = ["f" * 16, "f" * 16]
    vectors = np.array([[3.0, 0.0], [2 * cosine, 2 * (1 - cosine**2) ** 0.5]], np.float32)
    found = list(near_duplicates(hashes, mirrored, known=(), features=lambda positions: vectors[positions]))
    assert [pair[:2] for pair in found] == ([(0, 1)] if is_found else [])
    if is_found:
        assert found[0][2] == pytest.approx(cosine, abs=1e-5)


def test_without_features_only_the_closest_count():
    """Hashes alone must be close to convince."""
    base = "0" * 16
    hashes = [base, with_bits_changed(base, CLOSE_HASH_DISTANCE), f"{0xFF << 32:016x}"]
    found = list(near_duplicates(hashes, ["f" * 16] * 3, known=(), features=None))
    assert found == [(0, 1, 1.0)]


def test_a_photo_without_features_is_no_duplicate():
    """Zeros stand for a photo that cannot be read; they resemble nothing."""
    hashes = ["0" * 16] * 2
    zeros = np.zeros((2, 4), np.float32)
    assert list(near_duplicates(hashes, hashes, known=(), features=lambda positions: zeros[positions])) == []


def test_many_copies_take_one_pair_each():
    """A thousand frames of a still scene are connected by 999 pairs, not by half a million."""
    hashes = ["0123456789abcdef"] * 1000
    found = list(near_duplicates(hashes, hashes, known=(), features=equal_features))
    assert len(found) == 999
    assert clusters(1000, [pair[:2] for pair in found]) == [list(range(1000))]


def test_known_pairs_are_not_looked_at_again():
    """Photos that are connected already need no features, and are not found twice."""
    hashes = ["0123456789abcdef"] * 3 + ["f" * 16]
    assert list(photos_to_compare(hashes, ["5" * 16] * 4, known=[(0, 1)])) == [0, 1, 2]
    assert list(photos_to_compare(hashes, ["5" * 16] * 4, known=[(0, 1), (1, 2)])) == []
    found = list(near_duplicates(hashes, ["5" * 16] * 4, known=[(0, 1)], features=equal_features))
    assert len(found) == 1
    assert clusters(4, [(0, 1), found[0][:2]]) == [[0, 1, 2]]


def test_only_the_photos_to_compare_are_asked_for():
    """`photos_to_compare` tells beforehand whose features are needed."""
    hashes = random_hashes(64)
    hashes[7], hashes[30] = hashes[2], with_bits_changed(hashes[2], 8)
    asked: set[int] = set()

    def features(positions: np.ndarray) -> np.ndarray:
        asked.update(int(position) for position in positions)
        return own_features(positions)

    assert list(near_duplicates(hashes, random_hashes(64, seed=1), known=(), features=features)) == []
    assert asked == set(photos_to_compare(hashes, random_hashes(64, seed=1), known=())) == {2, 7, 30}


@pytest.mark.parametrize("hashes", [[], ["0" * 16]])
def test_nothing_to_compare(hashes: list[str]):
    """No photo and one photo have no pairs."""
    assert candidate_pairs(hashes, hashes) == []
    assert list(near_duplicates(hashes, hashes, known=(), features=equal_features)) == []
    assert photos_to_compare(hashes, hashes, known=()).size == 0


# --- mirror images ---------------------------------------------------------------------------------------


def test_mirror_images_are_connected_on_their_own():
    """Two photos and their two mirror images: leaving out the mirrored pairs leaves each two connected."""
    left, right = "00000000ffffffff", "ffffffff00000000"
    hashes, mirrored = [left, right, left, right], [right, left, right, left]
    found = [pair[:2] for pair in near_duplicates(hashes, mirrored, known=(), features=equal_features)]
    straight = [(a, b) for a, b in found if not is_mirror_image(hashes[a], hashes[b], mirrored[b])]
    assert clusters(4, straight) == [[0, 2], [1, 3]]
    assert clusters(4, found) == [[0, 1, 2, 3]]


def test_a_symmetrical_thing_is_no_mirror_image():
    """Photos that are as alike straight as mirrored are alike."""
    assert not is_mirror_image("00000000000000ff", "000000000000000f", "000000000000000f")
    assert is_mirror_image("00000000000000ff", "000000000000ff0f", "00000000000000f0")


def test_pairs_known_from_before_are_enough():
    """Pairs as they were kept once, as few as connect photos, are not found again, nor their photos asked for."""
    hashes = ["0123456789abcdef"] * 50
    known = [(0, number) for number in range(1, 50)]
    assert photos_to_compare(hashes, ["f" * 16] * 50, known).size == 0
    assert list(near_duplicates(hashes, ["f" * 16] * 50, known=known, features=equal_features)) == []
