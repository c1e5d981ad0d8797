"""Networks whose costs are easy to foresee, and runs that took a known time."""

from dataclasses import replace
from typing import Any

from core.backbones.layers import LayerRow
from core.config import FineTuneConfig, PhaseConfig, TrainConfig
from core.jobs.status import TaskStatus
from core.runs.estimate import RunEstimate
from core.runs.estimated_work import NetworkCost
from core.runs.records import RunView, TaskState
from core.runs.story import Outcome, Score
from core.storage.schema import Run

SNAPSHOT = "a" * 64
NUM_TRAIN, NUM_VALIDATION = 600, 200


def layer(index: int, multiply_adds: int, output_shape: tuple[int, ...], *, is_boundary: bool = True) -> LayerRow:
    return LayerRow(
        index=index,
        name=f"layer_{index}",
        kind="Conv2D",
        block="block",
        num_parameters=10,
        num_trainable_parameters=10,
        output_shape=output_shape,
        is_boundary=is_boundary,
        multiply_adds=multiply_adds,
    )


NETWORK = NetworkCost(
    backbone="MobileNetV2",
    litert_milliseconds=4.0,
    image_size=(224, 224),
    num_features=1280,
    layers=(
        layer(0, 0, (224, 224, 3)),
        layer(1, 100_000_000, (112, 112, 32)),
        layer(2, 100_000_000, (56, 56, 32), is_boundary=False),
        layer(3, 100_000_000, (28, 28, 32)),
    ),
)
# The module stands for all its layers.
HUB_NETWORK = replace(NETWORK, backbone="hub:/module", layers=(layer(0, 0, (224, 224, 3)), layer(1, 0, (1280,))))


def plan(backbone: str = "MobileNetV2", first_layer: int | None = None, **values: Any) -> TrainConfig:
    fine_tune = None if first_layer is None else FineTuneConfig(first_layer=first_layer)
    return TrainConfig(snapshot=SNAPSHOT, backbone=backbone, fine_tune=fine_tune, **values)


def with_head_epochs(config: TrainConfig, num_epochs: int) -> TrainConfig:
    return replace(config, head_phase=PhaseConfig(num_epochs=num_epochs))


def score(num_photos: int) -> dict[str, Any]:
    return Score(num_photos=num_photos, num_correct=num_photos, accuracy=1.0, low=0.9, high=1.0).to_json()


def done_run(config: TrainConfig, took: RunEstimate, *, times: float, **values: Any) -> RunView:
    """A run that took so many times what was estimated."""
    num_head = config.head_phase.num_epochs
    num_fine = 0 if config.fine_tune is None else config.fine_tune.phase.num_epochs
    outcome = Outcome(
        num_epochs=num_head + num_fine,
        best_epoch=1,
        fine_tuning_from=num_head if num_fine else None,
        is_stopped=False,
        validation=score(NUM_VALIDATION),
        test=None,
        num_train_photos=NUM_TRAIN,
        num_computed=NUM_TRAIN + NUM_VALIDATION,
        num_classes=2,
        num_parameters=1,
        num_trained_parameters=1,
        model_bytes=1,
        milliseconds_per_photo=None,
        device="CPU",
        seconds={**{phase: seconds * times for phase, seconds in took.seconds.items()}, "total": 1.0},
        finetune_epoch_seconds=None if took.finetune_epoch_seconds is None else took.finetune_epoch_seconds * times,
    )
    return run_view(config.to_json(), {**outcome.to_json(), **values})


def run_view(config_values: dict[str, Any], outcome: dict[str, Any] | None, finished_at: float = 1.0) -> RunView:
    status = TaskStatus.DONE if outcome else TaskStatus.RUNNING
    run = Run(
        id=1, name="run", task_id=1, config=config_values, outcome=outcome, created_at=0.0, finished_at=finished_at
    )
    task = TaskState(status=status, error=None, cancel_requested_at=None, finished_at=finished_at)
    return RunView.of(run, task, None)
