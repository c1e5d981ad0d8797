"""Prepare a backbone: weights → Keras model → LiteRT artefact, compared with the Keras model before it is accepted.

Runs in the worker process, as the task kind `prepare_backbone`. Keras is imported only once the weights are there: it
takes several seconds, and a download that cannot begin should be told at once.
"""

import json
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import (
    CLASSIFIER_FILE,
    LAYERS_FILE,
    MODEL_FILE,
    Artefact,
    ArtefactRecord,
    artefact_folder,
    hub_artefact_folder,
    hub_fingerprint,
    joint_fingerprint,
    load_artefact,
    open_artefact,
    preparing_version,
    read_image_size,
    write_record,
)
from core.backbones.catalog import Backbone, find_backbone, members_of
from core.backbones.hub_places import find_hub_module
from core.backbones.layers import layers_to_json
from core.backbones.weights import file_sha256, find_all_weights, obtain_weights
from core.config import HUB_PREFIX
from core.errors import ArtefactDamagedError, ArtefactMissingError, BackboneError
from core.jobs.context import TaskContext
from core.links.published import Report
from core.litert.engine import LiteRTModel
from core.networks.comparing import compare, compare_features
from core.photos.decode import decode_image
from core.photos.fit import DEFAULT_CROP_FRACTION, FitMode, fit, to_array
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from core.storage.arrays import write_arrays
from core.storage.files import ensure_free_space, remove_abandoned_drafts, write_directory_atomically

if TYPE_CHECKING:
    from core.networks.build import ImageNetClassifier
    from core.networks.network import BackboneNetwork

_TIMED_RUNS = 10

# Part of the progress bar at which each step begins, where nothing must be downloaded: importing Keras, building,
# converting and comparing take about so much of the time.
_BUILD_FRACTION, _CONVERT_FRACTION, _COMPARE_FRACTION = 0.45, 0.55, 0.9
# Downloading is the first half of the bar, and the steps above share the second.
_DOWNLOAD_FRACTION = 0.5


def run_prepare_task(context: TaskContext) -> None:
    """Handler of the task kind `prepare_backbone`; its payload is `{"backbone": name, "preparing_version": digest}`.

    Raises:
        BackboneError: this worker is of another version than the page that asked; its artefact would not be found.
    """
    if context.payload["preparing_version"] != preparing_version():
        raise BackboneError(
            "The page and the background worker are of different versions of Bluetit. "
            "Stop every Bluetit that uses this workspace, and start it again."
        )
    prepare_backbone(
        find_backbone(str(context.payload["backbone"])),
        context.settings,
        report=context.report,
        check_cancelled=context.check_cancelled,
    )


def prepare_backbone(
    backbone: Backbone, settings: Settings, *, report: Report, check_cancelled: Callable[[], None]
) -> ArtefactRecord:
    """Make the artefact of a backbone, unless a whole one is there already.

    Of networks that stand side by side each has one of its own as well, by which its features are computed.

    Args:
        backbone: row of the catalogue.
        settings: folders and limits.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between the steps; raises to stop.

    Raises:
        WeightsMissingError: the weights are not here and cannot be downloaded.
        WeightsDamagedError: the weights are not the published ones.
        ParityError: the converted model answers differently from Keras.
        StorageError: the artefact cannot be written.
    """
    members = members_of(backbone)
    if backbone.members:
        num_parts = len(members) + 1
        for number, member in enumerate(members):
            prepare_backbone(
                member, settings, report=_part_of(report, number, num_parts), check_cancelled=check_cancelled
            )
        report = _part_of(report, len(members), num_parts)
    needs_download = find_all_weights(backbone, settings) is None
    weights = [
        obtain_weights(
            member,
            settings,
            report=lambda fraction, message: report(fraction and fraction * _DOWNLOAD_FRACTION, message),
            check_cancelled=check_cancelled,
        )
        for member in members
    ]

    def report_step(fraction: float | None, message: str) -> None:
        begin = _DOWNLOAD_FRACTION if needs_download else 0.0
        report(begin + (1 - begin) * (fraction or 0.0), message)

    folder = artefact_folder(backbone, joint_fingerprint(backbone, weights), settings)
    try:
        return load_artefact(backbone, settings).record
    except (ArtefactMissingError, ArtefactDamagedError):
        # Nothing usable is there; what a half-deleted folder still holds would be in the way of the new one.
        shutil.rmtree(folder, ignore_errors=True)
    # The converter needs room for a copy of the graph beside the file it writes.
    ensure_free_space(folder.parent, int(3e6 * backbone.weights_megabytes))
    with write_directory_atomically(folder) as draft:
        record = _fill_folder(draft, backbone, weights, report_step, check_cancelled)
    _remove_predecessors(folder, backbone)
    remove_abandoned_drafts(folder.parent)
    report(1.0, f"{backbone.title} is ready")
    return record


def _part_of(report: Report, number: int, num_parts: int) -> Report:
    """Tells of one of several parts, each of which takes about as long."""
    return lambda fraction, message: report(None if fraction is None else (number + fraction) / num_parts, message)


def _fill_folder(
    folder: Path,
    backbone: Backbone,
    weights: Sequence[Path],
    report: Report,
    check_cancelled: Callable[[], None],
) -> ArtefactRecord:
    started = time.perf_counter()
    check_cancelled()
    report(0.0, f"Getting ready to build {backbone.title}")
    import keras

    from core.networks.build import build_classifier
    from core.networks.convert import convert_to_litert
    from core.networks.network import build_backbone

    check_cancelled()
    report(_BUILD_FRACTION, f"Building {backbone.title}")
    classifier = build_classifier(backbone, weights)
    check_cancelled()
    report(_CONVERT_FRACTION, f"Converting {backbone.title} for fast answers")
    convert_to_litert(classifier.model, folder / MODEL_FILE)
    _save_classifier(classifier, folder)
    _save_layers(build_backbone(backbone, backbone.image_size, None), folder)
    check_cancelled()
    report(_COMPARE_FRACTION, "Comparing the fast version with the original")
    samples = sample_pixels(backbone)
    converted = LiteRTModel((folder / MODEL_FILE).read_bytes(), num_threads=1)
    difference = compare(classifier.model, converted, samples)
    record = ArtefactRecord(
        backbone=backbone.name,
        fingerprint=joint_fingerprint(backbone, weights),
        image_size=backbone.image_size,
        fit_mode=FitMode.CROP.value,
        crop_fraction=DEFAULT_CROP_FRACTION,
        feature_map_shape=converted.feature_map_shape,
        has_linear_head=backbone.has_linear_head,
        file_sha256={path.name: file_sha256(path) for path in sorted(folder.iterdir())},
        largest_probability_difference=difference,
        litert_milliseconds=_median_milliseconds(converted, samples[0]),
        prepare_seconds=time.perf_counter() - started,
    )
    write_record(record, folder)
    keras.backend.clear_session()
    return record


def prepare_hub_module(
    backbone: str,
    image_size: tuple[int, int] | None,
    settings: Settings,
    *,
    report: Report,
    check_cancelled: Callable[[], None],
) -> Artefact:
    """Make the artefact of a module of TensorFlow Hub, unless a whole one is there already.

    Args:
        backbone: as for `find_hub_module`.
        image_size: height and width in pixels; None: the module's own.
        settings: folders and limits.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between the steps; raises to stop.

    Raises:
        ConfigError: modules are not allowed, or not from there.
        WeightsMissingError: the module is not here and cannot be downloaded.
        WeightsDamagedError: it cannot be read.
        BackboneError: it is no feature vector, or takes no photos of this size.
        ParityError: the converted module answers differently.
        StorageError: the artefact cannot be written.
    """
    report(0.0, "Reading the module of TensorFlow Hub")
    from core.networks.convert import convert_to_litert
    from core.networks.hub import load_hub_backbone, resolve_hub_module
    from core.networks.network import wrap_hub_layer

    source = resolve_hub_module(backbone, settings)
    check_cancelled()
    started = time.perf_counter()
    network = wrap_hub_layer(load_hub_backbone(source), image_size)
    fingerprint = hub_fingerprint(source, network.image_size)
    final = hub_artefact_folder(fingerprint, settings)
    try:
        return open_artefact(final)
    except (ArtefactMissingError, ArtefactDamagedError):
        shutil.rmtree(final, ignore_errors=True)
    check_cancelled()
    report(_CONVERT_FRACTION, "Converting the module for fast answers")
    with write_directory_atomically(final) as folder:
        convert_to_litert(network.model, folder / MODEL_FILE)
        _save_layers(network, folder)
        report(_COMPARE_FRACTION, "Comparing the fast version with the original")
        samples = _sample_squares(network.image_size)
        converted = LiteRTModel((folder / MODEL_FILE).read_bytes(), num_threads=1)
        record = ArtefactRecord(
            backbone=f"{HUB_PREFIX}{find_hub_module(backbone, settings)}",
            fingerprint=fingerprint,
            image_size=network.image_size,
            fit_mode=FitMode.CROP.value,
            crop_fraction=DEFAULT_CROP_FRACTION,
            feature_map_shape=converted.feature_map_shape,
            has_linear_head=True,
            file_sha256={path.name: file_sha256(path) for path in sorted(folder.iterdir())},
            largest_probability_difference=compare_features(network.model, converted, samples),
            litert_milliseconds=_median_milliseconds(converted, samples[0]),
            prepare_seconds=time.perf_counter() - started,
        )
        write_record(record, folder)
    return open_artefact(final)


def sample_pixels(backbone: Backbone) -> npt.NDArray[np.uint8]:
    """The sample photos as the backbone sees them, and one square of noise.

    Returns:
        uint8 (photos + 1, height, width, 3), 0-255.
    """
    return _sample_squares(backbone.image_size)


def _sample_squares(image_size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    squares = [
        to_array(
            fit(
                decode_image(sample_path(sample).read_bytes(), sample.file_name),
                image_size,
                FitMode.CROP,
                crop_fraction=DEFAULT_CROP_FRACTION,
            )
        )
        for sample in SAMPLE_PHOTOS
    ]
    noise = np.random.default_rng(0).integers(0, 256, (*image_size, 3), dtype=np.uint8)
    return np.stack([*squares, noise])


def _save_classifier(classifier: "ImageNetClassifier", folder: Path) -> None:
    if classifier.kernel is not None and classifier.bias is not None:
        write_arrays(folder / CLASSIFIER_FILE, {"kernel": classifier.kernel, "bias": classifier.bias})


def _save_layers(network: "BackboneNetwork", folder: Path) -> None:
    from core.networks.layer_table import layer_table

    text = json.dumps(layers_to_json(layer_table(network)))
    (folder / LAYERS_FILE).write_text(text, encoding="utf-8")


def _median_milliseconds(model: LiteRTModel, square: npt.NDArray[np.uint8]) -> float:
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        model.run(square)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000


def _remove_predecessors(folder: Path, backbone: Backbone) -> None:
    """Delete artefacts of the same backbone, for photos of the same size, that other weights, versions or code made."""
    for other in folder.parent.iterdir():
        if other.name.rpartition("-")[0] != backbone.name or other == folder:
            continue
        if read_image_size(other) in (None, backbone.image_size):
            # Another process may still have it open (Windows then refuses): it is removed next time.
            shutil.rmtree(other, ignore_errors=True)
