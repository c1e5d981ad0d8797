"""The learning-rate finder: a short trial in which the rate grows from step to step, to see where learning is fastest.

Source: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", https://arxiv.org/abs/1506.01186, section
3.3; the loss is smoothed, and the trial ends when it explodes, as in fastai's `lr_find`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from core.training.checkpoint import assign_values, copy_values
from core.training.inputs import Array, PhaseDataset
from core.training.phase import Phase, remembered_variables
from core.training.phases import compile_model

LEAST_RATE, LARGEST_RATE = 1e-6, 1.0
_NUM_STEPS = 120
_SMOOTHING = 0.9  # share of the mean so far that each new loss leaves
_EXPLODED = 4.0  # the trial ends when the loss is so many times its least
# At the rate with the least loss learning is about to go wrong; a tenth of it is safe, as in fastai's `minimum`. The
# steepest fall, which others take, is lost in the noise of the first batches when features are good.
_SAFETY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSearch:
    """What the trial found."""

    rates: tuple[float, ...]  # of each step
    losses: tuple[float, ...]  # smoothed, after each step
    suggestion: float


def find_learning_rate(model: keras.Model, phase: Phase) -> RateSearch:
    """Try all rates on a network, and leave its weights as they were.

    Args:
        model: inputs of `phase` → logits (batch, outputs).
        phase: its photos, batches and optimizer are those of the trial.
    """
    variables = remembered_variables(model)
    before = copy_values(variables)
    compile_model(model, phase, learning_rate=LEAST_RATE)
    rates, losses = [], []
    mean = least = 0.0
    for step, batch in enumerate(_endless(phase)):
        rate = LEAST_RATE * (LARGEST_RATE / LEAST_RATE) ** (step / (_NUM_STEPS - 1))
        model.optimizer.learning_rate.assign(rate)
        loss = float(model.train_on_batch(*batch, return_dict=True)["loss"])
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        smoothed = mean / (1 - _SMOOTHING ** (step + 1))  # without the zero that the mean began with
        least = smoothed if step == 0 else min(least, smoothed)
        if not math.isfinite(smoothed) or smoothed > _EXPLODED * least:
            break
        rates.append(rate)
        losses.append(smoothed)
        if step + 1 == _NUM_STEPS:
            break
    assign_values(variables, before)
    return RateSearch(rates=tuple(rates), losses=tuple(losses), suggestion=suggest_rate(rates, losses))


def suggest_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate to train with: a tenth of that with the least loss.

    Args:
        rates: of each step, growing by a constant factor.
        losses: smoothed, after each step; as many.

    Returns:
        A rate from `LEAST_RATE` to `LARGEST_RATE`, to two digits.
    """
    if not losses:
        return LEAST_RATE
    rate = _SAFETY * rates[int(np.argmin(losses))]
    return float(f"{min(max(rate, LEAST_RATE), LARGEST_RATE):.2g}")


def _endless(phase: Phase) -> Iterator[tuple[Array, ...]]:
    """Batches of one epoch after the other."""
    dataset = PhaseDataset(
        phase.train,
        phase.train_targets,
        batch_size=phase.batch_size,
        seed=phase.seed,
        sample_weights=phase.sample_weights,
    )
    while True:
        for number in range(len(dataset)):
            yield dataset[number]
        dataset.on_epoch_end()
