"""Everything that is known of a finished run's model, worked out once for each state of its files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.datasets.records import Split
from core.errors import BluetitError, RunFileError, StorageError
from core.evaluation.answers import Answers, RunAnswers, read_answers
from core.evaluation.calibration import fit_temperature
from core.evaluation.examination import Examination, read_examination
from core.evaluation.guessing import weigh
from core.evaluation.metrics import SplitMetrics, measure
from core.inference.temperature import calibrated
from core.inference.trained_model import read_model_record
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.runs.records import RunView
from core.services import Services
from pages.words.worth import Weighed

_MAX_KEPT = 12  # what 5,000 photos of 200 classes come to is 12 MB for each

# Size and date of a file, so that another one is read anew; None: it is not there.
Signature = tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """The photos of one split, what the model says to them, and what that comes to."""

    split: Split
    answers: Answers  # at least one
    temperature: float  # of the calibration, fitted on the validation photos
    metrics: SplitMetrics
    confidences: npt.NDArray[np.float64]  # (photos,): calibrated probability of what the model says, 0-1
    mistakes: npt.NDArray[np.int64]  # places of the wrong answers, the most confident first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """A finished run with what its files hold; what is damaged is None, with the reason among the problems."""

    view: RunView
    folder: RunFolder
    class_names: tuple[str, ...]
    answers: RunAnswers | None
    judged: Judged | None  # of the split that is looked at; None without photos or answers
    examination: Examination | None  # of this very model
    record: ModelRecord | None
    problems: tuple[str, ...]  # for people

    @property
    def worth(self) -> Weighed | None:
        """What the result on the photos that are looked at is worth; None without any."""
        if self.judged is None:
            return None
        return Weighed(worth=weigh(self.judged.metrics.confusion), class_names=self.class_names)


def read_material(view: RunView, split: Split | None, services: Services) -> Material:
    """Read what there is of a run that is done.

    Args:
        view: the run.
        split: that is looked at; None, or one without photos: the one that tells most.
        services: the open services.
    """
    folder = RunFolder(services.settings, view.id)
    problems: list[str] = []
    record = answers = examination = judged = None
    try:
        record = read_model_record(folder)
    except BluetitError as exc:
        problems.append(f"The model cannot be asked any more, so there are no heat maps. {exc}")
    try:
        answers = _kept_answers(*_key(folder.predictions_path), *_key(folder.report_path), folder)
        judged = _judge(answers, split, folder)
    except (RunFileError, StorageError) as exc:
        problems.append(f"What it said to the photos is lost. {exc}")
    try:
        found = _kept_examination(*_key(folder.examination_path), folder)
        examination = found if found is not None and record is not None and _is_of(found, record) else None
    except (RunFileError, StorageError) as exc:
        problems.append(str(exc))
    class_names = answers.class_names if answers else record.class_names if record else ()
    return Material(
        view=view,
        folder=folder,
        class_names=class_names,
        answers=answers,
        judged=judged,
        examination=examination,
        record=record,
        problems=tuple(problems),
    )


def splits_to_look_at(answers: RunAnswers) -> list[Split]:
    """The splits that have photos, the one that tells most first."""
    return [split for split in (Split.TEST, Split.VALIDATION) if len(answers.of(split))]


def judge(answers: Answers, split: Split, *, temperature: float) -> Judged:
    """Work out what the answers to the photos of one split, at least one, come to."""
    # A softmax with another temperature keeps the order of the classes.
    confidences = calibrated(answers.probabilities, temperature).max(axis=1)
    wrong = np.flatnonzero(~answers.is_correct)
    return Judged(
        split=split,
        answers=answers,
        temperature=temperature,
        metrics=measure(answers, temperature=temperature),
        confidences=confidences,
        mistakes=wrong[np.argsort(-confidences[wrong], kind="stable")],
    )


def _judge(answers: RunAnswers, split: Split | None, folder: RunFolder) -> Judged | None:
    possible = splits_to_look_at(answers)
    if not possible:
        return None
    chosen = split if split in possible else possible[0]
    return _kept_judged(*_key(folder.predictions_path), chosen, answers)


def _is_of(examination: Examination, record: ModelRecord) -> bool:
    return examination.fingerprint == record.fingerprint


def _key(path: Path) -> tuple[str, Signature]:
    try:
        facts = path.stat()
    except OSError:
        return str(path), None
    return str(path), (facts.st_size, facts.st_mtime_ns)


# Shared by all visitors, none of whom changes them. What begins with an underscore is no part of the key.


@st.cache_resource(max_entries=_MAX_KEPT, show_spinner=False)
def _kept_answers(
    path: str, signature: Signature, report_path: str, report_signature: Signature, _folder: RunFolder
) -> RunAnswers:
    return read_answers(_folder)


@st.cache_resource(max_entries=_MAX_KEPT, show_spinner=False)
def _kept_judged(path: str, signature: Signature, split: Split, _answers: RunAnswers) -> Judged:
    temperature = _kept_temperature(path, signature, _answers)
    return judge(_answers.of(split), split, temperature=temperature)


@st.cache_resource(max_entries=_MAX_KEPT, show_spinner=False)
def _kept_temperature(path: str, signature: Signature, _answers: RunAnswers) -> float:
    return fit_temperature(_answers.validation)


@st.cache_resource(max_entries=_MAX_KEPT, show_spinner=False)
def _kept_examination(path: str, signature: Signature, _folder: RunFolder) -> Examination | None:
    return read_examination(_folder)
