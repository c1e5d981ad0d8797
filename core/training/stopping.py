"""When a phase ends before its last epoch, and when it learns more slowly: a pure state that goes into checkpoints."""

import math
from dataclasses import dataclass, replace

from core.config import StoppingConfig
from core.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingState(Record):
    """What the epochs so far have come to."""

    learning_rate: float  # of the next epoch
    best_value: float | None = None  # of what is monitored; None: nothing that can be compared yet
    best_epoch: int | None = None
    num_without_better: int = 0  # epochs of this phase since the best one
    num_without_reduction: int = 0  # epochs since the best one or the last reduction of the rate
    is_over: bool = False  # whether patience has run out


def begin_phase(learning_rate: float, earlier: StoppingState | None = None) -> StoppingState:
    """The state before the first epoch of a phase.

    Args:
        learning_rate: of the phase.
        earlier: the end of the phase before, whose best epoch remains the one to beat.
    """
    state = StoppingState(learning_rate=learning_rate)
    if earlier is None:
        return state
    return replace(state, best_value=earlier.best_value, best_epoch=earlier.best_epoch)


def after_epoch(
    state: StoppingState, config: StoppingConfig, *, epoch: int, loss: float, accuracy: float
) -> StoppingState:
    """The state after an epoch.

    Args:
        state: before it.
        config: patience and plateau.
        epoch: its number.
        loss: of the validation photos, of the training photos where there are none.
        accuracy: likewise, 0-1.
    """
    value = loss if config.monitor == "loss" else -accuracy  # the smaller, the better
    if math.isfinite(value) and (state.best_value is None or value < state.best_value):
        return replace(state, best_value=value, best_epoch=epoch, num_without_better=0, num_without_reduction=0)
    state = replace(
        state,
        num_without_better=state.num_without_better + 1,
        num_without_reduction=state.num_without_reduction + 1,
    )
    if config.patience is not None and state.num_without_better >= config.patience:
        state = replace(state, is_over=True)
    if config.plateau_patience is not None and state.num_without_reduction >= config.plateau_patience:
        reduced = max(state.learning_rate * config.plateau_factor, config.least_learning_rate)
        # A rate that began below the least one is not raised to it.
        state = replace(state, learning_rate=min(reduced, state.learning_rate), num_without_reduction=0)
    return state
