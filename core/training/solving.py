"""A last layer solved to the end: logistic regression by L-BFGS on features that are all there.

One linear layer on fixed features has one best answer, which does not depend on how the weights began, on the order of
the photos or on a learning rate. With few photos small steps stop long before it.

Source: D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
Programming 45 (1989), as SciPy has it; the penalty is that of scikit-learn's `LogisticRegression` with C = 1.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]  # ships no type information
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # likewise

from core.errors import ConfigError
from core.inference.head import probabilities_of
from core.training.checkpoint import Checkpoint, copy_values
from core.training.inputs import CachedInputs
from core.training.phase import Phase, PhaseEnd, Recorder, remembered_variables, share_right
from core.training.stopping import StoppingState

# Steps that are told as one epoch: each looks at all photos, and telling takes longer than the step.
STEPS_PER_EPOCH = 5
_LEAST_GRADIENT = 1e-4  # it is solved when no derivative is larger; as scikit-learn's `tol`
_LEAST_CHANGE = 1e-9  # of the loss, as a share; float32 knows no smaller one
_LEAST_LIKELIHOOD = 1e-30  # whose logarithm is still a number

Array = npt.NDArray[np.float32]


def solve(
    features: Array,
    targets: Array,
    weights: Array,
    *,
    max_steps: int,
    watch: Callable[[Array, Array], None] = lambda kernel, bias: None,
) -> tuple[Array, Array]:
    """The linear layer that is best on some photos, with large weights counting against it.

    What is least is the sum of the photos' cross-entropies plus half the sum of the kernel's squares.

    Args:
        features: float32 (photos, channels).
        targets: float32 (photos, classes), 1 for the true class; or (photos, 1), 1 for the second of two.
        weights: float32 (photos,): how much each counts.
        max_steps: of L-BFGS.
        watch: called with kernel and bias after each step; may raise `StopIteration` to end with these.

    Returns:
        Kernel float32 (channels, outputs) and bias float32 (outputs,).
    """
    shape = features.shape[1], targets.shape[1]

    def parts(values: npt.NDArray[np.float64]) -> tuple[Array, Array]:
        single = np.asarray(values, np.float32)
        return single[: -shape[1]].reshape(shape), single[-shape[1] :]

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        kernel, bias = parts(values)
        logits = features @ kernel + bias
        slope = (_outputs(logits) - targets) * weights[:, np.newaxis]
        gradient = np.concatenate([(features.T @ slope + kernel).ravel(), slope.sum(axis=0)])
        total = float(weights @ _losses(logits, targets)) + 0.5 * float((kernel.astype(np.float64) ** 2).sum())
        return total, gradient.astype(np.float64)

    # On one thread the steps take moments; several wait for each other as soon as anything else runs on the machine.
    with threadpool_limits(1):
        found = minimize(
            loss,
            np.zeros(shape[0] * shape[1] + shape[1]),
            jac=True,
            method="L-BFGS-B",
            callback=lambda values: watch(*parts(values)),
            options={"maxiter": max_steps, "gtol": _LEAST_GRADIENT, "ftol": _LEAST_CHANGE},
        )
    return parts(found.x)


def solve_phase(
    model: keras.Model,
    phase: Phase,
    *,
    begin: StoppingState,
    recorder: Recorder,
    resumed: Checkpoint | None = None,
) -> PhaseEnd:
    """Solve the last layer on every view of every photo; arguments as of `run_phase`.

    It begins with zeros, also where it is taken up again: it is solved in moments. What is left is the solution, or
    where it was stopped what was reached by then; the best epoch is the last.

    Raises:
        ConfigError: there is more than one layer to train, or no features that stay.
    """
    if not isinstance(phase.train, CachedInputs) or len(model.trainable_variables) != 2:
        raise ConfigError(
            "L-BFGS solves one last layer on features that stay as they are. Choose another optimizer (optimizer)."
        )
    num_photos, num_views, num_channels = phase.train.values.shape
    features = np.asarray(phase.train.values[:], np.float32).reshape(-1, num_channels)
    counts = np.ones(num_photos, np.float32) if phase.sample_weights is None else phase.sample_weights
    targets = np.repeat(phase.train_targets, num_views, axis=0)
    # A photo counts once, however many views it has.
    weights = np.repeat(counts / num_views, num_views).astype(np.float32)
    telling = _Telling(model, phase, begin, recorder, features=features, targets=targets, resumed=resumed)
    kernel, bias = solve(
        features, targets, weights, max_steps=STEPS_PER_EPOCH * phase.config.num_epochs, watch=telling.after_step
    )
    if telling.num_untold:
        telling.tell(kernel, bias)
    return PhaseEnd(stopping=telling.state, last_epoch=telling.epoch, is_stopped=recorder.is_stop_requested())


class _Telling:
    """Puts what was reached into the network, and tells it, every few steps."""

    def __init__(
        self,
        model: keras.Model,
        phase: Phase,
        begin: StoppingState,
        recorder: Recorder,
        *,
        features: Array,
        targets: Array,
        resumed: Checkpoint | None,
    ) -> None:
        self.state = begin
        self.epoch = phase.num_epochs_before
        self.num_untold = 0
        self._told_before = phase.num_epochs_before if resumed is None else resumed.epoch
        self._model, self._phase, self._recorder = model, phase, recorder
        self._features, self._targets = features, targets
        self._validation = phase.all_validation()
        self._started = time.monotonic()

    def after_step(self, kernel: Array, bias: Array) -> None:
        self.num_untold += 1
        if self.num_untold == STEPS_PER_EPOCH:
            self.tell(kernel, bias)
            if self._recorder.is_stop_requested():
                raise StopIteration

    def tell(self, kernel: Array, bias: Array) -> None:
        phase = self._phase
        self.num_untold = 0
        self.epoch += 1
        self._model.layers[-1].set_weights([kernel, bias])
        values = _judge(self._features @ kernel + bias, self._targets)
        monitored = values
        if self._validation is not None:
            monitored = _judge(self._validation @ kernel + bias, phase.validation_targets)
            values |= {f"val_{name}": value for name, value in monitored.items()}
        value = monitored["loss"] if phase.stopping.monitor == "loss" else -monitored["accuracy"]
        self.state = replace(self.state, best_epoch=self.epoch, best_value=value)
        result = phase.result(
            values,
            epoch=self.epoch,
            learning_rate=0.0,  # there is none, so none is drawn
            seconds=time.monotonic() - self._started,
            best_epoch=self.epoch,
        )
        self._started = time.monotonic()
        if self.epoch > self._told_before:
            self._recorder.on_epoch(result, self._checkpoint)

    def _checkpoint(self, last_sequence: int) -> Checkpoint:
        values = copy_values(remembered_variables(self._model))
        return self._phase.checkpoint(
            self.state, epoch=self.epoch, last_sequence=last_sequence, weights=values, best_weights=values
        )


def _judge(logits: Array, targets: Array) -> dict[str, float]:
    """Mean loss and share of right answers."""
    return {"loss": float(_losses(logits, targets).mean()), "accuracy": share_right(logits, targets)}


def _outputs(logits: Array) -> Array:
    """What is compared with the targets: probabilities of all classes, or of the second of two."""
    probabilities = probabilities_of(logits)
    return probabilities[:, 1:] if logits.shape[1] == 1 else probabilities


def _losses(logits: Array, targets: Array) -> npt.NDArray[np.float64]:
    """Cross-entropy of each photo."""
    likelihoods = probabilities_of(logits)
    wanted = np.hstack([1 - targets, targets]) if targets.shape[1] == 1 else targets
    return -np.asarray((wanted * np.log(np.maximum(likelihoods, _LEAST_LIKELIHOOD))).sum(axis=1), np.float64)
