"""Which results can be told from guessing, at several numbers of photos and classes."""

import itertools

import numpy as np
import pytest

from core.evaluation.guessing import Standing, dealt_out, follows_photos, weigh
from core.evaluation.statistics import wilson_interval


def confusion(*rows: list[int]) -> np.ndarray:
    """Rows true, columns predicted."""
    return np.array(rows, np.int64)


def evenly(num_classes: int, num_photos: int, num_correct: int) -> np.ndarray:
    """So many photos of each class, so many of each right, the others shared out among the other classes."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    for row in range(num_classes):
        matrix[row, row] = num_correct
        for number in range(num_photos - num_correct):
            matrix[row, (row + 1 + number % (num_classes - 1)) % num_classes] += 1
    return matrix


@pytest.mark.parametrize(
    ("matrix", "standing"),
    [
        pytest.param(evenly(2, 100, 90), Standing.BETTER, id="plainly better"),
        pytest.param(evenly(2, 5, 5), Standing.BETTER, id="all of ten right"),
        pytest.param(evenly(3, 4, 4), Standing.BETTER, id="all of twelve right"),
        pytest.param(evenly(2, 100, 50), Standing.GUESSING, id="a coin"),
        pytest.param(evenly(2, 100, 55), Standing.GUESSING, id="a coin with some luck"),
        pytest.param(evenly(2, 1000, 515), Standing.GUESSING, id="a lead that is none, of many photos"),
        pytest.param(evenly(3, 20, 7), Standing.GUESSING, id="a die with three sides"),
        pytest.param(evenly(10, 10, 1), Standing.GUESSING, id="a die with ten sides"),
        pytest.param(evenly(10, 10, 3), Standing.BETTER, id="three times as good as a die with ten sides"),
        pytest.param(evenly(2, 100, 20), Standing.GUESSING, id="worse than a coin"),
        pytest.param(evenly(2, 5, 4), Standing.TOO_FEW, id="eight of ten"),
        pytest.param(confusion([3, 0], [1, 2]), Standing.TOO_FEW, id="five of six"),
        pytest.param(evenly(2, 1, 1), Standing.TOO_FEW, id="two of two"),
        pytest.param(confusion([20, 0, 0], [20, 0, 0], [20, 0, 0]), Standing.ONE_ANSWER, id="always the first"),
        pytest.param(confusion([0, 5], [0, 95]), Standing.ONE_ANSWER, id="always the largest"),
        pytest.param(confusion([0, 95], [0, 5]), Standing.ONE_ANSWER, id="always the smallest"),
        pytest.param(confusion([9, 1], [0, 0]), Standing.ONE_CLASS, id="judged by one class"),
        pytest.param(confusion([81, 9], [1, 9]), Standing.LARGEST_CLASS, id="rare ones found, frequent ones missed"),
        pytest.param(confusion([160, 20], [2, 18]), Standing.LARGEST_CLASS, id="the same of twice the photos"),
        pytest.param(confusion([88, 2], [9, 1]), Standing.GUESSING, id="hardly any of the rare ones found"),
    ],
)
def test_what_a_result_is_worth(matrix: np.ndarray, standing: Standing) -> None:
    """The interval of the accuracy must lie above the share of the largest class; what else it may be is told apart."""
    worth = weigh(matrix)
    assert worth.standing is standing
    low, _ = wilson_interval(worth.num_correct, worth.num_photos)
    assert worth.is_better == (low > worth.num_of_largest / matrix.sum())
    assert worth.is_chance == (standing not in (Standing.BETTER, Standing.LARGEST_CLASS))


@pytest.mark.parametrize(("num_photos", "num_classes"), [(12, 2), (30, 2), (60, 3), (200, 5), (500, 10)])
def test_guessers_are_found_out(num_photos: int, num_classes: int) -> None:
    """Answers that have nothing to do with the photos are hardly ever called better, whatever their mixture."""
    chance = np.random.default_rng(num_photos)
    standings = []
    for _ in range(300):
        matrix = np.zeros((num_classes, num_classes), np.int64)
        mixture = chance.dirichlet(np.ones(num_classes))
        true = chance.integers(num_classes, size=num_photos)
        np.add.at(matrix, (true, chance.choice(num_classes, size=num_photos, p=mixture)), 1)
        standings.append(weigh(matrix).standing)
    # Half of what an interval of 95 % leaves out lies above; the larger a class, the harder it is to beat.
    assert standings.count(Standing.BETTER) + standings.count(Standing.LARGEST_CLASS) <= 0.05 * 300


def test_the_only_answer_is_named() -> None:
    """A network that always says the same is told by that, and what always saying the best single class would bring."""
    worth = weigh(confusion([0, 4, 0], [0, 6, 0], [0, 8, 0]))
    assert (worth.only_answer, worth.largest_class, worth.num_of_largest, worth.num_correct) == (1, 2, 8, 6)
    assert weigh(evenly(2, 10, 9)).only_answer is None


def test_no_photo_is_no_result() -> None:
    """Nothing can be said without photos."""
    with pytest.raises(ValueError, match="0 right of 0 photos"):
        weigh(np.zeros((2, 2), np.int64))


@pytest.mark.parametrize(
    ("support", "called"),
    [([2, 2], [1, 3]), ([3, 1, 2], [2, 2, 2]), ([4, 2], [6, 0]), ([1, 1, 1, 2], [2, 1, 0, 2]), ([5, 0], [3, 2])],
)
def test_answers_that_are_dealt_out(support: list[int], called: list[int]) -> None:
    """Mean and variance are those over every way to deal the answers out."""
    true = [index for index, number in enumerate(support) for _ in range(number)]
    said = [index for index, number in enumerate(called) for _ in range(number)]
    hits = [sum(a == b for a, b in zip(true, order, strict=True)) for order in itertools.permutations(said)]
    mean, variance = dealt_out(np.array(support), np.array(called))
    assert mean == pytest.approx(np.mean(hits))
    assert variance == pytest.approx(np.var(hits))


def test_following_the_photos() -> None:
    """A rare class that is found counts as much as a frequent one; a single photo never follows anything."""
    assert follows_photos(confusion([81, 9], [1, 9]))
    assert not follows_photos(confusion([90, 0], [10, 0]))
    assert not follows_photos(confusion([1, 0], [0, 0]))
