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
from core.storage.open_store import open_store

# Of what happens to a folder on this node, or while it gets its place.
PLACING_MARK, _ACTIVATIONS = "project-key", "activations"
_OWN_MATTERS = (PLACING_MARK, _ACTIVATIONS)
CONDEMNED = "deleted-for-good"  # file in the folder of a run that somebody has deleted

# What is shown and heard when the model sees a class; the hash is that of the file's bytes.
ACTION_FILE_PATTERN = r"action-[0-9a-f]{64}\.(?:jpg|wav|mp3|ogg)"
_ACTION_FILE = re.compile(ACTION_FILE_PATTERN)

AnyRecord = TypeVar("AnyRecord", bound=Record)


class RunFolder:
    """The files of one run, in `<workspace>/runs/<id>`; nothing is made before `create`.

    Where there is an object store, these are copies: asking for the path of a file brings it, whole and as new as in
    the store, and raises a `StoreError` where the store does not answer. Whoever writes files calls `keep` before the
    database tells of them; `write_json` does so itself.
    """

    def __init__(self, settings: Settings, run_id: int) -> None:
        self.path = runs_path(settings) / str(run_id)
        self._run_id = run_id
        self._store = open_store(settings)

    def file(self, name: str) -> Path:
        """Where the file of a name is, here by now if it is anywhere.

        Raises:
            StorageError: it is in an object store that does not answer, or the disk is full.
        """
        path = self.path / name
        self._store.bring(path)
        return path

    def all_files(self) -> list[Path]:
        """The files of the folder itself, without those of its folders, by name; all are here by now, as by `file`."""
        self._store.bring(*(self.path / name for name in self._store.ages(self.path) if "/" not in name))
        return sorted(path for path in self.path.glob("*") if path.is_file() and not _is_draft(path))

    def bring_newest(self) -> None:
        """Have everything here as whoever has begun this run has left it, checkpoint included; as `file`."""
        self._store.bring(self.path, is_newest=True)

    def keep(self) -> None:
        """Send what was written to the object store, if there is one; to be called before the database tells of it.

        Raises:
            StorageError: it cannot be sent, or the store is full; the files are here still.
        """
        self._store.keep(self.path, without=_OWN_MATTERS)

    def keep_checkpoint(self) -> None:
        """Send the checkpoint alone, so that another node can go on from it; as `keep`."""
        self._store.keep(self.checkpoints_path, without=_OWN_MATTERS)

    def forget_checkpoint(self) -> None:
        """Delete the checkpoint from the object store, if there is one; here it is its writer's matter."""
        self._store.remove(self.checkpoints_path)

    def forget(self, *paths: Path) -> None:
        """Delete files that are not needed any more; what is not there is no failure.

        Raises:
            StorageError: they cannot be deleted.
        """
        with translating_disk_errors(self.path):
            for path in paths:
                path.unlink(missing_ok=True)
        self._store.remove(*paths)

    @property
    def config_path(self) -> Path:
        """`TrainConfig` as JSON."""
        return self.file("config.json")

    @property
    def snapshot_path(self) -> Path:
        """What the run learned from: photo hashes, classes and splits, as JSON."""
        return self.file("snapshot.json")

    @property
    def environment_path(self) -> Path:
        """Versions of libraries, device and seed, as JSON."""
        return self.file("environment.json")

    @property
    def labels_path(self) -> Path:
        """The class names, one a line, in the order of the model's outputs."""
        return self.file("labels.txt")

    @property
    def events_path(self) -> Path:
        """The events of a finished run, as JSON: what the database holds, for those who take the folder away."""
        return self.file("events.json")

    @property
    def log_path(self) -> Path:
        """What happened, for people, errors with their traceback included."""
        return self.file("log.txt")

    @property
    def checkpoints_path(self) -> Path:
        """Folder of what a run needs to go on from its last finished epoch."""
        return self.path / "checkpoints"

    @property
    def activations_dir(self) -> Path:
        """Folder of activations that do not fit into memory; nothing in it outlives an attempt at the run."""
        return self.checkpoints_path / _ACTIVATIONS

    @property
    def head_path(self) -> Path:
        """The matrices of the head, which answers on top of the backbone's LiteRT artefact."""
        return self.file("head.npz")

    @property
    def model_record_path(self) -> Path:
        """`ModelRecord` as JSON: how the model is asked."""
        return self.file("model.json")

    @property
    def trained_path(self) -> Path:
        """Weights of the backbone's trained layers, or of a network from scratch."""
        return self.file("trained.npz")

    @property
    def predictions_path(self) -> Path:
        """What the model said to validation and test photos: hashes, true classes, probabilities."""
        return self.file("predictions.npz")

    @property
    def examination_path(self) -> Path:
        """What looking closer at the model found out, as JSON; made by a task of its own, after the run."""
        return self.file("examination.json")

    @property
    def reference_path(self) -> Path:
        """Features of the training photos, to which new photos are compared."""
        return self.file("reference.npz")

    @property
    def decision_path(self) -> Path:
        """`Decision` as JSON: when the model says that it does not know."""
        return self.file("decision.json")

    @property
    def actions_path(self) -> Path:
        """`Actions` as JSON: what happens when the model sees a class."""
        return self.file("actions.json")

    @property
    def page_path(self) -> Path:
        """`PageWishes` as JSON: what somebody wants on the web page of the model."""
        return self.file("page.json")

    def place_of_action(self, hash_and_suffix: str) -> Path:
        """A picture or sound of `actions_path`, by the SHA-256 of its bytes and its ending."""
        return self.file(f"action-{hash_and_suffix}")

    def action_files(self) -> list[Path]:
        """The pictures and sounds that are there."""
        return [path for path in self.all_files() if is_action_file(path.name)]

    @property
    def keras_path(self) -> Path:
        """The whole model, preprocessing inside, for Keras."""
        return self.file("model.keras")

    @property
    def litert_path(self) -> Path:
        """The whole model, preprocessing inside, for LiteRT."""
        return self.file("model.tflite")

    @property
    def report_path(self) -> Path:
        """How well the model does, as JSON."""
        return self.file("report.json")

    @property
    def package_path(self) -> Path:
        """What packaging found out, as JSON."""
        return self.file("package.json")

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
        self._store.move(self.path, aside)
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
        self._store.remove(self.path)
        delete_folder(self.path)

    def condemn(self) -> None:
        """Note that the folder goes with its run, before the run does; a folder that is not there is no failure.

        Whoever is killed between the two leaves a folder without a run: by its mark the next clearing up knows that
        nobody wants it.

        Raises:
            StorageError: the mark cannot be written.
        """
        mark = self.path / CONDEMNED
        with translating_disk_errors(self.path), contextlib.suppress(FileNotFoundError):
            if self._store.is_elsewhere:
                self.path.mkdir(parents=True, exist_ok=True)
            mark.touch()
        self._store.keep(mark)

    def pardon(self) -> None:
        """Take `condemn` back, for the run stays.

        Raises:
            StorageError: the mark cannot be deleted.
        """
        self.forget(self.path / CONDEMNED)

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
            StorageError: the file cannot be written; the older file is as it was. Or it cannot be sent.
        """
        text = json.dumps(without_nan(values), indent=2, ensure_ascii=False, allow_nan=False)
        with write_atomically(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        self._store.keep(path)


def _is_draft(path: Path) -> bool:
    return path.name.startswith(TEMPORARY_PREFIX)


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
