"""Prepared backbones on disk: where they are, what they hold, whether they are whole. Needs no Keras.

An artefact is a folder `<cache>/backbones/<name>-<fingerprint>/` that appears in one piece:

    model.tflite      float32 pixels (1, height, width, 3), 0-255 → probabilities, pooled features, last feature map
    classifier.npz    kernel float32 (channels, 1000) and bias (1000,), where the head is linear
    layers.json       the table of its layers, by which people choose where to cut it
    artefact.json     `ArtefactRecord`

The fingerprint covers the weights, the versions of the converting packages and `PREPARING_VERSION`, so that a change of
any of them leads to a new artefact and never to a stale answer. Networks for photos of another size, and modules of
TensorFlow Hub, have artefacts of their own; those of modules, and of networks without classes, have no probabilities
and no classifier. The fingerprint of several networks side by side has those of its members in it, so that features are
kept as theirs.
"""

import hashlib
import importlib.metadata
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone, members_of
from core.backbones.layers import LayerRow, layers_from_json, layers_to_json
from core.backbones.weights import file_sha256, find_published_weights
from core.errors import ArrayFileError, ArtefactDamagedError, ArtefactMissingError, StorageError
from core.records import Record
from core.settings import Settings
from core.storage.arrays import read_arrays
from core.storage.files import write_atomically
from core.storage.open_store import open_store

logger = logging.getLogger(__name__)

MODEL_FILE = "model.tflite"
CLASSIFIER_FILE = "classifier.npz"
LAYERS_FILE = "layers.json"
RECORD_FILE = "artefact.json"

# Grows by one with every change of code after which a network is prepared otherwise: other numbers in its files, or
# other files. Everybody's networks are then prepared again.
PREPARING_VERSION = 1

_FINGERPRINT_DIGITS = 16
_PART_MARK = "_"  # between the fingerprints of networks that stand side by side; harmless in addresses and file names
_WRITTEN_DIRECTLY = " without a converter"  # whose files differ in the last bit of some numbers
_PREPARING_PACKAGES = ("keras", "tensorflow", "ai-edge-litert")
# Before there was a number, this stood for the code of version 1 with these packages: what it prepared stays valid.
_FIRST_PACKAGES = ("3.15.1", "2.21.0", "2.3.0")
_FIRST_DIGEST = "b5a9e6b6bf23dca3693816f820afbf03367f0161be5cadca5be9ec4a706a78f8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactRecord(Record):
    """What is known of a prepared backbone, as kept in `artefact.json`."""

    json_error = ArtefactDamagedError
    json_remedy = "prepare the backbone again"

    backbone: str  # name in the catalogue, or of a Hub module as in a config
    fingerprint: str  # hexadecimal
    image_size: tuple[int, int]  # height, width, px
    fit_mode: str  # how a photo becomes that square: crop, letterbox, squash
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    feature_map_shape: tuple[int, int, int]  # rows, columns, channels
    has_linear_head: bool  # whether logits = features @ kernel + bias
    file_sha256: dict[str, str]  # file name to hexadecimal
    # Against Keras' model.predict on the samples, of networks without classes that of the features by the largest of
    # them; None: it answers, but has not been compared yet.
    largest_probability_difference: float | None
    litert_milliseconds: float  # median for one photo on one thread, pixels to outputs
    prepare_seconds: float  # weights to artefact, download excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A prepared backbone that was found whole."""

    record: ArtefactRecord
    folder: Path

    @property
    def model_path(self) -> Path:
        """The LiteRT file."""
        return self.folder / MODEL_FILE

    def read_classifier(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Kernel (channels, 1000) and bias (1000,) of a linear head, float32.

        Raises:
            ArtefactMissingError: the head of this backbone is not linear.
            ArtefactDamagedError: the file is missing or damaged.
        """
        if not self.record.has_linear_head:
            raise ArtefactMissingError(f"{self.record.backbone} has no linear classifier to read.")
        try:
            arrays = read_arrays(self.folder / CLASSIFIER_FILE)
            return arrays["kernel"], arrays["bias"]
        except ArrayFileError as exc:
            raise ArtefactDamagedError(f"{exc} Prepare the backbone again.") from exc

    def read_layers(self) -> tuple[LayerRow, ...]:
        """The table of the backbone's layers.

        Raises:
            ArtefactDamagedError: it is missing or cannot be read.
        """
        path = self.folder / LAYERS_FILE
        try:
            facts = path.stat()
            return _read_layers(path, facts.st_mtime_ns, facts.st_size)
        except (OSError, ValueError) as exc:
            raise ArtefactDamagedError(
                f"The table of layers in {self.folder} cannot be read: {exc}. Prepare the backbone again."
            ) from exc


@lru_cache(maxsize=8)  # pages ask for the same table in every run, and reading it takes as long as half a page
def _read_layers(path: Path, _modified_ns: int, _num_bytes: int) -> tuple[LayerRow, ...]:
    """The table in a file that was last written then, and has so many bytes."""
    return layers_from_json(json.loads(path.read_text(encoding="utf-8")))


def artefact_fingerprint(backbone: Backbone, weights_path: Path) -> str:
    """Hexadecimal digest of everything that the artefact is made from."""
    content = f"{backbone} {file_sha256(weights_path)} {preparing_version()}"
    if backbone.is_efficientnet_lite:
        content += _WRITTEN_DIRECTLY
    return hashlib.sha256(content.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def joint_fingerprint(backbone: Backbone, weights_paths: Sequence[Path]) -> str:
    """The fingerprints of all networks in one, whose weights are in these files."""
    pairs = zip(members_of(backbone), weights_paths, strict=True)
    return _PART_MARK.join(artefact_fingerprint(member, path) for member, path in pairs)


def parts_of(fingerprint: str) -> list[str]:
    """The fingerprints of the networks that stand side by side in one; its own where it is one network."""
    return fingerprint.split(_PART_MARK)


@cache
def preparing_version() -> str:
    """Hexadecimal digest of the version of the code that prepares, and of the packages that it prepares with."""
    versions = tuple(importlib.metadata.version(package) for package in _PREPARING_PACKAGES)
    if (PREPARING_VERSION, versions) == (1, _FIRST_PACKAGES):
        return _FIRST_DIGEST
    content = [PREPARING_VERSION, *zip(_PREPARING_PACKAGES, versions, strict=True)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def artefact_folder(backbone: Backbone, fingerprint: str, settings: Settings) -> Path:
    """Folder of the artefact with this fingerprint, whether it exists or not."""
    return settings.cache_path / "backbones" / f"{backbone.name}-{fingerprint}"


def hub_fingerprint(folder: Path, image_size: tuple[int, int]) -> str:
    """Hexadecimal digest of everything that the artefact of a Hub module is made from.

    Args:
        folder: of the module on this machine.
        image_size: height and width in pixels.
    """
    digest = hashlib.sha256(f"{image_size} {preparing_version()}".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    return digest.hexdigest()[:_FINGERPRINT_DIGITS]


def hub_artefact_folder(fingerprint: str, settings: Settings) -> Path:
    """Folder of the artefact of a Hub module, whether it exists or not."""
    return settings.cache_path / "backbones" / f"hub-{fingerprint}"


def artefact_place(name: str, settings: Settings) -> Path:
    """Where the artefact of a name is, here by now if any node that shares the object store has prepared it."""
    folder = settings.cache_path / "backbones" / name
    try:
        open_store(settings).bring(folder)
    except StorageError as exc:  # it can be prepared here as well
        logger.warning("Whether %s was prepared elsewhere could not be found out: %s", name, exc)
    return folder


def keep_artefact(folder: Path, settings: Settings) -> None:
    """Have other nodes use an artefact that was prepared here; where that fails, they prepare their own."""
    try:
        open_store(settings).keep(folder)
    except StorageError as exc:
        logger.warning("%s could not be sent to the store: %s", folder.name, exc)


def _prepared_names(settings: Settings) -> set[str]:
    """Names of all artefacts that there are, here or in the object store."""
    place = settings.cache_path / "backbones"
    here = {path.name for path in place.glob("*")}
    try:
        return here | open_store(settings).sizes(place).keys()
    except StorageError as exc:
        logger.warning("What was prepared elsewhere could not be found out: %s", exc)
        return here


def open_artefact(folder: Path) -> Artefact:
    """The artefact in a folder, every file of it compared with what was written.

    Raises:
        ArtefactMissingError: there is no such folder.
        ArtefactDamagedError: a file was changed or cut off.
    """
    if not folder.is_dir():
        raise ArtefactMissingError(f"There is no prepared network in {folder}. Prepare it again.")
    artefact = Artefact(record=_read_record(folder), folder=folder)
    _check_files(artefact, artefact.record.backbone)
    return artefact


def find_artefact(backbone: Backbone, settings: Settings) -> Artefact | None:
    """The prepared backbone if there is one; its files are not checked yet (`load_artefact` does)."""
    # Most backbones were never prepared: tell so without reading their weight files.
    if not any(name.startswith(f"{backbone.name}-") for name in _prepared_names(settings)):
        return None
    found = [find_published_weights(member, settings) for member in members_of(backbone)]
    weights_paths = [path for path in found if path is not None]
    if len(weights_paths) < len(found):
        return None
    name = artefact_folder(backbone, joint_fingerprint(backbone, weights_paths), settings).name
    folder = artefact_place(name, settings)
    if not folder.is_dir():
        return None
    try:
        return Artefact(record=_read_record(folder), folder=folder)
    except ArtefactDamagedError:
        # It is there, but not usable: for everyone who asks, that is the same as not prepared.
        return None


def load_artefact(backbone: Backbone, settings: Settings) -> Artefact:
    """The prepared backbone, every file of it compared with what was written.

    Raises:
        ArtefactMissingError: it has not been prepared.
        ArtefactDamagedError: a file was changed or cut off; preparing again replaces it.
    """
    artefact = find_artefact(backbone, settings)
    if artefact is None:
        raise ArtefactMissingError(f"{backbone.title} has not been prepared on this machine yet.")
    _check_files(artefact, backbone.title)
    return artefact


def is_prepared(backbone: Backbone, settings: Settings) -> bool:
    """Whether the prepared backbone is whole, and was compared with Keras."""
    try:
        return load_artefact(backbone, settings).record.largest_probability_difference is not None
    except (ArtefactMissingError, ArtefactDamagedError):
        return False


def _check_files(artefact: Artefact, title: str) -> None:
    for name, expected in artefact.record.file_sha256.items():
        path = artefact.folder / name
        if not path.is_file() or file_sha256(path) != expected:
            raise ArtefactDamagedError(
                f"The prepared file {path} was changed or cut off. Prepare {title} again to replace it."
            )


def write_record(record: ArtefactRecord, folder: Path) -> None:
    """Write `artefact.json` into a folder, in the place of what was known before."""
    with write_atomically(folder / RECORD_FILE) as draft:
        draft.write_text(json.dumps(record.to_json(), indent=2), encoding="utf-8")


def write_layers(rows: Sequence[LayerRow], folder: Path) -> None:
    """Write the table of layers into a folder."""
    (folder / LAYERS_FILE).write_text(json.dumps(layers_to_json(rows)), encoding="utf-8")


def read_image_size(folder: Path) -> tuple[int, int] | None:
    """Height and width of the photos that the artefact in a folder is for; None where it cannot be read."""
    try:
        return _read_record(folder).image_size
    except ArtefactDamagedError:
        return None


def _read_record(folder: Path) -> ArtefactRecord:
    path = folder / RECORD_FILE
    try:
        return ArtefactRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise ArtefactDamagedError(f"{path} cannot be read: {exc}. Prepare the backbone again.") from exc
    except ArtefactDamagedError as exc:
        raise ArtefactDamagedError(f"{path} cannot be read: {exc}") from exc
