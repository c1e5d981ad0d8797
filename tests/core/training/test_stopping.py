"""When a phase ends early or slows down."""

import math
from dataclasses import replace

import pytest

from core.config import StoppingConfig
from core.training.stopping import StoppingState, after_epoch, begin_phase


def run(config: StoppingConfig, losses: list[float], rate: float = 1.0) -> list[StoppingState]:
    """The states after each of these epochs; the accuracy is one minus the loss."""
    states = [begin_phase(rate)]
    for epoch, loss in enumerate(losses, start=1):
        states.append(after_epoch(states[-1], config, epoch=epoch, loss=loss, accuracy=1 - loss))
    return states[1:]


def test_patience_counts_epochs_without_a_better_one():
    """After two epochs that are no better, and not before, the phase is over; the best one is remembered."""
    states = run(StoppingConfig(patience=2), [0.5, 0.4, 0.4, 0.45])
    assert [state.is_over for state in states] == [False, False, False, True]
    assert states[-1].best_epoch == 2


def test_without_patience_nothing_ends_early():
    """A phase whose config has no patience lasts as long as it was planned."""
    assert not any(state.is_over for state in run(StoppingConfig(), [0.5] * 50))


def test_the_rate_is_reduced_on_a_plateau_and_not_below_the_least():
    """Every second epoch without a better one multiplies the rate, until the least rate is reached."""
    config = StoppingConfig(plateau_patience=2, plateau_factor=0.1, least_learning_rate=0.05)
    rates = [state.learning_rate for state in run(config, [0.5] * 7)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.05, 0.05, 0.05])


def test_a_rate_below_the_least_is_not_raised():
    """What somebody chose to be slow stays slow."""
    config = StoppingConfig(plateau_patience=1, least_learning_rate=0.5)
    assert run(config, [0.5] * 4, rate=0.01)[-1].learning_rate == 0.01


def test_accuracy_can_be_what_counts():
    """With accuracy monitored, an epoch with a worse loss and a better accuracy is the best."""
    state = after_epoch(begin_phase(1.0), StoppingConfig(monitor="accuracy"), epoch=1, loss=0.1, accuracy=0.5)
    state = after_epoch(state, StoppingConfig(monitor="accuracy"), epoch=2, loss=0.9, accuracy=0.6)
    assert state.best_epoch == 2


def test_a_loss_that_is_no_number_is_never_the_best():
    """An epoch that lost its way neither becomes the best nor stops the counting."""
    states = run(StoppingConfig(patience=2), [math.nan, 0.5, math.nan, math.inf])
    assert states[0].best_epoch is None
    assert (states[-1].best_epoch, states[-1].is_over) == (2, True)


def test_the_next_phase_has_to_beat_the_best_epoch_so_far():
    """Fine-tuning takes over what was best before, but neither patience nor rate."""
    earlier = run(StoppingConfig(patience=1, plateau_patience=1), [0.4, 0.5])[-1]
    begun = begin_phase(0.01, earlier)
    assert (begun.best_value, begun.best_epoch, begun.is_over, begun.learning_rate) == (0.4, 1, False, 0.01)
    assert after_epoch(begun, StoppingConfig(), epoch=3, loss=0.45, accuracy=0).best_epoch == 1


def test_json_both_ways():
    """A state survives a checkpoint."""
    state = replace(begin_phase(0.1), best_value=0.5, best_epoch=3, num_without_better=2, is_over=True)
    assert StoppingState.from_json(state.to_json()) == state
