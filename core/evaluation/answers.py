"""What a run's model said to the photos that were kept back, as `predictions.npz` in the run's folder holds it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.datasets.records import Split
from core.errors import ArrayFileError, RunFileError
from core.runs.folder import RunFolder
from core.storage.arrays import StoredArrays, read_arrays


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """Photos with their true classes, and what a model says to each."""

    hashes: tuple[str, ...]  # of the photos; a photo that is in two classes is there twice
    class_indices: npt.NDArray[np.int64]  # (photos,): true classes, when the run began
    probabilities: npt.NDArray[np.float32]  # (photos, classes), 0-1, as the model says them: not calibrated

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(photos,): the likeliest class of each; of equally likely ones the first."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def is_correct(self) -> npt.NDArray[np.bool_]:
        """(photos,): whether the likeliest class is the true one."""
        return np.asarray(self.predicted == self.class_indices, np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunAnswers:
    """The answers of a run's model, by split."""

    class_names: tuple[str, ...]  # in the order of the probabilities
    validation: Answers
    test: Answers

    @property
    def judged_split(self) -> Split | None:
        """The split that tells most: test, else validation (which chose the epoch); None where both are empty."""
        if len(self.test):
            return Split.TEST
        return Split.VALIDATION if len(self.validation) else None

    @property
    def judged(self) -> Answers:
        """The answers of that split."""
        return self.test if len(self.test) else self.validation

    def of(self, split: Split) -> Answers:
        """The answers of validation or test."""
        return {Split.VALIDATION: self.validation, Split.TEST: self.test}[split]


def read_answers(folder: RunFolder) -> RunAnswers:
    """What the model of a finished run said.

    Raises:
        RunFileError: the report or the predictions are missing or damaged.
        StorageError: a file cannot be read.
    """
    report: Any = folder.read_json(folder.report_path)
    try:
        class_names = tuple(str(name) for name in report["class_names"])
        arrays = read_arrays(folder.predictions_path)
        validation, test = (_read(arrays, split, len(class_names)) for split in (Split.VALIDATION, Split.TEST))
    except ArrayFileError as exc:
        raise RunFileError(f"{exc} Nobody knows what the model said: train again.") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise RunFileError(
            f"The file {folder.predictions_path} or the report beside it is damaged. Train again."
        ) from exc
    return RunAnswers(class_names=class_names, validation=validation, test=test)


def _read(arrays: StoredArrays, split: Split, num_classes: int) -> Answers:
    answers = Answers(
        hashes=tuple(str(photo_hash) for photo_hash in arrays[f"{split}_hashes"]),
        class_indices=np.asarray(arrays[f"{split}_classes"], np.int64),
        probabilities=np.asarray(arrays[f"{split}_probabilities"], np.float32).reshape(-1, num_classes),
    )
    if not len(answers) == len(answers.class_indices) == len(answers.probabilities):
        raise ValueError(f"{split} has {len(answers)} photos and {len(answers.probabilities)} answers")
    if len(answers) and not 0 <= answers.class_indices.min() <= answers.class_indices.max() < num_classes:
        raise ValueError(f"{split} has classes beyond the {num_classes} of the model")
    return answers
