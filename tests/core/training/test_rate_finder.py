"""The learning-rate finder: on curves that are known, and on a network."""

import numpy as np
import pytest

from core.training.checkpoint import copy_values
from core.training.phase import remembered_variables
from core.training.rate_finder import LARGEST_RATE, LEAST_RATE, find_learning_rate, suggest_rate
from tests.core.training.test_phases import head, phase

RATES = [10 ** (-6 + 0.1 * step) for step in range(60)]


def test_a_tenth_of_the_rate_with_the_least_loss_is_taken():
    """A loss that is least at a hundredth suggests a thousandth."""
    losses = [abs(np.log10(rate) + 2) for rate in RATES]
    assert suggest_rate(RATES, losses) == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("losses", [[], [1.0, 2.0]], ids=["no step", "explodes at once"])
def test_a_trial_without_progress_suggests_the_least_rate(losses: list[float]):
    """Where no rate made anything better, the most careful one is taken."""
    assert suggest_rate(RATES[: len(losses)], losses) == LEAST_RATE


def test_a_network_is_left_as_it_was():
    """The trial finds a rate between its ends, and leaves weights and random numbers untouched."""
    model = head()
    variables = remembered_variables(model)
    before = copy_values(variables)
    found = find_learning_rate(model, phase())
    assert LEAST_RATE < found.suggestion <= LARGEST_RATE
    assert len(found.rates) == len(found.losses) > 50
    for value, expected in zip(copy_values(variables), before, strict=True):
        np.testing.assert_array_equal(value, expected)
