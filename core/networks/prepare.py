"""Prepare a backbone: weights → Keras model → LiteRT artefact, compared with the Keras model before it is accepted.

Runs in the worker process, as the task kind `prepare_backbone`. Keras is imported only once the weights are there: it
takes several seconds, and a download that cannot begin should be told at once.

The file of an EfficientNet-Lite needs no Keras. It answers after a second, and is compared with Keras then: somebody's
first photo does not wait for TensorFlow.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import (
    CLASSIFIER_FILE,
    MODEL_FILE,
    ArtefactRecord,
    artefact_folder,
    joint_fingerprint,
    keep_artefact,
    load_artefact,
    preparing_version,
    read_image_size,
    write_layers,
    write_record,
)
from core.backbones.catalog import Backbone, find_backbone, members_of
from core.backbones.lite_layers import layers_of, layers_side_by_side
from core.backbones.lite_network import write_lite_network
from core.backbones.torch_weights import read_state_dict
from core.backbones.weights import file_sha256, find_all_weights, obtain_weights
from core.errors import ArtefactDamagedError, ArtefactMissingError, BackboneError, ParityError
from core.jobs.context import TaskContext
from core.links.published import Report
from core.litert.engine import LiteRTModel
from core.networks.parity import compare, compare_features, median_milliseconds, sample_pixels
from core.photos.fit import DEFAULT_CROP_FRACTION, FitMode
from core.settings import Settings
from core.storage.arrays import write_arrays
from core.storage.files import ensure_free_space, remove_abandoned_drafts, write_directory_atomically

if TYPE_CHECKING:
    from core.networks.build import ImageNetClassifier

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
        record = load_artefact(backbone, settings).record
    except (ArtefactMissingError, ArtefactDamagedError):
        # Nothing usable is there; what a half-deleted folder still holds would be in the way of the new one.
        shutil.rmtree(folder, ignore_errors=True)
        # The converter needs room for a copy of the graph beside the file it writes.
        ensure_free_space(folder.parent, int(3e6 * backbone.weights_megabytes))
        with write_directory_atomically(folder) as draft:
            if all(member.is_efficientnet_lite for member in members):
                record = _write_directly(draft, backbone, weights)
            else:
                record = _fill_folder(draft, backbone, weights, report_step, check_cancelled)
        _remove_predecessors(folder, backbone)
        remove_abandoned_drafts(folder.parent)
    if record.largest_probability_difference is None:
        record = _compare_with_keras(folder, record, backbone, weights, report_step, check_cancelled)
    keep_artefact(folder, settings)
    report(1.0, f"{backbone.title} is ready")
    return record


def _part_of(report: Report, number: int, num_parts: int) -> Report:
    """Tells of one of several parts, each of which takes about as long."""
    return lambda fraction, message: report(None if fraction is None else (number + fraction) / num_parts, message)


def _write_directly(folder: Path, backbone: Backbone, weights: Sequence[Path]) -> ArtefactRecord:
    """Fill the folder of an EfficientNet-Lite, or several side by side; it has not been compared with Keras then."""
    started = time.perf_counter()
    network = write_lite_network(backbone, *map(read_state_dict, weights))
    (folder / MODEL_FILE).write_bytes(network.litert_file)
    write_arrays(folder / CLASSIFIER_FILE, {"kernel": network.kernel, "bias": network.bias})
    if backbone.members:
        write_layers(layers_side_by_side(backbone.members, backbone.image_size), folder)
    else:
        write_layers(layers_of(backbone.name, backbone.image_size), folder)
    model = LiteRTModel(network.litert_file, num_threads=1)
    square = sample_pixels(backbone)[0]
    return _finish_folder(folder, backbone, weights, model, square, started=started, difference=None)


def _compare_with_keras(
    folder: Path,
    record: ArtefactRecord,
    backbone: Backbone,
    weights: Sequence[Path],
    report: Report,
    check_cancelled: Callable[[], None],
) -> ArtefactRecord:
    """Compare what is there with Keras, and note how far they differ; what differs too far is thrown away."""
    check_cancelled()
    report(_BUILD_FRACTION, f"{backbone.title} answers already, and is compared with the original")
    import keras

    from core.networks.build import build_classifier

    classifier = build_classifier(backbone, weights)
    check_cancelled()
    converted = LiteRTModel((folder / MODEL_FILE).read_bytes(), num_threads=1)
    try:
        difference = compare(classifier.model, converted, sample_pixels(backbone))
    except ParityError:
        shutil.rmtree(folder)
        raise
    record = replace(record, largest_probability_difference=difference)
    write_record(record, folder)
    keras.backend.clear_session()
    return record


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
    from core.networks.layer_table import layer_table
    from core.networks.network import build_backbone

    check_cancelled()
    report(_BUILD_FRACTION, f"Building {backbone.title}")
    classifier = build_classifier(backbone, weights)
    check_cancelled()
    report(_CONVERT_FRACTION, f"Converting {backbone.title} for fast answers")
    convert_to_litert(classifier.model, folder / MODEL_FILE)
    _save_classifier(classifier, folder)
    write_layers(layer_table(build_backbone(backbone, backbone.image_size, None)), folder)
    check_cancelled()
    report(_COMPARE_FRACTION, "Comparing the fast version with the original")
    samples = sample_pixels(backbone)
    converted = LiteRTModel((folder / MODEL_FILE).read_bytes(), num_threads=1)
    # Without classes there are no probabilities to compare.
    difference = (compare if backbone.has_classes else compare_features)(classifier.model, converted, samples)
    keras.backend.clear_session()
    return _finish_folder(folder, backbone, weights, converted, samples[0], started=started, difference=difference)


def _finish_folder(
    folder: Path,
    backbone: Backbone,
    weights: Sequence[Path],
    model: LiteRTModel,
    square: npt.NDArray[np.uint8],
    *,
    started: float,
    difference: float | None,
) -> ArtefactRecord:
    """Describe what is in a folder; the speed is measured with a photo of the size that the network takes."""
    record = ArtefactRecord(
        backbone=backbone.name,
        fingerprint=joint_fingerprint(backbone, weights),
        image_size=backbone.image_size,
        fit_mode=FitMode.CROP.value,
        crop_fraction=DEFAULT_CROP_FRACTION,
        feature_map_shape=model.feature_map_shape,
        has_linear_head=backbone.has_linear_head,
        file_sha256={path.name: file_sha256(path) for path in sorted(folder.iterdir())},
        largest_probability_difference=difference,
        litert_milliseconds=median_milliseconds(model, square),
        prepare_seconds=time.perf_counter() - started,
    )
    write_record(record, folder)
    return record


def _save_classifier(classifier: "ImageNetClassifier", folder: Path) -> None:
    if classifier.kernel is not None and classifier.bias is not None:
        write_arrays(folder / CLASSIFIER_FILE, {"kernel": classifier.kernel, "bias": classifier.bias})


def _remove_predecessors(folder: Path, backbone: Backbone) -> None:
    """Delete artefacts of the same backbone, for photos of the same size, that other weights, versions or code made."""
    for other in folder.parent.iterdir():
        if other.name.rpartition("-")[0] != backbone.name or other == folder:
            continue
        if read_image_size(other) in (None, backbone.image_size):
            # Another process may still have it open (Windows then refuses): it is removed next time.
            shutil.rmtree(other, ignore_errors=True)
