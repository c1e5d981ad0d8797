"""The folder of a run: where each of its files is, and that each appears whole or not at all."""

import contextlib
import json
import re
import shutil
import uuid
from pathlib import Path
from typing import Any, TypeVar

from core.errors import BluetitError, RunFileError
from core.records import Record
from core.runs.records import without_nan
from core.settings import Settings
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors, write_atomically

CONDEMNED = "deleted-for-good"  # file in the folder of a run that somebody has deleted

# What is shown and heard when the model sees a class; the hash is that of the file's bytes.
ACTION_FILE_PATTERN = r"action-[0-9a-f]{64}\.(?:jpg|wav|mp3|ogg)"
_ACTION_FILE = re.compile(ACTION_FILE_PATTERN)

AnyRecord = TypeVar("AnyRecord", bound=Record)


class RunFolder:
    """The files of one run, in `<workspace>/runs/<id>`; nothing is made before `create`."""

    def __init__(self, settings: Settings, run_id: int) -> None:
        self.path = runs_path(settings) / str(run_id)
        self._run_id = run_id

    @property
    def config_path(self) -> Path:
        """`TrainConfig` as JSON."""
        return self.path / "config.json"

    @property
    def snapshot_path(self) -> Path:
        """What the run learned from: photo hashes, classes and splits, as JSON."""
        return self.path / "snapshot.json"

    @property
    def environment_path(self) -> Path:
        """Versions of libraries, device and seed, as JSON."""
        return self.path / "environment.json"

    @property
    def labels_path(self) -> Path:
        """The class names, one a line, in the order of the model's outputs."""
        return self.path / "labels.txt"

    @property
    def events_path(self) -> Path:
        """The events of a finished run, as JSON: what the database holds, for those who take the folder away."""
        return self.path / "events.json"

    @property
    def log_path(self) -> Path:
        """What happened, for people, errors with their traceback included."""
        return self.path / "log.txt"

    @property
    def checkpoints_path(self) -> Path:
        """Folder of what a run needs to go on from its last finished epoch."""
        return self.path / "checkpoints"

    @property
    def activations_dir(self) -> Path:
        """Folder of activations that do not fit into memory; nothing in it outlives an attempt at the run."""
        return self.checkpoints_path / "activations"

    @property
    def head_path(self) -> Path:
        """The matrices of the head, which answers on top of the backbone's LiteRT artefact."""
        return self.path / "head.npz"

    @property
    def model_record_path(self) -> Path:
        """`ModelRecord` as JSON: how the model is asked."""
        return self.path / "model.json"

    @property
    def trained_path(self) -> Path:
        """Weights of the backbone's trained layers, or of a network from scratch."""
        return self.path / "trained.npz"

    @property
    def predictions_path(self) -> Path:
        """What the model said to validation and test photos: hashes, true classes, probabilities."""
        return self.path / "predictions.npz"

    @property
    def examination_path(self) -> Path:
        """What looking closer at the model found out, as JSON; made by a task of its own, after the run."""
        return self.path / "examination.json"

    @property
    def reference_path(self) -> Path:
        """Features of the training photos, to which new photos are compared."""
        return self.path / "reference.npz"

    @property
    def decision_path(self) -> Path:
        """`Decision` as JSON: when the model says that it does not know."""
        return self.path / "decision.json"

    @property
    def actions_path(self) -> Path:
        """`Actions` as JSON: what happens when the model sees a class."""
        return self.path / "actions.json"

    def place_of_action(self, hash_and_suffix: str) -> Path:
        """A picture or sound of `actions_path`, by the SHA-256 of its bytes and its ending."""
        return self.path / f"action-{hash_and_suffix}"

    def action_files(self) -> list[Path]:
        """The pictures and sounds that are there."""
        return sorted(path for path in self.path.glob("action-*") if is_action_file(path.name))

    @property
    def keras_path(self) -> Path:
        """The whole model, preprocessing inside, for Keras."""
        return self.path / "model.keras"

    @property
    def litert_path(self) -> Path:
        """The whole model, preprocessing inside, for LiteRT."""
        return self.path / "model.tflite"

    @property
    def report_path(self) -> Path:
        """How well the model does, as JSON."""
        return self.path / "report.json"

    @property
    def package_path(self) -> Path:
        """What packaging found out, as JSON."""
        return self.path / "package.json"

    @property
    def exports_path(self) -> Path:
        """Folder of what was made for people to take away; `core.export.exports` knows its files."""
        return self.path / "exports"

    def create(self) -> None:
        """Make the folder and that of the checkpoints, where they are missing.

        Raises:
            NoSpaceError: the disk is full.
            StorageError: the folder cannot be made.
        """
        with translating_disk_errors(self.path):
            self.checkpoints_path.mkdir(parents=True, exist_ok=True)

    def set_aside(self) -> Path | None:
        """Give a folder that is there already another name: it belongs to a run of another database.

        That happens to people who delete the database and keep the workspace. A new run must not go on from the
        checkpoints of a stranger, and nothing that somebody has trained is deleted without being asked for.

        Returns:
            Where the folder is now; None when there was none.

        Raises:
            StorageError: the folder cannot be renamed.
        """
        aside = self.path.with_name(f"{self.path.name}-before-{uuid.uuid4().hex[:8]}")
        with translating_disk_errors(self.path):
            try:
                self.path.rename(aside)
            except FileNotFoundError:
                return None
        return aside

    def delete(self) -> None:
        """Delete the folder with everything in it; one that is not there is no failure.

        Raises:
            StorageError: the folder cannot be deleted.
        """
        delete_folder(self.path)

    def condemn(self) -> None:
        """Note that the folder goes with its run, before the run does; a folder that is not there is no failure.

        Whoever is killed between the two leaves a folder without a run: by its mark the next clearing up knows that
        nobody wants it.

        Raises:
            StorageError: the mark cannot be written.
        """
        with translating_disk_errors(self.path), contextlib.suppress(FileNotFoundError):
            (self.path / CONDEMNED).touch()

    def pardon(self) -> None:
        """Take `condemn` back, for the run stays.

        Raises:
            StorageError: the mark cannot be deleted.
        """
        with translating_disk_errors(self.path):
            (self.path / CONDEMNED).unlink(missing_ok=True)

    def read_json(self, path: Path) -> Any:
        """What `write_json` wrote.

        Raises:
            RunFileError: the file is missing or damaged.
            StorageError: the file cannot be read.
        """
        with translating_disk_errors(path):
            try:
                return json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError as exc:
                raise RunFileError(
                    f"The file {path.name} of run {self._run_id} is missing in {self.path}. Train again."
                ) from exc
            except ValueError as exc:  # no JSON, or no UTF-8
                raise RunFileError(
                    f"The file {path.name} of run {self._run_id} in {self.path} is damaged: {exc}. Train again."
                ) from exc

    def read_record(self, path: Path, kind: type[AnyRecord]) -> AnyRecord:
        """The record that `write_json` wrote.

        Raises:
            RunFileError: the file is missing, damaged, or of another version of Bluetit.
            StorageError: the file cannot be read.
        """
        return self.as_record(self.read_json(path), path, kind)

    def as_record(self, values: Any, path: Path, kind: type[AnyRecord]) -> AnyRecord:
        """The record of what `read_json` found in a file.

        Raises:
            RunFileError: it is none, or of another version of Bluetit.
        """
        try:
            return kind.from_json(values)
        except BluetitError as exc:
            raise RunFileError(f"The file {path.name} of run {self._run_id} cannot be read: {exc}") from exc

    def write_json(self, path: Path, values: Any) -> None:
        """Write one of the files as a whole; numbers that JSON does not know become null.

        Raises:
            NoSpaceError: the disk is full; the older file is as it was.
            StorageError: the file cannot be written; the older file is as it was.
        """
        text = json.dumps(without_nan(values), indent=2, ensure_ascii=False, allow_nan=False)
        with write_atomically(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def is_action_file(name: str) -> bool:
    """Whether a file of a run's folder can be called so that is shown or heard when the model sees a class."""
    return _ACTION_FILE.fullmatch(name) is not None


def delete_folder(path: Path) -> None:
    """Delete a folder in that of the runs; one that is not there is no failure.

    Raises:
        StorageError: it cannot be deleted.
    """
    # Under another name first: a folder that lost only some of its files would look like a whole run.
    going = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{path.name}")
    with translating_disk_errors(path):
        try:
            path.rename(going)
        except FileNotFoundError:
            return
        shutil.rmtree(going)


def runs_path(settings: Settings) -> Path:
    """Folder of all runs' folders."""
    return settings.workspace_dir / "runs"
