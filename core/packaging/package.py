"""The handler of the task kind `package_run`: the files that people take away, made and compared with each other.

model.keras   the whole network with its preprocessing, saved, loaded again: both answer alike to the last bit
model.tflite  the same for LiteRT, compared with Keras
package.json  what the comparisons found
"""

import time
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

# Registers the layer, so that a model with a Hub module can be loaded again.
import core.networks.hub  # noqa: F401
from core.config import HUB_PREFIX, TrainConfig
from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot
from core.errors import ParityError
from core.inference.trained_model import read_model_record
from core.jobs.context import TaskContext
from core.litert.engine import LiteRTModel
from core.networks.convert import convert_to_litert
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.storage.files import write_atomically
from core.training.assembly import rebuild
from core.training.memory import forget_networks
from core.training.photos import ViewLoader, gather_photos
from core.training.source import find_source

# Between Keras and LiteRT: rounding of float32 through a hundred layers makes 1e-5, seldom more.
MAX_LITERT_DIFFERENCE = 1e-3

_MAX_COMPARED = 200  # photos, Keras with LiteRT; more would tell little and take long
_MAX_RELOADED = 32  # photos, Keras with itself: the same weights in the same layers
_BATCH = 16

Array = npt.NDArray[Any]


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
    records = Library(database).get_photos({image.photo_hash for image in snapshot.images})
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
        PhotoStore(context.settings.photos_path, context.settings.cache_path),
        SquareMaker.of(record.image_size, record.fit_mode, context.settings, crop_fraction=record.crop_fraction),
        None,
    )
    # Test photos tell most; a run without them is compared on what it has.
    compared = [*photos.test.photos, *photos.validation.photos, *photos.train.photos][:_MAX_COMPARED]
    squares = np.stack([loader.load(photo, 0) for photo in compared])
    context.report(0.3, "Saving it for Keras and loading it again")
    answers, reload_difference = _save_and_reload(whole.model, config, folder, squares)
    context.check_cancelled()
    context.report(0.6, "Making the version for LiteRT")
    if is_frozen:
        with write_atomically(folder.litert_path) as temporary:
            convert_to_litert(whole.with_inner_values(), temporary)
    context.report(0.9, "Comparing the two")
    litert = _answer_litert(folder, squares)
    difference = float(np.abs(answers - litert).max())
    is_same_top1 = bool((answers.argmax(axis=1) == litert.argmax(axis=1)).all())
    folder.write_json(
        folder.package_path,
        {
            "reload_difference": reload_difference,
            "litert_difference": difference,
            "same_top1": is_same_top1,
            "num_compared": len(squares),
            "keras_bytes": folder.keras_path.stat().st_size,
            "litert_bytes": folder.litert_path.stat().st_size,
            "seconds": time.monotonic() - started,
            "warning": _warn(difference, is_same_top1),
        },
    )
    forget_networks()


def _save_and_reload(
    model: keras.Model, config: TrainConfig, folder: RunFolder, squares: Array
) -> tuple[npt.NDArray[np.float32], float]:
    """What the model says, and the largest difference once it was saved and loaded again, which must be none."""
    expected = _answer_keras(model, squares)
    with write_atomically(folder.keras_path) as temporary:
        model.save(temporary)
        # A Hub module is a program, which Keras runs only for those who trust it: it has been run here before.
        reloaded = keras.models.load_model(
            temporary, compile=False, safe_mode=not config.backbone.startswith(HUB_PREFIX)
        )
        answers = _answer_keras(reloaded, squares[:_MAX_RELOADED])
        difference = float(np.abs(expected[:_MAX_RELOADED] - answers).max())
        # Written so that a NaN fails as well.
        if not difference <= 0:
            raise ParityError(
                f"The saved model, loaded again, differs from the original by {difference:.1e} in a probability. It "
                "was thrown away; please report this with your versions of keras and tensorflow."
            )
    return expected, difference


def _answer_keras(model: keras.Model, squares: Array) -> npt.NDArray[np.float32]:
    batches = [squares[start : start + _BATCH] for start in range(0, len(squares), _BATCH)]
    answers = [np.asarray(model(batch.astype(np.float32), training=False)) for batch in batches]
    return np.concatenate(answers)


def _answer_litert(folder: RunFolder, squares: Array) -> npt.NDArray[np.float32]:
    model = LiteRTModel(folder.litert_path.read_bytes(), num_threads=1)
    return np.stack([model.run(square).probabilities for square in squares])


def _warn(difference: float, is_same_top1: bool) -> str | None:
    if difference <= MAX_LITERT_DIFFERENCE and is_same_top1:
        return None
    return (
        f"The version for LiteRT differs from the one for Keras by up to {difference:.1e} in a probability"
        f"{'' if is_same_top1 else ', and names another class for some photos'}. Prefer the one for Keras where exact "
        "answers matter."
    )
