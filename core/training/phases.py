"""One phase of a training: Keras' `fit` with a watcher that records, remembers the best epoch, and stops in time."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from core.runs.story import PhaseName
from core.training.checkpoint import Arrays, Checkpoint, assign_values, copy_values
from core.training.inputs import Array, PhaseDataset
from core.training.phase import Objective, Phase, PhaseEnd, Recorder, remembered_variables, share_right
from core.training.stopping import StoppingState, after_epoch

# Inputs of validation photos that are answered at once: no gradients are kept, so these may be many.
_VALIDATION_BYTES = 16_000_000
_MOST_AT_ONCE = 1024
# A head answers for so many photos in two milliseconds, where Keras' `evaluate` takes forty to begin.
_MOST_FEATURES = 10_000


def compile_model(model: keras.Model, objective: Objective, *, learning_rate: float) -> None:
    """Give a network that answers with logits its loss, its optimizer and its accuracy.

    With one output the loss is that of two classes, the logit being that of the second.
    """
    has_one_unit = objective.num_outputs == 1
    options: dict[str, Any] = {"from_logits": True, "label_smoothing": objective.label_smoothing}
    loss = keras.losses.BinaryCrossentropy if has_one_unit else keras.losses.CategoricalCrossentropy
    accuracy: Any
    if has_one_unit:
        accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)  # of the logit: a probability of one half
    else:
        accuracy = keras.metrics.CategoricalAccuracy("accuracy")
    optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    model.compile(
        optimizer=optimizers[objective.optimizer](learning_rate),
        loss=loss(**options),
        metrics=[accuracy],
        jit_compile=objective.jit_compile,
    )


def run_phase(
    model: keras.Model,
    phase: Phase,
    *,
    begin: StoppingState,
    recorder: Recorder,
    resumed: Checkpoint | None = None,
) -> PhaseEnd:
    """Train a network until its last epoch, or until nothing gets better, or somebody asks for an end.

    Args:
        model: inputs of `phase` → logits (batch, outputs).
        phase: what it learns from, and how.
        begin: the state before the first epoch; the weights that the network has now belong to its best epoch.
        recorder: is told everything.
        resumed: the last epoch of this phase before the process was killed.
    """
    compile_model(model, phase.objective, learning_rate=begin.learning_rate)
    watcher = _Watcher(phase, begin, recorder, remembered_variables(model))
    if resumed is not None:
        model.optimizer.build(model.trainable_variables)
        assign_values(model.optimizer.variables, resumed.optimizer)
        watcher.take_up(resumed)
    has_more = not watcher.state.is_over and watcher.last_epoch < phase.last_epoch
    # A stop before the first epoch waits for it: a network that has learned nothing is no model.
    if has_more and (watcher.state.best_epoch is None or not recorder.is_stop_requested()):
        model.fit(
            PhaseDataset(
                phase.train,
                phase.train_targets,
                batch_size=phase.batch_size,
                seed=phase.seed,
                epoch=watcher.last_epoch + 1,
                sample_weights=phase.sample_weights,
            ),
            validation_data=None if watcher.answers_at_once else _validation_dataset(phase),
            initial_epoch=watcher.last_epoch,
            epochs=phase.last_epoch,
            callbacks=[watcher],
            shuffle=False,  # the dataset has an order of its own
            verbose=0,
        )
    assign_values(watcher.variables, watcher.best_weights)
    return PhaseEnd(stopping=watcher.state, last_epoch=watcher.last_epoch, is_stopped=recorder.is_stop_requested())


def _validation_dataset(phase: Phase) -> PhaseDataset | None:
    if phase.validation is None:
        return None
    num_bytes = phase.validation.batch(np.array([0]), 1).nbytes
    batch_size = int(min(max(_VALIDATION_BYTES // num_bytes, 1), _MOST_AT_ONCE))
    return PhaseDataset(phase.validation, phase.validation_targets, batch_size=batch_size)


def _validation_features(phase: Phase) -> Array | None:
    """The inputs of all validation photos where these are features, and not too many."""
    is_small = phase.name is PhaseName.HEAD and len(phase.validation_targets) <= _MOST_FEATURES
    return phase.all_validation() if is_small else None


def _judge(model: keras.Model, phase: Phase, inputs: Array) -> dict[str, float]:
    """Loss and accuracy of the validation photos, all at once, under the names that Keras' `fit` gives them."""
    logits = model(inputs, training=False)
    loss = model.compute_loss(x=inputs, y=phase.validation_targets, y_pred=logits, training=False)
    return {"val_loss": float(loss), "val_accuracy": share_right(np.asarray(logits), phase.validation_targets)}


# Keras' classes carry no types.
class _Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, phase: Phase, begin: StoppingState, recorder: Recorder, variables: Sequence[Any]) -> None:
        super().__init__()
        self.state = begin
        self.last_epoch = phase.num_epochs_before
        self.variables = variables
        self.best_weights: Arrays = copy_values(variables)
        self._phase = phase
        self._recorder = recorder
        self._features = _validation_features(phase)
        self._num_steps = -(-len(phase.train_targets) // phase.batch_size)
        self._num_photos = len(phase.train_targets)
        self._epoch_started = 0.0

    @property
    def answers_at_once(self) -> bool:
        """Whether validation photos are judged here and not by Keras."""
        return self._features is not None

    def take_up(self, checkpoint: Checkpoint) -> None:
        self.state = StoppingState.from_json(checkpoint.stopping)
        self.last_epoch = checkpoint.epoch
        self.best_weights = checkpoint.best_weights
        assign_values(self.variables, checkpoint.weights)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch_started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        num_photos = min((batch + 1) * self._phase.batch_size, self._num_photos)
        self._recorder.on_batch(self.last_epoch + (batch + 1) / self._num_steps, dict(logs or {}), num_photos)
        # Without a finished epoch there is nothing that could be kept.
        if self.state.best_epoch is not None and self._recorder.is_stop_requested():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = dict(logs or {})
        if self.model.stop_training:
            return  # it was broken off in the middle
        if self._features is not None:
            values |= _judge(self.model, self._phase, self._features)
        number = epoch + 1
        state = after_epoch(
            self.state,
            self._phase.stopping,
            epoch=number,
            loss=values.get("val_loss", values["loss"]),
            accuracy=values.get("val_accuracy", values["accuracy"]),
        )
        if state.best_epoch is None:  # no loss was a number so far; the newest is as good as any
            state = replace(state, best_epoch=number)
        is_best = state.best_epoch == number
        result = self._phase.result(
            values,
            epoch=number,
            learning_rate=self.state.learning_rate,
            seconds=time.monotonic() - self._epoch_started,
            best_epoch=state.best_epoch,
        )
        self.state, self.last_epoch = state, number
        self.model.optimizer.learning_rate.assign(state.learning_rate)
        weights = copy_values(self.variables)
        if is_best:
            self.best_weights = weights
        self._recorder.on_epoch(result, lambda sequence: self._checkpoint(weights, sequence))
        has_more = not state.is_over and number < self._phase.last_epoch
        if state.is_over or self._recorder.is_stop_requested() or (has_more and self._recorder.is_time_over()):
            self.model.stop_training = True

    def _checkpoint(self, weights: Arrays, last_sequence: int) -> Checkpoint:
        return self._phase.checkpoint(
            self.state,
            epoch=self.last_epoch,
            last_sequence=last_sequence,
            weights=weights,
            best_weights=self.best_weights,
            optimizer=copy_values(self.model.optimizer.variables),
        )
