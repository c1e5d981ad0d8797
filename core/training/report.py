"""What is written into a run's folder about its model: what it is made from, how it is asked, how good it is."""

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.backbones.weights import file_sha256
from core.config import TrainConfig
from core.datasets.records import SnapshotView
from core.evaluation.answers import Answers
from core.evaluation.metrics import confusion_matrix
from core.evaluation.statistics import wilson_interval
from core.litert.engine import Engine, LiteRTModel, map_streamed
from core.photos.fit import TRAINED_CROP_FRACTION
from core.photos.rendering import prevailing_rendering
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.runs.story import Score
from core.storage.arrays import write_arrays
from core.storage.files import write_atomically
from core.training.device import DeviceChoice
from core.training.photos import LabelledPhotos, RunPhotos, ViewLoader
from core.training.source import NetworkSource

_PACKAGES = ("keras", "tensorflow", "ai-edge-litert", "numpy", "pillow")
_TIMED_RUNS = 9
_FINGERPRINT_DIGITS = 16

Probabilities = npt.NDArray[np.float32]


def write_description(folder: RunFolder, config: TrainConfig, snapshot: SnapshotView, device: DeviceChoice) -> None:
    """Write what a run is made from: config, snapshot, labels, and the machine it ran on.

    Raises:
        StorageError: the disk is full or may not be written.
    """
    folder.write_json(folder.config_path, config.to_json())
    folder.write_json(folder.snapshot_path, asdict(snapshot))
    # One line each: a line break in a name would shift all that follow.
    with write_atomically(folder.labels_path) as temporary:
        temporary.write_text("".join(f"{' '.join(name.split())}\n" for name in snapshot.class_names), encoding="utf-8")
    folder.write_json(
        folder.environment_path,
        {
            "bluetit": importlib.metadata.version("bluetit"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
            "seed": config.seed,
            "device": device.title,
            "why_this_device": device.reason,
            "precision": device.precision,
        },
    )


def describe_model(
    folder: RunFolder,
    config: TrainConfig,
    source: NetworkSource,
    *,
    photos: RunPhotos,
    is_frozen: bool,
) -> ModelRecord:
    """Write how the model is asked, once its files are there.

    Args:
        folder: of the run.
        config: of the run.
        source: its backbone.
        photos: of the run.
        is_frozen: whether the model is a head on the backbone's own artefact.

    Raises:
        StorageError: the disk is full or may not be written.
    """
    is_on_artefact = is_frozen and source.artefact is not None
    record = ModelRecord(
        class_names=photos.class_names,
        image_size=source.image_size,
        fit_mode=config.fit_mode,
        crop_fraction=TRAINED_CROP_FRACTION,
        artefact=source.artefact.folder.name if is_on_artefact and source.artefact is not None else None,
        fingerprint=file_sha256(folder.head_path if is_on_artefact else folder.litert_path)[:_FINGERPRINT_DIGITS],
        backbone=config.backbone,
        has_linear_head=source.artefact is not None and not config.head.hidden_units,
        rendering=_rendering_of(photos.train),
        averages_flips=is_on_artefact and config.averages_flips,
    )
    folder.write_json(folder.model_record_path, record.to_json())
    return record


def _rendering_of(photos: LabelledPhotos) -> dict[str, Any] | None:
    records = [photo.measurements["rendering"] for photo in photos.photos if "rendering" in photo.measurements]
    return prevailing_rendering(records).to_json() if records else None


def score_of(answers: Answers) -> Score | None:
    """Right answers and their interval; None without photos."""
    if not len(answers):
        return None
    num_correct = int(answers.is_correct.sum())
    low, high = wilson_interval(num_correct, len(answers))
    return Score(
        num_photos=len(answers), num_correct=num_correct, accuracy=num_correct / len(answers), low=low, high=high
    )


def answers_of(
    model_path: Path,
    photos: LabelledPhotos,
    loader: ViewLoader,
    *,
    num_classes: int,
    num_threads: int,
    watch: Callable[[int], None],
) -> Probabilities:
    """What a LiteRT model says to photos: float32 (photos, classes), 0-1.

    Raises:
        DatasetError: a photo's file is missing or was changed.
        ImageError: a photo cannot be decoded.
    """
    probabilities = np.empty((len(photos), num_classes), np.float32)
    engine = Engine(model_path, num_threads=num_threads)
    answers = map_streamed(
        lambda photo: engine.run(loader.load(photo, 0)).probabilities, photos.photos, num_threads=num_threads
    )
    for row, values in enumerate(answers):
        probabilities[row] = values
        watch(1)
    return probabilities


def write_report(
    folder: RunFolder, class_names: tuple[str, ...], splits: Mapping[str, Answers], facts: Mapping[str, Any]
) -> None:
    """Write `report.json` and the answers that it is made from.

    Args:
        folder: of the run.
        class_names: in the order of the probabilities.
        splits: by name.
        facts: anything else that the report is to hold.

    Raises:
        StorageError: the disk is full or may not be written.
    """
    report: dict[str, Any] = {"class_names": list(class_names), **facts}
    arrays: dict[str, Any] = {}
    for name, answers in splits.items():
        score = score_of(answers)
        confusion = confusion_matrix(answers.class_indices, answers.predicted, num_classes=len(class_names))
        report[name] = None if score is None else {**score.to_json(), "confusion": confusion.tolist()}
        arrays[f"{name}_hashes"] = np.array(answers.hashes, dtype="U64")
        arrays[f"{name}_classes"] = answers.class_indices
        arrays[f"{name}_probabilities"] = answers.probabilities
    write_arrays(folder.predictions_path, arrays)
    folder.write_json(folder.report_path, report)


def milliseconds_per_photo(model_path: Path, image_size: tuple[int, int]) -> float:
    """Median time of a LiteRT model for one photo on one thread, pixels to outputs."""
    model = LiteRTModel(model_path.read_bytes(), num_threads=1)
    square = np.zeros((*image_size, 3), np.uint8)
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        model.run(square)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000
