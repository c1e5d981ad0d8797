"""Everything that is known of a finished run's model, worked out once for each state of its files."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
from core.storage.kept import FileMark, KeptReadings, file_mark
from pages.words.worth import Weighed

_MAX_KEPT_BYTES = 50_000_000  # of each kind; of 5,000 photos of 200 classes it is 4 MB
_MIN_KEPT_BYTES = 20_000  # of a run, besides what its file holds

# By folder or file; shared by all visitors, none of whom changes them.
_kept_answers: KeptReadings[RunAnswers] = KeptReadings(_MAX_KEPT_BYTES)
_kept_judged: "KeptReadings[Judged]" = KeptReadings(_MAX_KEPT_BYTES)
_kept_temperatures: KeptReadings[float] = KeptReadings(1_000)
_kept_examinations: KeptReadings[Examination | None] = KeptReadings(_MAX_KEPT_BYTES)


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
        answers = _read_answers(folder)
        judged = _judge(answers, split, folder)
    except (RunFileError, StorageError) as exc:
        problems.append(f"What it said to the photos is lost. {exc}")
    try:
        found = _read_examination(folder)
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
    path = folder.predictions_path
    signature = file_mark(path)

    def read() -> Judged:
        temperature = _kept_temperatures.read(path, signature, lambda: fit_temperature(answers.validation))
        return judge(answers.of(chosen), chosen, temperature=temperature)

    return _kept_judged.read((path, chosen), signature, read, weight=_weight(signature))


def _is_of(examination: Examination, record: ModelRecord) -> bool:
    return examination.fingerprint == record.fingerprint


def _read_answers(folder: RunFolder) -> RunAnswers:
    signature = file_mark(folder.predictions_path)
    mark = (signature, file_mark(folder.report_path))
    return _kept_answers.read(folder.path, mark, lambda: read_answers(folder), weight=_weight(signature))


def _read_examination(folder: RunFolder) -> Examination | None:
    signature = file_mark(folder.examination_path)
    if signature is None:
        return None
    return _kept_examinations.read(folder.path, signature, lambda: read_examination(folder), weight=_weight(signature))


def _weight(mark: FileMark | None) -> int:
    """About how many bytes something takes that was read from a file."""
    return _MIN_KEPT_BYTES + (mark[0] if mark is not None else 0)
