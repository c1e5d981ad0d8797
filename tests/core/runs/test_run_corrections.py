"""Earlier runs correct what is expected of later ones."""

from dataclasses import replace

import pytest

from core.config import SCRATCH, TrainConfig
from core.runs.corrections import learn_corrections
from core.runs.estimate import NO_CORRECTIONS, Corrections, RunEstimate, estimate_run
from core.runs.estimated_work import NetworkCost, PhotoCounts
from core.runs.records import RunView
from core.runs.story import PhaseName
from core.settings import Settings
from tests.core.runs.cost_samples import (
    NETWORK,
    NUM_TRAIN,
    NUM_VALIDATION,
    done_run,
    plan,
    run_view,
    with_head_epochs,
)

SETTINGS = Settings(inference_threads=2)
PHOTOS = PhotoCounts(train=NUM_TRAIN, validation=NUM_VALIDATION)
MANY_EPOCHS = with_head_epochs(plan(first_layer=1), 50)


def find_network(config: TrainConfig) -> NetworkCost | None:
    return None if config.backbone == "Unprepared" else NETWORK


def estimate(config: TrainConfig, corrections: Corrections = NO_CORRECTIONS) -> RunEstimate:
    return estimate_run(config, PHOTOS, network=find_network(config), settings=SETTINGS, corrections=corrections)


def learn(*runs: RunView) -> Corrections:
    return learn_corrections(runs, find_network, settings=SETTINGS)


def took(config: TrainConfig, times: float) -> RunView:
    return done_run(config, estimate(config), times=times)


def test_later_runs_take_as_much_longer_as_earlier_ones_did():
    """The median of the runs with a backbone is the factor of each phase, and of an epoch of fine-tuning."""
    corrections = learn(*(took(MANY_EPOCHS, times) for times in (2.0, 3.0, 9.0)))
    before, after = estimate(MANY_EPOCHS), estimate(MANY_EPOCHS, corrections)
    assert after.seconds == {phase: pytest.approx(3 * seconds) for phase, seconds in before.seconds.items()}
    assert after.finetune_epoch_seconds == pytest.approx(3 * before.finetune_epoch_seconds)


def test_a_backbone_without_runs_follows_the_others():
    """Its own runs count where there are any, else those of all; a phase that nobody had stays as estimated."""
    corrections = learn(took(plan("Xception"), 4.0), took(plan("MobileNet"), 2.0))
    assert corrections.factor("Xception", PhaseName.HEAD) == pytest.approx(4.0)
    assert corrections.factor("ResNet50", PhaseName.HEAD) == pytest.approx(3.0)
    assert corrections.factor("Xception", PhaseName.FINE_TUNE) == 1.0
    assert corrections.knows("MobileNet")
    assert not corrections.knows("ResNet50")


def test_only_the_epochs_that_were_trained_count():
    """A run that was stopped after ten of fifty epochs is compared with ten."""
    ten = with_head_epochs(plan(), 10)
    stopped = done_run(with_head_epochs(plan(), 50), estimate(ten), times=2.0, num_epochs=10, is_stopped=True)
    assert learn(stopped).factor("MobileNetV2", PhaseName.HEAD) == pytest.approx(2.0)
    unbegun = done_run(
        MANY_EPOCHS, estimate(with_head_epochs(plan(), 20)), times=2.0, num_epochs=20, fine_tuning_from=None
    )
    assert learn(unbegun).factor("MobileNetV2", PhaseName.HEAD) == pytest.approx(2.0)


def test_runs_of_another_machine_do_not_count():
    """What came with a project has no task here, and says nothing of how fast this machine is."""
    assert learn(replace(took(MANY_EPOCHS, 9.0), task_id=None)) == NO_CORRECTIONS


def test_runs_that_tell_nothing_are_left_out():
    """Unfinished ones, those of another version, and those whose backbone is gone change nothing."""
    good = took(plan(), 2.0)
    assert good.outcome is not None
    runs = [
        run_view(plan().to_json(), None),
        run_view({"colour": "blue"}, good.outcome),
        run_view(plan().to_json(), {"accuracy": 0.5}),
        run_view(plan("Unprepared").to_json(), good.outcome),
    ]
    assert learn(*runs) == NO_CORRECTIONS


def test_old_runs_are_forgotten_and_wild_ones_tamed():
    """The newest twenty count, and no factor is beyond ten."""
    old = [replace(took(plan(), 5.0), finished_at=1.0)] * 30
    new = [replace(took(plan(), 50.0), finished_at=2.0)] * 20
    assert learn(*old, *new).factor("MobileNetV2", PhaseName.HEAD) == 10.0


def test_a_network_from_scratch_corrects_the_next():
    """It needs no prepared network to be compared with, and then the estimate is not rough any more."""
    config = plan(SCRATCH)
    corrections = learn(took(config, 0.5))
    before, after = estimate(config), estimate(config, corrections)
    assert after.seconds[PhaseName.SCRATCH] == pytest.approx(before.seconds[PhaseName.SCRATCH] / 2)
    assert (before.is_rough, after.is_rough) == (True, False)
