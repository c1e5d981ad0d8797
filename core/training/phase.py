"""What all phases of a training have in common, whoever takes the steps: what they are given, tell and leave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from core.config import PhaseConfig, StoppingConfig
from core.runs.story import PhaseName
from core.training.checkpoint import Arrays, Checkpoint
from core.training.inputs import Array, Inputs
from core.training.stopping import StoppingState


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """What one epoch came to; losses and accuracies are means over photos."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None  # None without validation photos
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    num_photos: int  # trained on
    best_epoch: int | None  # of all so far


class Recorder(Protocol):
    """Who is told how a phase goes, and says when to end it."""

    def on_batch(self, at: float, logs: dict[str, float], num_photos: int) -> None:
        """After each batch; `at` is in epochs, `logs` has the means within the epoch. May raise to cancel."""

    def on_epoch(self, result: EpochResult, checkpoint: Callable[[int], Checkpoint]) -> None:
        """After each epoch; `checkpoint` makes one, given the sequence number of the run's last event."""

    def is_stop_requested(self) -> bool:
        """Whether the phase is to end with the best epoch so far, even in the middle of the present one."""

    def is_time_over(self) -> bool:
        """Whether no further epoch is to begin, asked when one is done; if so, a stop counts as requested from then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a network is compiled for."""

    optimizer: str  # of `PhaseConfig`, one that takes steps
    label_smoothing: float
    num_outputs: int  # of the network: one per class, or one for two classes
    jit_compile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Everything about a phase but its network."""

    name: PhaseName
    config: PhaseConfig
    stopping: StoppingConfig
    label_smoothing: float
    num_epochs_before: int  # of earlier phases
    batch_size: int
    jit_compile: bool
    seed: int
    train: Inputs
    train_targets: npt.NDArray[np.float32]
    sample_weights: npt.NDArray[np.float32] | None
    validation: Inputs | None
    validation_targets: npt.NDArray[np.float32]

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch that is planned."""
        return self.num_epochs_before + self.config.num_epochs

    @property
    def objective(self) -> Objective:
        """What its network is compiled for."""
        return Objective(
            optimizer=self.config.optimizer,
            label_smoothing=self.label_smoothing,
            num_outputs=self.train_targets.shape[1],
            jit_compile=self.jit_compile,
        )

    def all_validation(self) -> Array | None:
        """The inputs of all validation photos at once; None where there are none."""
        return None if self.validation is None else self.validation.batch(np.arange(len(self.validation_targets)), 1)

    def result(
        self, values: Mapping[str, float], *, epoch: int, learning_rate: float, seconds: float, best_epoch: int | None
    ) -> EpochResult:
        """What an epoch came to.

        Args:
            values: losses and accuracies under the names that Keras' `fit` gives them.
            epoch: its number.
            learning_rate: it had.
            seconds: it took.
            best_epoch: of all so far.
        """
        return EpochResult(
            epoch=epoch,
            loss=values["loss"],
            accuracy=values["accuracy"],
            validation_loss=values.get("val_loss"),
            validation_accuracy=values.get("val_accuracy"),
            learning_rate=learning_rate,
            seconds=seconds,
            num_photos=len(self.train_targets),
            best_epoch=best_epoch,
        )

    def checkpoint(
        self,
        state: StoppingState,
        *,
        epoch: int,
        last_sequence: int,
        weights: Arrays,
        best_weights: Arrays,
        optimizer: Arrays = (),
    ) -> Checkpoint:
        """What is needed to go on after an epoch, were the process killed.

        Args:
            state: after the epoch.
            epoch: its number.
            last_sequence: sequence number of the run's last event.
            weights: as `remembered_variables` lists them.
            best_weights: of the best epoch so far.
            optimizer: its variables; nothing where it has none.
        """
        return Checkpoint(
            phase=self.name,
            epoch=epoch,
            last_sequence=last_sequence,
            stopping=state.to_json(),
            batch_size=self.batch_size,
            weights=weights,
            optimizer=optimizer,
            best_weights=best_weights,
            fine_tuning_from=self.num_epochs_before if self.name is PhaseName.FINE_TUNE else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEnd:
    """A phase that is over; the network has the weights of the best epoch."""

    stopping: StoppingState
    last_epoch: int  # the number of epochs trained so far, all phases included
    is_stopped: bool  # whether it was ended before its time, by a person or by a limit


def share_right(logits: Array, targets: npt.NDArray[np.float32]) -> float:
    """Accuracy, 0-1: the part of the photos whose true class has the largest logit.

    Args:
        logits: float32 (photos, outputs).
        targets: float32 (photos, outputs), largest for the true class; of one output, 1 for the second of two classes.
    """
    if targets.shape[1] == 1:
        is_right = (logits > 0) == (targets > 0.5)
    else:
        is_right = logits.argmax(axis=1) == targets.argmax(axis=1)
    return float(is_right.mean())


def remembered_variables(model: keras.Model) -> list[Any]:
    """What training changes in a network: the weights that train, then the states of its random numbers."""
    random_states = [variable for variable in model.non_trainable_variables if "seed_generator" in variable.path]
    return [*model.trainable_variables, *random_states]
