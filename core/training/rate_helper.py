"""The handler of the task kind `try_rates`: a few trials of a search for a learning rate, for the training that asked.

What they need is in one file, so that nothing has to be looked at, computed or drawn again: the batches and the weights
that all trials begin with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from core.config import SCRATCH, TrainConfig
from core.jobs.context import TaskContext
from core.jobs.status import TaskStatus
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.storage.arrays import read_arrays, write_arrays
from core.training.baseline import build_baseline
from core.training.checkpoint import Arrays, assign_values
from core.training.device import choose_device, using_precision
from core.training.heads import build_head
from core.training.inputs import Array
from core.training.memory import forget_networks
from core.training.phase import Objective, remembered_variables
from core.training.rate_finder import RateTrials

RATES_FILE = "rates.npz"  # among the checkpoints of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialData:
    """What all trials begin with."""

    batches: Sequence[tuple[Array, ...]]  # inputs, targets, and perhaps weights of the photos
    start: Arrays  # as `remembered_variables` lists them


def write_trial_data(data: TrialData, path: Path) -> None:
    """Write it into a file.

    Raises:
        StorageError: the file cannot be written.
    """
    arrays = {f"start_{number}": array for number, array in enumerate(data.start)}
    for number, batch in enumerate(data.batches):
        arrays |= {f"batch_{number}_{part}": _packed(array) for part, array in enumerate(batch)}
    arrays["counts"] = np.array([len(data.start), len(data.batches), len(data.batches[0])])
    write_arrays(path, arrays)


def read_trial_data(path: Path) -> TrialData:
    """What `write_trial_data` wrote.

    Raises:
        ArrayFileError: the file is missing or damaged.
        StorageError: the file cannot be read.
    """
    arrays = read_arrays(path)
    num_variables, num_batches, num_parts = (int(count) for count in arrays["counts"])
    return TrialData(
        batches=[
            tuple(np.asarray(arrays[f"batch_{number}_{part}"], np.float32) for part in range(num_parts))
            for number in range(num_batches)
        ],
        start=tuple(arrays[f"start_{number}"] for number in range(num_variables)),
    )


def _packed(array: Array) -> Array:
    """In bytes where that is exact, as of pixels: a quarter of the file."""
    small = array.astype(np.uint8) if array.min() >= 0 and array.max() <= 255 else array
    return small if np.array_equal(small, array) else array


def run_rates_task(context: TaskContext) -> None:
    """Try some rates; the payload is what `core.training.rate_search` puts into it, the result `{"losses": [...]}`.

    Losses are null where a trial exploded. Nothing is done where the training has ended meanwhile, or begun anew.

    Raises:
        BluetitError: what they need is not there any more, or cannot be read.
        TaskCancelledError: the training does not need them any more.
    """
    payload = context.payload
    asking = context.queue.get(int(payload["task_id"]))
    if (asking.status, asking.attempts) != (TaskStatus.RUNNING, payload["attempt"]):
        return
    config = RunLibrary(context.database).get_run(int(payload["run_id"])).config
    folder = RunFolder(context.settings, int(payload["run_id"]))
    data = read_trial_data(folder.file(f"{folder.checkpoints_path.name}/{RATES_FILE}"))
    context.call_afterwards(forget_networks)
    device = choose_device(precision=config.precision, uses_all_gpus=config.uses_all_gpus)
    inputs, targets = data.batches[0][:2]
    objective = Objective(
        optimizer=config.head_phase.optimizer,
        label_smoothing=config.label_smoothing,
        num_outputs=targets.shape[1],
        jit_compile=device.jit_compile,
    )
    keras.utils.set_random_seed(config.seed)
    with using_precision(device), device.scope():
        model = _build(config, inputs.shape[1:], int(payload["num_classes"]))
        assign_values(remembered_variables(model), data.start)
        trials = RateTrials(model, objective, data.batches, context.check_cancelled)
        losses = []
        for number, rate in enumerate(payload["rates"]):
            context.report(number / len(payload["rates"]), "Trying learning rates")
            losses.append(trials.loss_at(rate))
    context.tell_result({"losses": [loss if math.isfinite(loss) else None for loss in losses]})


def _build(config: TrainConfig, shape: tuple[int, ...], num_classes: int) -> keras.Model:
    """What the first phase of a run trains."""
    if config.backbone == SCRATCH:
        return build_baseline((shape[0], shape[1]), num_classes, dropout=config.head.dropout, seed=config.seed)
    return build_head(config.head, shape[0], num_classes, seed=config.seed)
