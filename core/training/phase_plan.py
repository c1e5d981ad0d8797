"""A phase of a run: planned from its config, run with what the device can bear."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from core.config import LBFGS, PhaseConfig
from core.inference.head import probabilities_of
from core.runs.story import PhaseName, PhaseStory
from core.training.activations import ActivationPlan
from core.training.attempt import Attempt
from core.training.checkpoint import Checkpoint, assign_values, copy_values, read_checkpoint
from core.training.device import pick_batch_size, training_bytes_per_photo, with_smaller_batches
from core.training.encoders import Array, Encoder
from core.training.inputs import Inputs, class_weights, make_targets
from core.training.phase import Phase, PhaseEnd, remembered_variables
from core.training.phases import run_phase
from core.training.rate_search import search_rate
from core.training.solving import solve_phase
from core.training.stopping import StoppingState, begin_phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """What distinguishes one phase of a run from another."""

    name: PhaseName
    config: PhaseConfig
    num_epochs_before: int
    earlier: StoppingState | None  # the end of the phase before
    train: Inputs
    validation: Inputs | None
    samples: Array  # inputs of the sample photos
    num_outputs: int  # of the network: one per class, or one for two classes


def run_planned(attempt: Attempt, model: keras.Model, plan: PhasePlan, checkpoint: Checkpoint | None) -> PhaseEnd:
    """Train, with smaller batches where the memory does not suffice."""
    resumed = checkpoint if checkpoint is not None and checkpoint.phase == plan.name else None
    initial = copy_values(remembered_variables(model))
    if resumed is None:
        bytes_per_photo = training_bytes_per_photo(model)
        first_batch_size = pick_batch_size(
            plan.config.batch_size, attempt.device, bytes_per_photo=bytes_per_photo, log=attempt.warn
        )
    else:
        first_batch_size = resumed.batch_size

    def train_with(batch_size: int) -> PhaseEnd:
        # After a failure the last epoch that was kept is where to go on.
        kept = resumed if batch_size == first_batch_size else read_checkpoint(attempt.folder.checkpoints_path)
        kept = kept if kept is not None and kept.phase == plan.name else None
        if kept is None:
            assign_values(remembered_variables(model), initial)
        phase = _make_phase(attempt, plan, batch_size)
        with attempt.device.scope():
            rate = plan.config.learning_rate if kept is not None else _choose_rate(attempt, model, phase)
            begin = begin_phase(rate, plan.earlier)
            run = solve_phase if plan.config.optimizer == LBFGS else run_phase
            return run(model, phase, begin=begin, recorder=attempt.recorder, resumed=kept)

    num_train = len(attempt.photos.train)
    story = PhaseStory(
        phase=plan.name,
        first_epoch=plan.num_epochs_before + 1,
        num_epochs=plan.config.num_epochs,
        num_steps=-(-num_train // first_batch_size),
        num_photos=num_train,
        learning_rate=plan.config.learning_rate,
    )
    with attempt.phase(story):
        if len(attempt.samples):
            attempt.recorder.show_samples(attempt.samples, lambda: _probabilities(model, plan.samples))
        return with_smaller_batches(train_with, first_batch_size, log=attempt.warn)


def _make_phase(attempt: Attempt, plan: PhasePlan, batch_size: int) -> Phase:
    train, validation = attempt.photos.train, attempt.photos.validation
    has_one_unit = plan.num_outputs == 1
    weights = class_weights(train.class_indices, attempt.num_classes) if attempt.config.has_class_weights else None
    return Phase(
        name=plan.name,
        config=plan.config,
        stopping=attempt.config.stopping,
        label_smoothing=attempt.config.label_smoothing,
        num_epochs_before=plan.num_epochs_before,
        batch_size=batch_size,
        jit_compile=attempt.device.jit_compile,
        seed=attempt.config.seed,
        train=plan.train,
        train_targets=make_targets(train.class_indices, attempt.num_classes, has_one_unit=has_one_unit),
        sample_weights=weights,
        validation=plan.validation,
        validation_targets=make_targets(validation.class_indices, attempt.num_classes, has_one_unit=has_one_unit),
    )


def _choose_rate(attempt: Attempt, model: keras.Model, phase: Phase) -> float:
    """The learning rate of a phase, found by a trial where the config asks for it."""
    is_without = phase.name is PhaseName.FINE_TUNE or phase.config.optimizer == LBFGS  # which has none
    if is_without or not attempt.config.finds_learning_rate:
        return phase.config.learning_rate
    return search_rate(attempt, model, phase).suggestion


def activation_inputs(
    attempt: Attempt, encoder: Encoder, *, may_stop: bool = False
) -> tuple[Inputs, Inputs | None, Array]:
    """Inputs of training, validation and sample photos where a part of the backbone trains.

    Args:
        attempt: at the run.
        encoder: the layers below the cut.
        may_stop: whether there is an epoch to keep when somebody asks for an end meanwhile.

    Raises:
        StoppedEarly: somebody did.
        DatasetError: a photo's file is missing or was changed.
        TaskCancelledError: the run is to be discarded.
    """
    num_views = None if attempt.config.is_augmented_freely else attempt.config.num_views
    num_items = len(attempt.photos.train) * (num_views or 0) + len(attempt.photos.validation) + len(attempt.samples)
    with attempt.phase(PhaseStory(phase=PhaseName.ACTIVATIONS, num_photos=num_items)):
        plan = ActivationPlan(
            loader=attempt.loader,
            encoder=encoder,
            settings=attempt.settings,
            folder=attempt.folder.activations_dir,
            seed=attempt.config.seed,
            watch=attempt.counter(num_items, may_stop=may_stop),
            note=attempt.recorder.note,
            mapped_arrays=attempt.mapped_arrays,
        )
        train = plan.inputs(attempt.photos.train.photos, num_views, name="training")
        validation = None
        if len(attempt.photos.validation):
            validation = plan.inputs(attempt.photos.validation.photos, 1, name="validation")
        samples = np.empty((len(attempt.samples), 1, *encoder.shape), encoder.dtype)
        plan.fill(samples, attempt.samples.photos)
    return train, validation, samples[:, 0].astype(np.float32)


def _probabilities(model: keras.Model, inputs: Array) -> npt.NDArray[np.float32]:
    """What a network that answers with logits says: float32 (photos, classes), 0-1."""
    return probabilities_of(np.asarray(model(inputs, training=False), np.float32))
