"""`core.evaluation.answers`: what a run's model said, read from its folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.records import Split
from core.errors import RunFileError
from core.evaluation.answers import read_answers
from core.runs.folder import RunFolder
from core.settings import Settings


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    """A run of two classes with one validation photo and two for the test."""
    folder = RunFolder(settings, 1)
    folder.create()
    folder.write_json(folder.report_path, {"class_names": ["crow", "tit"]})
    write(folder.predictions_path)
    return folder


def write(path: Path, **values: Any) -> None:
    """What a run writes; values replace what is there."""
    known = {
        "validation_hashes": np.array(["a" * 64]),
        "validation_classes": np.array([0]),
        "validation_probabilities": np.array([[0.9, 0.1]], np.float32),
        "test_hashes": np.array(["b" * 64, "c" * 64]),
        "test_classes": np.array([1, 0]),
        "test_probabilities": np.array([[0.2, 0.8], [0.5, 0.5]], np.float32),
    }
    np.savez(path, **{**known, **values})


def test_the_test_split_tells_most(folder: RunFolder) -> None:
    """What was written is read; a tie goes to the first class."""
    answers = read_answers(folder)
    assert (answers.class_names, answers.judged_split) == (("crow", "tit"), Split.TEST)
    assert answers.judged.hashes == ("b" * 64, "c" * 64)
    assert answers.judged.is_correct.tolist() == [True, True]
    assert answers.of(Split.VALIDATION).predicted.tolist() == [0]


def test_a_damaged_file_is_told_without_bad_advice(folder: RunFolder) -> None:
    """The message names the file and the remedy, and does not suggest to load it unsafely, as NumPy does."""
    folder.predictions_path.write_text("broken")
    with pytest.raises(RunFileError, match=r"predictions\.npz is damaged: .* train again\.$") as told:
        read_answers(folder)
    assert "pickle" not in str(told.value)
    folder.predictions_path.unlink()
    with pytest.raises(RunFileError, match="is missing"):
        read_answers(folder)


@pytest.mark.parametrize(
    "values",
    [{"test_hashes": np.array(["b" * 64])}, {"test_classes": np.array([1, 2])}],
    ids=["a photo too few", "a class too many"],
)
def test_answers_that_do_not_fit_together_are_refused(folder: RunFolder, values: dict[str, Any]) -> None:
    """Every photo has an answer, and every class is one of the model's."""
    write(folder.predictions_path, **values)
    with pytest.raises(RunFileError, match="is damaged"):
        read_answers(folder)
