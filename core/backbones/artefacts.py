"""Prepared backbones on disk: where they are, what they hold, whether they are whole. Needs no Keras.

An artefact is a folder `<cache>/backbones/<name>-<fingerprint>/` that appears in one piece:

    model.tflite      float32 pixels (1, height, width, 3), 0-255 → probabilities, pooled features, last feature map
    classifier.npz    kernel float32 (channels, 1000) and bias (1000,), where the head is linear
    artefact.json     `ArtefactRecord`

The fingerprint covers the weights, the versions of the converting packages and the code that prepares, so that a
change of any of them leads to a new artefact and never to a stale answer.
"""

import hashlib
import importlib.metadata
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.backbones.catalog import Backbone
from core.backbones.weights import file_sha256, find_published_weights
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.settings import Settings

MODEL_FILE = "model.tflite"
CLASSIFIER_FILE = "classifier.npz"
RECORD_FILE = "artefact.json"

_FINGERPRINT_DIGITS = 16
_PREPARING_MODULES = ("artefacts", "build", "convert", "efficientnet_lite", "prepare", "torch_weights")
_PREPARING_PACKAGES = ("keras", "tensorflow", "ai-edge-litert")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactRecord:
    """What is known of a prepared backbone, as kept in `artefact.json`."""

    backbone: str  # name in the catalogue
    fingerprint: str  # hexadecimal
    image_size: tuple[int, int]  # height, width, px
    fit_mode: str  # how a photo becomes that square: crop, letterbox, squash
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    feature_map_shape: tuple[int, int, int]  # rows, columns, channels
    has_linear_head: bool  # whether logits = features @ kernel + bias
    file_sha256: dict[str, str]  # file name to hexadecimal
    largest_probability_difference: float  # against Keras' model.predict on the samples
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
        """
        if not self.record.has_linear_head:
            raise ArtefactMissingError(f"{self.record.backbone} has no linear classifier to read.")
        with np.load(self.folder / CLASSIFIER_FILE, allow_pickle=False) as arrays:
            return arrays["kernel"], arrays["bias"]


def artefact_fingerprint(backbone: Backbone, weights_path: Path) -> str:
    """Hexadecimal digest of everything that the artefact is made from."""
    content = f"{backbone} {file_sha256(weights_path)} {preparing_version()}"
    return hashlib.sha256(content.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


@cache
def preparing_version() -> str:
    """Hexadecimal digest of the versions and the code that prepare, as they were when this process began to ask."""
    digest = hashlib.sha256()
    for package in _PREPARING_PACKAGES:
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    for module in _PREPARING_MODULES:
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()


def artefact_folder(backbone: Backbone, fingerprint: str, settings: Settings) -> Path:
    """Folder of the artefact with this fingerprint, whether it exists or not."""
    return settings.cache_path / "backbones" / f"{backbone.name}-{fingerprint}"


def find_artefact(backbone: Backbone, settings: Settings) -> Artefact | None:
    """The prepared backbone if there is one; its files are not checked yet (`load_artefact` does)."""
    # Most backbones were never prepared: tell so without reading their weight files.
    if not any(artefact_folder(backbone, "*", settings).parent.glob(f"{backbone.name}-*")):
        return None
    weights_path = find_published_weights(backbone, settings)
    if weights_path is None:
        return None
    folder = artefact_folder(backbone, artefact_fingerprint(backbone, weights_path), settings)
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
    for name, expected in artefact.record.file_sha256.items():
        path = artefact.folder / name
        if not path.is_file() or file_sha256(path) != expected:
            raise ArtefactDamagedError(
                f"The prepared file {path} was changed or cut off. Prepare {backbone.title} again to replace it."
            )
    return artefact


def write_record(record: ArtefactRecord, folder: Path) -> None:
    """Write `artefact.json` into a folder."""
    (folder / RECORD_FILE).write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")


def _read_record(folder: Path) -> ArtefactRecord:
    path = folder / RECORD_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if set(content) != {spec.name for spec in fields(ArtefactRecord)}:
            raise ValueError(f"it has the entries {sorted(content)}")
        content["image_size"] = tuple(content["image_size"])
        content["feature_map_shape"] = tuple(content["feature_map_shape"])
        return ArtefactRecord(**content)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ArtefactDamagedError(f"{path} cannot be read: {exc}. Prepare the backbone again.") from exc
