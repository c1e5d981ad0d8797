"""The learning-rate finder: on losses that are known, and on a network."""

import math

import numpy as np
import pytest

from core.config import Optimizer, PhaseConfig
from core.training.checkpoint import copy_values
from core.training.phase import remembered_variables
from core.training.rate_finder import RATES, RateTrials, suggest_rate, take_batches
from tests.core.training.test_phases import head, phase


@pytest.mark.parametrize(("optimizer", "expected"), [("adam", 0.003), ("rmsprop", 0.003), ("sgd", 0.007)])
def test_less_than_the_rate_with_the_least_loss_is_taken(optimizer: Optimizer, expected: float):
    """A loss that is least at a hundredth suggests a third of it, to plain gradient descent more; trials that exploded
    count for nothing."""
    losses = [abs(math.log10(rate) + 2) if rate < 0.1 else math.inf for rate in RATES]
    config = PhaseConfig(optimizer=optimizer, learning_rate=0.5)
    assert suggest_rate(losses, config) == pytest.approx(expected)


@pytest.mark.parametrize(("configured", "expected"), [(0.001, 0.001), (0.1, 0.0065)], ids=["harmless", "too large"])
def test_losses_that_differ_by_chance_choose_no_rate(configured: float, expected: float):
    """Where nothing was learned the config's own rate stays, unless it is too near to those at which losses rise."""
    losses = [1.0, 0.96, *[1.0] * 5, 1.005, 1.4, 3.0, *[math.inf] * 3]
    assert suggest_rate(losses, PhaseConfig(learning_rate=configured)) == pytest.approx(expected, rel=0.05)


def test_where_everything_explodes_the_least_rate_is_suggested():
    """Where no trial came to its end, the most careful rate is taken."""
    assert suggest_rate([math.inf] * len(RATES), PhaseConfig()) == pytest.approx(0.3 * RATES[0])


@pytest.mark.parametrize("one_unit", [False, True])
def test_trials_depend_on_nothing_but_their_rate(one_unit: bool):
    """A rate has the same loss in whatever order it is tried, a network that drops out included, which is left as it
    was; a rate that teaches something beats one that does not."""
    model, made = head(one_unit=one_unit), phase(one_unit=one_unit)
    before = copy_values(remembered_variables(model))
    trials = RateTrials(model, made.objective, take_batches(made, lambda: None), lambda: None)
    tried = [RATES[0], 0.1, RATES[-1]]
    losses = [trials.loss_at(rate) for rate in tried]
    assert [trials.loss_at(rate) for rate in reversed(tried)] == losses[::-1]
    assert losses[1] < losses[0]
    for value, expected in zip(copy_values(remembered_variables(model)), before, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_trials_see_what_the_phase_begins_with():
    """Nine batches, from its first epochs in their own order: 40 photos in steps of 16 are three an epoch."""
    made = phase()
    batches = take_batches(made, lambda: None)
    assert [len(inputs) for inputs, _ in batches] == [16, 16, 8] * 3
    assert not np.array_equal(batches[0][0], batches[3][0])
