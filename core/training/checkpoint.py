"""What a training needs to go on after its process was killed: one file, written whole after each epoch."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ArrayFileError, RunFileError
from core.storage.arrays import read_arrays, write_arrays
from core.storage.files import translating_disk_errors

Arrays = tuple[npt.NDArray[Any], ...]

_FILE = "last.npz"
_GROUPS = ("weights", "optimizer", "best_weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A training after one of its epochs."""

    phase: str  # a `PhaseName`
    epoch: int  # the last finished one
    last_sequence: int  # of the run's events, before the epoch was told
    stopping: dict[str, Any]  # a `StoppingState`
    batch_size: int  # smaller than asked for where memory was too small
    weights: Arrays  # of what trains, and the states of its random numbers
    optimizer: Arrays
    best_weights: Arrays  # of the best epoch
    fine_tuning_from: int | None = None  # epochs before fine-tuning began
    # The epoch as an `EpochStory`, which is told as soon as it is kept; None: by a version that told it before, and
    # counted that in `last_sequence`.
    told: dict[str, Any] | None = None


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Replace the checkpoint in a folder.

    Raises:
        NoSpaceError: the disk is full; the older checkpoint is as it was.
        StorageError: it cannot be written; the older checkpoint is as it was.
    """
    state = {name: value for name, value in asdict(checkpoint).items() if name not in _GROUPS}
    state["counts"] = {group: len(getattr(checkpoint, group)) for group in _GROUPS}
    arrays = {
        f"{group}_{number}": array for group in _GROUPS for number, array in enumerate(getattr(checkpoint, group))
    }
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    write_arrays(folder / _FILE, arrays)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint in a folder; None when no epoch was finished yet.

    Raises:
        RunFileError: the file is damaged.
        StorageError: it cannot be read.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    remedy = "It is the checkpoint of a run: put the run into the trash and train again."
    try:
        arrays = read_arrays(path)
        state = json.loads(arrays["state"].tobytes())
        counts = state.pop("counts")
        groups: dict[str, Any] = {
            group: tuple(arrays[f"{group}_{number}"] for number in range(counts[group])) for group in _GROUPS
        }
        return Checkpoint(**state, **groups)
    except ArrayFileError as exc:
        raise RunFileError(f"{exc} {remedy}") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise RunFileError(f"{arrays.damaged(str(exc))} {remedy}") from exc


def remove_checkpoint(folder: Path) -> None:
    """Delete the checkpoint, if there is one, and what writers that were killed left beside it.

    Raises:
        StorageError: it cannot be deleted.
    """
    with translating_disk_errors(folder):
        for path in folder.glob(f"*{_FILE}"):
            path.unlink(missing_ok=True)


def copy_values(variables: Sequence[Any]) -> Arrays:
    """The values of Keras variables, as arrays of their own."""
    # NumPy 2 warns when it asks a variable itself for a copy.
    return tuple(np.asarray(variable).copy() for variable in variables)


def assign_values(variables: Sequence[Any], values: Arrays) -> None:
    """Give Keras variables the values that `copy_values` took."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
