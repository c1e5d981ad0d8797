"""An export made while somebody waits: a head on a frozen network is written in a fraction of a second, without Keras.

It is held to the proof of every export, on few photos, and by a stricter measure. The worker compares the same file
with Keras when it packages the model, and makes the export again, proven on all photos, for whoever asks.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import ParityError
from core.export import program_kit
from core.export.exports import ExportRecord
from core.export.formats import ExportFormat
from core.export.maker import ExportMaker, Order
from core.export.material import ModelFile
from core.inference.classifier_cache import ClassifierCache
from core.inference.trained_model import find_trained_model, read_model_record
from core.inference.whole_file import can_be_written, write_whole
from core.runs.folder import RunFolder
from core.settings import Settings
from core.storage.db import Database

# Photos that it is proven on: with so many the whole takes about a second.
NUM_PHOTOS = 16
_writing = threading.Lock()  # a network takes three times its size of memory: one after the other
_MAX_SECONDS = 60.0  # of a proof; a computer that is so busy makes it in the worker


def find_direct_file(
    row: ExportFormat, folder: RunFolder, settings: Settings, *, temperature: float
) -> ModelFile | None:
    """The model's file as it is written without Keras; None where only a converter can make it.

    Args:
        row: of the format.
        folder: of the run.
        settings: where prepared networks are.
        temperature: by which its probabilities are calibrated.

    Raises:
        RunFileError: a file of the run is missing or damaged.
        StorageError: a file cannot be read.
    """
    if not can_be_made_at_once(row, folder, settings):
        return None
    model = find_trained_model(folder, settings)
    if model.head is None:
        return None

    def write(target: Path) -> None:
        with _writing:
            target.write_bytes(write_whole(model, temperature=temperature, has_feature_map=False))

    return ModelFile(write=write, features_layer=None)


def can_be_made_at_once(row: ExportFormat, folder: RunFolder, settings: Settings) -> bool:
    """Whether an export needs no Keras, as far as a look at the run's description tells; errors as of that."""
    return row.is_written_directly and can_be_written(read_model_record(folder), settings)


def make_at_once(
    run_id: int, row: ExportFormat, *, settings: Settings, database: Database, classifiers: ClassifierCache
) -> ExportRecord:
    """Make an export that needs no Keras.

    Args:
        run_id: of a finished run.
        row: of the format, one that is written directly.
        settings: folders and limits.
        database: of the workspace.
        classifiers: where the model answers.

    Raises:
        ParityError: the model cannot be written so, or the sample program failed or took too long.
        BluetitError: otherwise as of `ExportMaker.put_together`.
    """
    maker = ExportMaker(
        run_id,
        settings=settings,
        database=database,
        classifiers=classifiers,
        max_photos=NUM_PHOTOS,
        check_cancelled=_deadline(row),
    )

    def find_model() -> ModelFile:
        temperature = maker.facts.rule.decision.temperature
        found = find_direct_file(row, RunFolder(settings, run_id), settings, temperature=temperature)
        if found is None:
            raise ParityError(f"The model cannot be written for {row.title} at once any more. Have the worker make it.")
        return found

    order = Order(row=row, kit=program_kit, find_model=find_model, is_at_once=True)
    return maker.put_together(order, lambda _fraction, _message: None)


def _deadline(row: ExportFormat) -> Callable[[], None]:
    ends_at = time.monotonic() + _MAX_SECONDS

    def check() -> None:
        if time.monotonic() > ends_at:
            raise ParityError(f"The export for {row.title} was not proven in time. Try again in a moment.")

    return check
