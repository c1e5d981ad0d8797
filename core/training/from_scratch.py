"""Training the small network that starts from nothing."""

from core.runs.story import PhaseName
from core.training.assembly import write_trained
from core.training.attempt import Attempt
from core.training.baseline import build_baseline
from core.training.checkpoint import Checkpoint
from core.training.device import using_precision
from core.training.encoders import PixelEncoder
from core.training.phase_plan import PhasePlan, activation_inputs, run_planned
from core.training.trained import Trained


def train_from_scratch(attempt: Attempt, checkpoint: Checkpoint | None) -> Trained:
    """Train the whole network, and keep its weights.

    Args:
        attempt: at a run without a backbone.
        checkpoint: the last finished epoch, when it goes on.

    Raises:
        ConfigError: the photos are to be too small.
        DatasetError: a photo's file is missing or was changed.
        TaskCancelledError: the run is to be discarded.
    """
    with using_precision(attempt.device), attempt.device.scope():
        model = build_baseline(
            attempt.source.image_size,
            attempt.num_classes,
            dropout=attempt.config.head.dropout,
            seed=attempt.config.seed,
        )
    encoder = PixelEncoder(attempt.source.image_size, num_threads=attempt.settings.num_inference_threads)
    train, validation, samples = activation_inputs(attempt, encoder)
    plan = PhasePlan(
        name=PhaseName.SCRATCH,
        config=attempt.config.head_phase,
        num_epochs_before=0,
        earlier=None,
        train=train,
        validation=validation,
        samples=samples,
        num_outputs=model.output_shape[-1],
    )
    end = run_planned(attempt, model, plan, checkpoint)
    write_trained(model.layers, attempt.folder.trained_path)
    return Trained(
        end=end,
        is_frozen=False,
        head=None,
        num_parameters=model.count_params(),
        num_trained_parameters=model.count_params(),
    )
