"""Intervals and tests against published examples."""

import math
from fractions import Fraction

import pytest

from core.evaluation.statistics import mcnemar_exact, paired_difference_interval, wilson_interval


@pytest.mark.parametrize(
    ("num_correct", "num_photos", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(num_correct: int, num_photos: int, low: float, high: float):
    """The interval is that of a published table, to four digits."""
    assert wilson_interval(num_correct, num_photos) == pytest.approx((low, high), abs=6e-5)


def test_wilson_is_symmetric():
    """Right and wrong answers changing places mirrors the interval."""
    low, high = wilson_interval(3, 40)
    assert wilson_interval(37, 40) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("num_correct", "num_photos"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(num_correct: int, num_photos: int):
    """Nothing asked, or more right than asked, has no interval."""
    with pytest.raises(ValueError, match="right of"):
        wilson_interval(num_correct, num_photos)


@pytest.mark.parametrize(
    ("num_only_first", "num_only_second", "p_value"),
    [
        # Agresti, "Categorical Data Analysis": approval of a prime minister, asked twice; p by R's exact2x2.
        (150, 86, 3.716e-05),
        # Fagerland, Lydersen, Laake, "The McNemar test for binary matched-pairs data", BMC Medical Research Methodology
        # 13 (2013), 91: airways before and after a transplantation; responses before and after a therapy.
        (1, 7, 0.0703),
        (6, 16, 0.0525),
    ],
    ids=["approval", "airways", "responses"],
)
def test_mcnemar_gives_the_published_values(num_only_first: int, num_only_second: int, p_value: float):
    """The p-value is the published one, whichever model comes first."""
    assert mcnemar_exact(num_only_first, num_only_second) == pytest.approx(p_value, rel=1e-3)
    assert mcnemar_exact(num_only_second, num_only_first) == mcnemar_exact(num_only_first, num_only_second)


@pytest.mark.parametrize("total", [1, 2, 7, 12, 30])
def test_mcnemar_adds_up_what_is_as_unlikely(total: int):
    """For every outcome, the p-value is the exact sum of the outcomes that are no likelier."""
    for won in range(total + 1):
        ways = math.comb(total, won)
        expected = Fraction(sum(math.comb(total, k) for k in range(total + 1) if math.comb(total, k) <= ways), 2**total)
        assert mcnemar_exact(won, total - won) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "p_value"), [((0, 0), 1.0), ((3, 3), 1.0), ((0, 5), 0.0625), ((2500, 2500), 1.0), ((0, 5000), 0.0)]
)
def test_mcnemar_at_its_ends(counts: tuple[int, int], p_value: float):
    """No difference is luck for sure; very many photos neither overflow nor take approximations."""
    assert mcnemar_exact(*counts) == p_value


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables" (2017), chapter 8, Newcombe's
        # square-and-add interval, which is method 10: responses before and after a therapy (Cavo and others, 2012);
        # airways before and after a transplantation (Bentur and others, 2009).
        ((59, 6, 16, 80), -0.1186, -0.0046),
        ((1, 1, 7, 12), -0.507, -0.026),
    ],
    ids=["responses", "airways"],
)
def test_newcombe_gives_the_published_intervals(counts: tuple[int, int, int, int], low: float, high: float):
    """The interval is the published one, and mirrored when the models change places."""
    both, only_first, only_second, neither = counts
    digits = 6e-5 if round(low, 3) != low else 6e-4
    assert paired_difference_interval(*counts) == pytest.approx((low, high), abs=digits)
    mirrored = paired_difference_interval(both, only_second, only_first, neither)
    assert mirrored == pytest.approx((-high, -low), abs=digits)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Margins of 0 leave the correlation out: both ends are those of the Wilson intervals put together.
        ((10, 0, 0, 0), -0.2775, 0.2775),
        ((0, 0, 0, 10), -0.2775, 0.2775),
        ((0, 10, 0, 0), 1 - 0.2775 * math.sqrt(2), 1.0),
        ((0, 1, 0, 0), 1 - 0.7935 * math.sqrt(2), 1.0),
    ],
    ids=["both right", "both wrong", "one always right", "one photo"],
)
def test_the_interval_of_a_difference_at_its_ends(counts: tuple[int, int, int, int], low: float, high: float):
    """Models that agree everywhere may still differ on other photos; no interval leaves -1 to 1."""
    assert paired_difference_interval(*counts) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("num_each", [1, 6, 40])
def test_a_model_compared_with_itself(num_each: int):
    """The difference is around 0, and closer to it than that of models that go wrong on different photos."""
    low, high = paired_difference_interval(num_each, 0, 0, num_each)
    assert low == pytest.approx(-high)
    apart_low, apart_high = paired_difference_interval(0, num_each, num_each, 0)
    assert apart_low < low < high < apart_high


def test_the_interval_agrees_with_the_test():
    """Where the exact test sees luck, the interval has 0 in it; where it sees none for sure, it has not."""
    for only_first, only_second in ((9, 4), (4, 9), (5, 5), (12, 6)):
        low, high = paired_difference_interval(150, only_first, only_second, 20)
        assert mcnemar_exact(only_first, only_second) > 0.05
        assert low < 0 < high
    for only_first, only_second in ((20, 3), (3, 20), (60, 20)):
        low, high = paired_difference_interval(150, only_first, only_second, 20)
        assert mcnemar_exact(only_first, only_second) < 0.01
        assert low > 0 or high < 0


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (5, -1, 0, 0)])
def test_impossible_pairs_are_refused(counts: tuple[int, int, int, int]):
    """Nothing asked, or less than nothing, has neither interval nor test."""
    with pytest.raises(ValueError, match="photos"):
        paired_difference_interval(*counts)
    if min(counts) < 0:
        with pytest.raises(ValueError, match="counts from 0"):
            mcnemar_exact(counts[1], counts[2])
