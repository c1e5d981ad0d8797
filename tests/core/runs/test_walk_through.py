"""A run beside the walk-through that it repeats."""

from dataclasses import replace
from typing import Any

import pytest

from core.recipes import RECIPES, Figure
from core.runs.begin import NO_SNAPSHOT
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory, Outcome, PhaseName
from core.runs.walk_through import last_repetition, own_figures, repeated_walk_through

OUTCOME = Outcome(
    num_epochs=4,
    best_epoch=3,
    fine_tuning_from=2,
    is_stopped=False,
    validation={"num_photos": 50, "num_correct": 49, "accuracy": 0.98, "low": 0.9, "high": 1.0},
    test={"num_photos": 50, "num_correct": 48, "accuracy": 0.96, "low": 0.87, "high": 0.99},
    num_train_photos=100,
    num_computed=100,
    num_classes=2,
    num_parameters=2_259_265,
    num_trained_parameters=1_862_721,
    model_bytes=9_000_000,
    milliseconds_per_photo=4.0,
    device="CPU, 2 cores",
    seconds={"total": 60.0},
    finetune_epoch_seconds=10.0,
)


def epochs(*rates: float, fine_tuned_after: int = 99) -> list[EpochStory]:
    return [
        EpochStory(
            epoch=number,
            phase=PhaseName.HEAD if number <= fine_tuned_after else PhaseName.FINE_TUNE,
            loss=0.1,
            accuracy=0.9,
            validation_loss=0.1,
            validation_accuracy=0.9 + number / 100,
            learning_rate=rate,
            seconds=1.0,
            photos_per_second=10.0,
            best_epoch=number,
        )
        for number, rate in enumerate(rates, start=1)
    ]


def run(recipe: str | None, *, number: int = 1, **values: Any) -> RunView:
    known = RECIPES.get(recipe or "", RECIPES["quick"])
    config = known.config(NO_SNAPSHOT, backbone=values.pop("backbone", None) or known.backbone, num_layers=154)
    view = RunView(
        id=number,
        name=f"run {number}",
        note="",
        dataset_id=1,
        snapshot_hash=NO_SNAPSHOT,
        recipe=recipe,
        config_values=config.to_json(),
        parent_id=None,
        race=None,
        task_id=None,
        package_task_id=None,
        last_sequence=0,
        num_rewinds=0,
        stop_requested_at=None,
        created_at=float(number),
        started_at=1.0,
        finished_at=2.0,
        trashed_at=None,
        outcome=OUTCOME.to_json(),
        status=RunStatus.DONE,
        is_cancel_requested=False,
        error=None,
        package_status=None,
        package_error=None,
    )
    return replace(view, **values)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (run("mobilenetv2_fine_tuned"), "mobilenetv2_fine_tuned"),
        (run("from_scratch"), "from_scratch"),
        (run("hub_feature_vector"), "hub_feature_vector"),
        (run("densenet201", backbone="MobileNet"), None),
        (run("quick"), None),
        (run(None), None),
        (run("forgotten"), None),
    ],
    ids=["fine-tuned", "scratch", "Hub", "another network", "our own", "no recipe", "unknown"],
)
def test_what_repeats_a_walk_through(view, expected):
    """Its recipe with its own network does; another network makes another experiment."""
    found = repeated_walk_through(view)
    assert (found and found.name) == expected


def test_the_newest_that_is_done_counts():
    """Runs that go on, or repeat something else, are passed over."""
    recipe = RECIPES["from_scratch"]
    views = [
        run("from_scratch", number=1),
        run("from_scratch", number=3),
        run("from_scratch", number=5, status=RunStatus.RUNNING, outcome=None),
        run("quick", number=9),
    ]
    newest = last_repetition(views, recipe)
    assert newest is not None
    assert newest.id == 3
    assert last_repetition(views[3:], recipe) is None


def test_the_figures_of_a_fine_tuned_run():
    """Before fine-tuning is the last epoch before it; a lower rate of the next phase is no reduction."""
    told = epochs(1e-4, 1e-4, 1e-5, 1e-5, fine_tuned_after=2)
    assert own_figures(OUTCOME, told, num_layers=154, difference=0.0) == {
        Figure.VALIDATION_BEFORE: pytest.approx(0.92),
        Figure.VALIDATION: 0.98,
        Figure.TEST: 0.96,
        Figure.NUM_EPOCHS: 4,
        Figure.NUM_LAYERS: 154,
        Figure.NUM_TRAINED: 1_862_721,
        Figure.DIFFERENCE: 0.0,
    }


def test_the_epoch_after_which_the_rate_was_reduced():
    """As Keras says it: the epoch at whose end that happened, the first time."""
    figures = own_figures(OUTCOME, epochs(3e-3, 3e-3, 9e-4, 2.7e-4), num_layers=None, difference=None)
    assert figures[Figure.RATE_REDUCED] == 2


def test_what_a_run_has_not_is_missing():
    """No photos to judge by, no fine-tuning, no files: no figures."""
    outcome = replace(OUTCOME, validation=None, test=None, fine_tuning_from=None)
    found = own_figures(outcome, epochs(1e-3), num_layers=None, difference=None)
    assert found.keys() == {Figure.NUM_EPOCHS, Figure.NUM_TRAINED}
