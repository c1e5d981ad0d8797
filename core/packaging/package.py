"""The handler of the task kind `package_run`: the files that people take away, made and compared with each other.

Which files there are is told by `core.export.run_files`. Each is loaded again by its own runtime, and compared with the
model.
"""

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.config import HUB_PREFIX
from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot
from core.errors import ParityError
from core.export.findings import FileFinding, write_findings
from core.export.run_files import RUN_FILES, RunFile
from core.inference.trained_model import find_trained_model, read_model_record
from core.inference.whole_file import can_be_written, write_whole
from core.jobs.context import TaskContext
from core.packaging.keras_file import answer_model
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.files import write_atomically
from core.training.assembly import WholeModel, rebuild
from core.training.memory import forget_networks
from core.training.photos import ViewLoader, gather_photos
from core.training.source import find_source

_BEFORE_FILES = 0.3  # part of the progress bar: putting the model together, and what it says


def run_package_task(context: TaskContext) -> None:
    """Package a run; the payload is `{"run_id": number}`.

    Raises:
        ParityError: the saved model does not answer as the one that was saved.
        RunFileError: a file of the run is missing or damaged.
        BackboneError: the backbone cannot be built any more.
        StorageError: the disk is full.
    """
    started = time.monotonic()
    run_id = int(context.payload["run_id"])
    folder = RunFolder(context.settings, run_id)
    database = context.database
    config = RunLibrary(database).get_run(run_id).config
    snapshot = load_snapshot(database, config.snapshot)
    records = Library(database).photos.get({image.photo_hash for image in snapshot.images})
    photos = gather_photos(snapshot, records)
    record = read_model_record(folder)
    context.report(0.05, "Putting the model together")
    source = find_source(
        config, context.settings, report=lambda _, message: None, check_cancelled=context.check_cancelled
    )
    is_frozen = record.artefact is not None
    whole = rebuild(config, source, folder, context.settings, num_classes=len(record.class_names), is_frozen=is_frozen)
    context.check_cancelled()
    loader = ViewLoader(
        PhotoStore.of(context.settings),
        SquareMaker.of(record.image_size, record.fit_mode, context.settings, crop_fraction=record.crop_fraction),
        None,
    )
    # Test photos tell most; a run without them is compared on what it has.
    most = max(row.max_compared for row in RUN_FILES)
    compared = [*photos.test.photos, *photos.validation.photos, *photos.train.photos][:most]
    squares = np.stack([loader.load(photo, 0) for photo in compared])
    expected = answer_model(whole.model, squares)
    findings = {}
    for number, row in enumerate(RUN_FILES):
        context.check_cancelled()
        context.report(_BEFORE_FILES + (1 - _BEFORE_FILES) * number / len(RUN_FILES), row.making)
        check = _Check(row=row, squares=squares, expected=expected, is_program=config.backbone.startswith(HUB_PREFIX))
        path = folder.file(row.file_name)
        # A model that is no head on a frozen backbone answers by its own LiteRT file, which is there.
        is_there = path == folder.litert_path and (not is_frozen or _write_directly(folder, context.settings))
        findings[row.name] = check.compare(path) if is_there else check.make(whole, path)
    folder.keep()
    write_findings(folder, findings, seconds=time.monotonic() - started)
    forget_networks()


def _write_directly(folder: RunFolder, settings: Settings) -> bool:
    """Write the LiteRT file of a head on a frozen network without a converter, and say whether that could be done."""
    if not can_be_written(read_model_record(folder), settings):
        return False
    model = find_trained_model(folder, settings)
    if model.head is None:
        return False
    with write_atomically(folder.litert_path) as temporary:
        temporary.write_bytes(write_whole(model))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """How the file of one format is made, and proven by what it says to photos."""

    row: RunFile
    squares: npt.NDArray[Any]  # uint8 (photos, height, width, 3), 0-255
    expected: npt.NDArray[np.float32]  # (photos, classes): what the model says to them
    is_program: bool  # whether a module of TensorFlow Hub is in it

    def make(self, whole: WholeModel, path: Path) -> FileFinding:
        """Write the file, load it again, and keep it unless it is refused."""
        with write_atomically(path) as temporary:
            self._converter.write(whole, temporary)
            found = self.compare(temporary)
            if self.row.is_refused and not found.is_close(self.row):
                raise ParityError(
                    f"The model saved for {self.row.title}, loaded again, differs from the original by "
                    f"{found.difference:.1e} in a probability. It was thrown away; please report this with your "
                    "versions of keras and tensorflow."
                )
        return found

    def compare(self, path: Path) -> FileFinding:
        """What a file says beside what the model says."""
        num_compared = min(len(self.squares), self.row.max_compared)
        expected = self.expected[:num_compared]
        answers = self._converter.answer(path, self.squares[:num_compared], is_program=self.is_program)
        return FileFinding(
            difference=float(np.abs(expected - answers).max()),
            same_top1=bool((expected.argmax(axis=1) == answers.argmax(axis=1)).all()),
            num_compared=num_compared,
            num_bytes=path.stat().st_size,
        )

    @property
    def _converter(self) -> Any:
        return importlib.import_module(self.row.converter)
