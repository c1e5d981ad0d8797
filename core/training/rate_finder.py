"""The learning-rate finder: short trials from the same start with a rate each, to see with which learning is fastest.

All trials see the same photos and draw the same random numbers, so that nothing but the rate differs between them, and
none depends on another: whoever has time may do it.

Source: after L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", https://arxiv.org/abs/1506.01186,
section 3.3, where one trial has a rate that grows from step to step. There the losses of different rates are those of
different photos and of a network that has learned meanwhile. On 694 photos of two classes and 400 of ten, with one
layer and two, three seeds each, whole trainings at the rate that such a trial advised had validation losses of up to
1.6 times the least that any rate reached (Adam) and 2.1 times (SGD); at the rate of these trials, 1.1 and 1.5 times.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from core.config import PhaseConfig
from core.training.checkpoint import Arrays, assign_values, copy_values
from core.training.inputs import Array, PhaseDataset
from core.training.phase import Objective, Phase, remembered_variables
from core.training.phases import compile_model

_RATES_PER_DECADE = 3
# From where little is learned in a few steps to where every optimizer goes wrong.
RATES = tuple(float(f"{10 ** (step / _RATES_PER_DECADE - 4):.3g}") for step in range(4 * _RATES_PER_DECADE + 1))
_NUM_STEPS = 9  # of each trial: so all of them together are no more than one trial with a growing rate has
_NUM_JUDGED = 4  # of them, the last ones, whose losses count
# The best rate for a few steps is too large for many: of an optimizer whose steps stay as large when gradients are
# small, a third of it was best over whole trainings (as above); those of plain gradient descent shrink by themselves.
_SAFETY = 0.3
_SAFETY_OF = {"sgd": 0.7}
# A network that knows nothing yet has hardly learned anything in so few steps: its losses differ by chance, whatever
# the rate, until one is so large that they rise. Of such losses the least says nothing: for networks from scratch, on
# three sets with three seeds each, it was at anything from 0.0001 to 0.02, and at about 0.001 all of them learn.
_LEARNED = 0.9  # share of the loss at the least rate that the least loss must be below to say something
_HARMLESS = 1.01  # share up to which a loss has not risen


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSearch:
    """What the trials found."""

    losses: tuple[float, ...]  # of each of `RATES`; infinity where the trial exploded
    suggestion: float


def take_batches(phase: Phase, check_cancelled: Callable[[], None]) -> list[tuple[Array, ...]]:
    """The batches that all trials see: those that the phase would begin with.

    Args:
        phase: whose photos they are.
        check_cancelled: called between them; may raise to stop.
    """
    dataset = PhaseDataset(
        phase.train,
        phase.train_targets,
        batch_size=phase.batch_size,
        seed=phase.seed,
        sample_weights=phase.sample_weights,
    )
    batches: list[tuple[Array, ...]] = []
    while len(batches) < _NUM_STEPS:
        for number in range(min(len(dataset), _NUM_STEPS - len(batches))):
            check_cancelled()
            batches.append(dataset[number])
        dataset.on_epoch_end()
    return batches


class RateTrials:
    """A network on which rates are tried, one after the other."""

    def __init__(
        self,
        model: keras.Model,
        objective: Objective,
        batches: Sequence[tuple[Array, ...]],
        check_cancelled: Callable[[], None],
    ) -> None:
        """Compile the network for trials.

        Args:
            model: inputs → logits; each trial begins with the weights that it has now.
            objective: its loss and its optimizer.
            batches: as `take_batches` gives them.
            check_cancelled: called between steps; may raise to stop.
        """
        compile_model(model, objective, learning_rate=RATES[0])
        model.optimizer.build(model.trainable_variables)
        self._model, self._batches, self._check_cancelled = model, batches, check_cancelled
        self._variables = remembered_variables(model)
        self.start: Arrays = copy_values(self._variables)
        self._optimizer_start = copy_values(model.optimizer.variables)

    def loss_at(self, rate: float) -> float:
        """The mean loss of the last steps of a trial; infinity where it exploded. The network is as before then."""
        optimizer = self._model.optimizer
        assign_values(optimizer.variables, self._optimizer_start)
        optimizer.learning_rate.assign(rate)
        losses = []
        try:
            for batch in self._batches:
                self._check_cancelled()
                losses.append(float(self._model.train_on_batch(*batch, return_dict=True)["loss"]))
        finally:
            assign_values(self._variables, self.start)
        mean = float(np.mean(losses[-_NUM_JUDGED:]))
        return mean if math.isfinite(mean) else math.inf


def suggest_rate(losses: Sequence[float], config: PhaseConfig) -> float:
    """The rate to train with: somewhat less than that with the least loss.

    Where the trials say nothing, it is that of the config, or somewhat less than the largest that does no harm.

    Args:
        losses: of each of `RATES`, infinity where the trial exploded.
        config: of the phase.

    Returns:
        A rate to two digits, or that of the config.
    """
    safety = _SAFETY_OF.get(config.optimizer, _SAFETY)
    if tells_something(losses):
        return _rounded(safety * RATES[int(np.argmin(losses))])
    largest = max(rate for rate, loss in zip(RATES, losses, strict=True) if loss <= _HARMLESS * losses[0])
    return min(config.learning_rate, _rounded(safety * largest))


def tells_something(losses: Sequence[float]) -> bool:
    """Whether any trial has learned more than chance may have brought.

    Args:
        losses: of each of `RATES`.
    """
    return min(losses) <= _LEARNED * losses[0]


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
