"""A model from elsewhere is brought in: looked into, built, tried, each in a process of its own; or not at all."""

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import imagenet
from core.errors import ForeignModelError
from core.foreign.guessing import of_trial
from core.foreign.labels import tidy_labels
from core.foreign.library import ForeignLibrary
from core.foreign.looking import JOB_FILE as LOOKING_JOB
from core.foreign.looking import LITERT_FILE, LookingJob
from core.foreign.places import arrived_dir, arrived_paths, place_model
from core.foreign.records import AnswerForm, ForeignModelView, ForeignRecord, ForeignSource, Form, Found, Trial
from core.foreign.trying import DTYPES, MAX_OUTPUTS, SIDES_PX, TrialJob
from core.foreign.trying import JOB_FILE as TRIAL_JOB
from core.foreign.watched import ApartLimits, run_apart
from core.names import MAX_NAME_CHARS, clean_label, clean_text, name_key
from core.photos.fit import FitMode
from core.settings import Settings
from core.storage.files import translating_disk_errors

Report = Callable[[float | None, str], None]

_LARGEST_ZERO_POINT, _MAX_REASON_CHARS = 1 << 16, 300
_LOOKING, _TRYING = "core.foreign.looking", "core.foreign.trying"
# Loads Keras; named as text, for nothing here may.
_BUILDING, _BUILDING_JOB = "core.networks.foreign_keras", "keras.json"


class Reading:
    """One attempt at reading what somebody brought."""

    def __init__(self, settings: Settings, library: ForeignLibrary, *, report: Report = lambda *_: None) -> None:
        """Prepare an attempt.

        Args:
            settings: folders and limits.
            library: that the model is to stand in.
            report: told the part that is done, 0-1, and a sentence, again and again; what it raises ends the attempt.
        """
        self._settings = settings
        self._library = library
        self._report = report
        self._limits = ApartLimits.of(settings)

    def run(self, source: ForeignSource) -> ForeignModelView:
        """Bring a model in; the same again where an earlier attempt has done so.

        Raises:
            ForeignModelError: the files are refused; nothing is kept of them but themselves.
            NoSpaceError: the disk is full.
            StorageError: the database or the disk failed.
        """
        known = self._library.find_brought(source.key)
        if known is not None:
            return known
        paths = arrived_paths(source, self._settings)
        workplace = arrived_dir(source, self._settings) / "work"
        with translating_disk_errors(workplace):
            shutil.rmtree(workplace, ignore_errors=True)
            workplace.mkdir()
        try:
            return self._read(source, paths, workplace)
        finally:
            shutil.rmtree(workplace, ignore_errors=True)

    def _read(self, source: ForeignSource, paths: list[Path], workplace: Path) -> ForeignModelView:
        name = source.title
        job = LookingJob(
            paths=tuple(map(str, paths)),
            names=source.names,
            max_bytes=self._settings.max_foreign_bytes,
            accepts_hdf5=source.accepts_hdf5,
        )
        _write_job(workplace / LOOKING_JOB, job.to_json())
        found = Found.from_json(self._run(_LOOKING, workplace, name, 0.05, "Looking into the file"))
        labels = source.class_names or found.class_names
        if found.form is not Form.LITERT:
            _write_job(workplace / _BUILDING_JOB, {"name": name, "form": found.form.value})
            self._run(_BUILDING, workplace, name, 0.2, "Building the model and converting it")
        trial_job = TrialJob(
            name=name, has_more_outputs=found.has_more_outputs, num_class_names=len(found.class_names or ())
        )
        _write_job(workplace / TRIAL_JOB, trial_job.to_json())
        trial = Trial.from_json(self._run(_TRYING, workplace, name, 0.8, "Trying it out"))
        found = believable(found, trial, name)
        class_names, notes = _fitting_names(labels, trial, name)
        self._report(0.95, "Putting it in its place")
        return self._keep(source, workplace / LITERT_FILE, found, trial, class_names, notes)

    def _run(self, module: str, workplace: Path, name: str, fraction: float, message: str) -> Any:
        self._report(fraction, message)
        return run_apart(module, workplace, name, limits=self._limits, on_wait=lambda: self._report(fraction, message))

    def _keep(
        self,
        source: ForeignSource,
        file: Path,
        found: Found,
        trial: Trial,
        class_names: tuple[str, ...],
        notes: tuple[str, ...],
    ) -> ForeignModelView:
        with translating_disk_errors(file):
            if file.is_symlink() or not file.is_file():  # the process that wrote it had read a stranger's file
                raise ForeignModelError(f"“{source.title}” was not written as a file. It was made to do harm.")
            content = file.read_bytes()
        guess = of_trial(trial, found.guess)
        record = ForeignRecord(
            trial=trial,
            guess=guess,
            scaling=guess.scaling,
            fit_mode=found.fit_mode,
            crop_fraction=found.crop_fraction,
            file_name=source.title,
            digest=hashlib.sha256(content).hexdigest(),
            num_bytes=len(content),
            notes=notes,
        )
        return self._library.add(
            record,
            key=source.key,
            name=found.title,
            origin=found.origin,
            class_names=class_names,
            place=lambda model_id: place_model(self._settings, model_id, file),
        )


def believable(found: Found, trial: Trial, name: str) -> Found:
    """What processes have told that a stranger may have taken over, as far as it can be: nothing else goes on.

    Args:
        found: what looking has told.
        trial: what trying has told.
        name: of the file, for messages.

    Raises:
        ForeignModelError: no process of Bluetit tells such a thing.
    """
    step, zero_point = trial.quantisation
    is_possible = (
        all(SIDES_PX[0] <= side <= SIDES_PX[1] for side in trial.image_size)
        and trial.dtype in DTYPES
        and 1 <= trial.num_outputs <= MAX_OUTPUTS
        and 0 <= trial.output_position < MAX_OUTPUTS
        and math.isfinite(trial.milliseconds)
        and math.isfinite(step)
        and step >= 0
        and abs(zero_point) < _LARGEST_ZERO_POINT
        and found.fit_mode in tuple(FitMode)
        and 0 < found.crop_fraction <= 1
    )
    if not is_possible:
        raise ForeignModelError(f"“{name}” has taken over the process that was to read it: it is made to do harm.")
    guess = found.guess
    if guess is not None:
        guess = replace(guess, reason=clean_text(guess.reason)[:_MAX_REASON_CHARS])
    title = clean_label(found.title)[:MAX_NAME_CHARS]
    return replace(found, guess=guess, title=title if name_key(title) else "Model")


def _write_job(path: Path, values: dict[str, Any]) -> None:
    with translating_disk_errors(path):
        path.write_text(json.dumps(values), encoding="utf-8")


def _fitting_names(labels: tuple[str, ...] | None, trial: Trial, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the classes, and what is to be said about them.

    Raises:
        ForeignModelError: they are not as many as the classes, or there are none.
    """
    number = trial.num_classes
    notes = []
    if labels is None:
        labels = _imagenet_names(number)
        if labels is None:
            raise ForeignModelError(
                f"“{name}” does not say what its {number:,} classes are called. Bring "
                "its list of class names (labels.txt, "
                "one a line) together with it, or type the names."
            )
        notes.append(f"The file names no classes; {number:,} of them are taken for those of ImageNet.")
    if len(labels) != number:
        one = " Its one output stands for the second of two classes." if trial.num_outputs == 1 else ""
        raise ForeignModelError(
            f"The model in “{name}” has {number:,} classes, and there are {len(labels):,} names "
            f"({', '.join(labels[:3])}{' …' if len(labels) > 3 else ''}).{one} Bring "
            "the list that belongs to it, with one "
            "name a line."
        )
    if trial.answers is AnswerForm.INDEPENDENT:
        notes.append(
            "It answers for each class by itself (sigmoid), so that several can be "
            "right at once; what it says is shared "
            "out so that it adds up to 100 %."
        )
    return tidy_labels(labels), tuple(notes)


def _imagenet_names(number: int) -> tuple[str, ...] | None:
    """The classes of ImageNet, where the number is theirs; None: it is not."""
    names = tuple(known.label for known in imagenet.classes())
    if number == len(names):
        return names
    return ("background", *names) if number == len(names) + 1 else None
