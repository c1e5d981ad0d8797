"""A phase with a small network on made-up features: the best epoch, stopping, and going on after a kill."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from core.config import HeadConfig, PhaseConfig, StoppingConfig
from core.errors import TaskCancelledError
from core.runs.story import PhaseName
from core.training.checkpoint import Checkpoint, copy_values
from core.training.heads import build_head
from core.training.inputs import CachedInputs, make_targets
from core.training.phase import EpochResult, Phase, PhaseEnd, remembered_variables
from core.training.phases import run_phase
from core.training.stopping import begin_phase

NUM_FEATURES, NUM_CLASSES = 12, 3


@dataclass
class Listener:
    """A recorder that keeps everything, and ends the phase when the test wants it."""

    stop_after_epoch: int | None = None
    cancel_after_epoch: int | None = None
    time_is_over_after_epoch: int | None = None
    results: list[EpochResult] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)

    def on_batch(self, at: float, logs: dict[str, float], num_photos: int) -> None:
        self.batches.append(at)
        if self.cancel_after_epoch is not None and at > self.cancel_after_epoch:
            raise TaskCancelledError("cancelled")

    def on_epoch(self, result: EpochResult, checkpoint: Callable[[int], Checkpoint]) -> None:
        self.results.append(result)
        self.checkpoints.append(checkpoint(len(self.results)))

    def is_stop_requested(self) -> bool:
        return self.stop_after_epoch is not None and len(self.results) >= self.stop_after_epoch

    def is_time_over(self) -> bool:
        if self.time_is_over_after_epoch is not None and len(self.results) >= self.time_is_over_after_epoch:
            self.stop_after_epoch = len(self.results)
            return True
        return False


def phase(num_epochs: int = 6, one_unit: bool = False, **options: object) -> Phase:
    """Photos whose class shows in their features, with three views each."""
    chance = np.random.default_rng(3)
    num_classes = 2 if one_unit else NUM_CLASSES
    labels = chance.integers(0, num_classes, 60)
    centres = chance.normal(size=(num_classes, NUM_FEATURES))
    values = (centres[labels][:, None] + chance.normal(0, 0.8, (60, 3, NUM_FEATURES))).astype(np.float32)
    targets = make_targets(labels, num_classes, has_one_unit=one_unit)
    made = Phase(
        name=PhaseName.HEAD,
        config=PhaseConfig(learning_rate=0.01, num_epochs=num_epochs),
        stopping=StoppingConfig(),
        label_smoothing=0.0,
        num_epochs_before=0,
        batch_size=16,
        jit_compile=False,
        seed=1,
        train=CachedInputs(values=values[:40], seed=1),
        train_targets=targets[:40],
        sample_weights=None,
        validation=CachedInputs(values=values[40:, :1], seed=1),
        validation_targets=targets[40:],
    )
    return replace(made, **options)  # type: ignore[arg-type]


def head(one_unit: bool = False):
    config = HeadConfig(hidden_units=(8,), dropout=0.3, one_unit_for_two_classes=one_unit)
    return build_head(config, NUM_FEATURES, 2 if one_unit else NUM_CLASSES, seed=2)


def train(made: Phase, listener: Listener, resumed: Checkpoint | None = None, **options: object):
    model = head(**options)  # type: ignore[arg-type]
    end = run_phase(model, made, begin=begin_phase(made.config.learning_rate), recorder=listener, resumed=resumed)
    return model, end


def losses(listener: Listener) -> list[tuple[float, float | None]]:
    return [(result.loss, result.validation_loss) for result in listener.results]


@pytest.fixture(scope="module")
def whole() -> tuple[list[np.ndarray], PhaseEnd, Listener]:
    """A phase from start to end."""
    listener = Listener()
    model, end = train(phase(), listener)
    return [np.array(value) for value in model.get_weights()], end, listener


def test_it_learns(whole: tuple[list[np.ndarray], PhaseEnd, Listener]):
    """Loss falls and accuracy rises, epoch after epoch is told, and batches within them."""
    _, end, listener = whole
    assert [result.epoch for result in listener.results] == [1, 2, 3, 4, 5, 6]
    assert listener.results[-1].loss < 0.8 * listener.results[0].loss
    assert (end.last_epoch, end.is_stopped) == (6, False)
    assert len(listener.batches) == 6 * 3


def test_the_same_seed_gives_the_same_curve(whole: tuple[list[np.ndarray], PhaseEnd, Listener]):
    """Everything that is drawn at random depends on the seed."""
    listener = Listener()
    train(phase(), listener)
    np.testing.assert_allclose(losses(listener), losses(whole[2]), rtol=1e-6)


@pytest.mark.parametrize("epoch", [1, 4, 6])
def test_going_on_gives_the_uninterrupted_curve(whole: tuple[list[np.ndarray], PhaseEnd, Listener], epoch: int):
    """Taken up after any epoch, dropout and optimizer included, it ends where it would have ended."""
    weights, end, listener = whole
    again = Listener()
    model, end_again = train(phase(), again, listener.checkpoints[epoch - 1])
    np.testing.assert_allclose(losses(again), losses(listener)[epoch:], rtol=1e-5)
    assert end_again.stopping.best_epoch == end.stopping.best_epoch
    for value, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


def test_the_best_epoch_is_restored():
    """With a rate that is far too high later epochs are worse, and the weights are those of the best."""
    listener = Listener()
    made = phase(10, config=PhaseConfig(optimizer="sgd", learning_rate=9.0, num_epochs=10))
    model, end = train(made, listener)
    best = min(listener.results, key=lambda result: result.validation_loss or 0)
    assert end.stopping.best_epoch == best.epoch < 10
    kept = listener.checkpoints[best.epoch - 1].weights
    for value, expected in zip(copy_values(remembered_variables(model)), kept, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_stopping_keeps_the_best_epoch_so_far():
    """A stop ends the phase after the epochs that are finished, with the best of them."""
    listener = Listener(stop_after_epoch=2)
    _, end = train(phase(), listener)
    assert (end.last_epoch, end.is_stopped) == (2, True)
    assert end.stopping.best_epoch in (1, 2)


def test_a_stop_before_the_first_epoch_waits_for_it():
    """Whoever stops at once gets a model that has learned for one epoch."""
    listener = Listener(stop_after_epoch=0)
    _, end = train(phase(), listener)
    assert (end.last_epoch, end.is_stopped, end.stopping.best_epoch) == (1, True, 1)


def test_no_epoch_begins_when_time_is_over():
    """The one that is under way is finished first; whoever has finished the last one is not stopped."""
    listener = Listener(time_is_over_after_epoch=2)
    _, end = train(phase(5), listener)
    assert (end.last_epoch, end.is_stopped) == (2, True)
    _, end = train(phase(2), Listener(time_is_over_after_epoch=2))
    assert (end.last_epoch, end.is_stopped) == (2, False)


def test_cancelling_raises_through_fit():
    """What the recorder raises ends the training at once."""
    listener = Listener(cancel_after_epoch=1)
    with pytest.raises(TaskCancelledError):
        train(phase(), listener)
    assert len(listener.results) == 1


def test_patience_ends_the_phase():
    """A rate so low that nothing changes any more ends the phase when patience runs out."""
    listener = Listener()
    made = phase(
        50,
        stopping=StoppingConfig(monitor="accuracy", patience=2),
        config=PhaseConfig(learning_rate=1e-9, num_epochs=50),
    )
    _, end = train(made, listener)
    assert end.last_epoch == 3
    assert end.stopping.is_over


def test_a_plateau_slows_the_optimizer_down():
    """The rate that is told after a plateau is lower."""
    listener = Listener()
    stopping = StoppingConfig(monitor="accuracy", plateau_patience=1, plateau_factor=0.1, least_learning_rate=1e-12)
    train(phase(4, stopping=stopping, config=PhaseConfig(learning_rate=1e-6, num_epochs=4)), listener)
    rates = [result.learning_rate for result in listener.results]
    assert rates == pytest.approx([1e-6, 1e-6, 1e-7, 1e-8])


def test_without_validation_photos_training_counts():
    """With nothing kept back there is no validation curve, and the training loss tells the best epoch."""
    listener = Listener()
    made = phase(validation=None, validation_targets=np.zeros((0, NUM_CLASSES), np.float32))
    _, end = train(made, listener)
    assert all(result.validation_loss is None for result in listener.results)
    best = min(listener.results, key=lambda result: result.loss)
    assert end.stopping.best_epoch == best.epoch


def test_a_single_unit_learns_two_classes():
    """One logit for two classes gives accuracies like two would."""
    listener = Listener()
    train(phase(15, one_unit=True), listener, one_unit=True)
    assert listener.results[-1].accuracy > 0.8


def test_a_loss_that_is_no_number_leaves_a_model_all_the_same():
    """A training that explodes ends with an epoch to keep, and says what it lost."""
    listener = Listener()
    values = np.full((40, 1, NUM_FEATURES), np.inf, np.float32)
    made = phase(
        2,
        train=CachedInputs(values=values, seed=1),
        validation=None,
        validation_targets=np.zeros((0, NUM_CLASSES), np.float32),
    )
    model = build_head(HeadConfig(), NUM_FEATURES, NUM_CLASSES, seed=2)
    end = run_phase(model, made, begin=begin_phase(0.01), recorder=listener)
    assert np.isnan(listener.results[0].loss)
    assert end.stopping.best_epoch == 1
