"""Prepare a module of TensorFlow Hub like a backbone of the catalogue: to a LiteRT artefact, compared first."""

import shutil
import time
from collections.abc import Callable

from core.backbones.artefacts import (
    MODEL_FILE,
    Artefact,
    ArtefactRecord,
    artefact_place,
    hub_artefact_folder,
    hub_fingerprint,
    keep_artefact,
    open_artefact,
    write_layers,
    write_record,
)
from core.backbones.hub_places import find_hub_module
from core.backbones.weights import file_sha256
from core.config import HUB_PREFIX
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.links.published import Report
from core.litert.engine import LiteRTModel
from core.networks.parity import compare_features, median_milliseconds, sample_squares
from core.photos.fit import DEFAULT_CROP_FRACTION, FitMode
from core.settings import Settings
from core.storage.files import write_directory_atomically

# Part of the progress bar at which these steps begin.
_CONVERT_FRACTION, _COMPARE_FRACTION = 0.55, 0.9


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
    from core.networks.layer_table import layer_table
    from core.networks.network import wrap_hub_layer

    source = resolve_hub_module(backbone, settings)
    check_cancelled()
    started = time.perf_counter()
    network = wrap_hub_layer(load_hub_backbone(source), image_size)
    fingerprint = hub_fingerprint(source, network.image_size)
    final = artefact_place(hub_artefact_folder(fingerprint, settings).name, settings)
    try:
        return open_artefact(final)
    except (ArtefactMissingError, ArtefactDamagedError):
        shutil.rmtree(final, ignore_errors=True)
    check_cancelled()
    report(_CONVERT_FRACTION, "Converting the module for fast answers")
    with write_directory_atomically(final) as folder:
        convert_to_litert(network.model, folder / MODEL_FILE)
        write_layers(layer_table(network), folder)
        report(_COMPARE_FRACTION, "Comparing the fast version with the original")
        samples = sample_squares(network.image_size)
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
            litert_milliseconds=median_milliseconds(converted, samples[0]),
            prepare_seconds=time.perf_counter() - started,
        )
        write_record(record, folder)
    keep_artefact(final, settings)
    return open_artefact(final)
