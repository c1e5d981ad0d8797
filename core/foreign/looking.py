"""Looks into files that somebody brought, in a process of its own, and runs nothing of what is in them.

    python -m core.foreign.apart LIMITS core.foreign.looking FOLDER

`FOLDER/job.json` is a `LookingJob`. What is to be run next is put into the folder: `model.tflite`, or the checked
config of a Keras model (`config.json`) with its weights (`model.weights.h5`, or `model.h5` of the older kind).
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from core.errors import BluetitError, ForeignModelError
from core.foreign.guessing import of_keras, of_litert, title_of
from core.foreign.hdf5_file import check_hdf5
from core.foreign.keras_config import CheckedConfig, check_config, walk_layers
from core.foreign.labels import read_labels
from core.foreign.litert_file import LiteRTFacts, check_litert
from core.foreign.opening import (
    KERAS_CONFIG,
    KERAS_METADATA,
    KERAS_WEIGHTS,
    Brought,
    OpenZip,
    head_of,
    is_hdf5,
    is_keras_archive,
    is_litert,
    sort_out,
)
from core.foreign.records import Form, Found, Guess, Origin
from core.foreign.refusals import refusal, unreadable
from core.foreign.scaling import Scaling
from core.photos.fit import FitMode
from core.records import Record

LITERT_FILE, CONFIG_FILE, WEIGHTS_FILE, OLD_WEIGHTS_FILE = "model.tflite", "config.json", "model.weights.h5", "model.h5"
JOB_FILE = "job.json"

_NOT_ACCEPTED = (
    "It is an old Keras file (.h5), which is read by a library that has had "
    "holes: it is opened only when you have said "
    "that you trust whoever made it. A .keras or .tflite file needs no such trust."
)
_MAX_CONFIG_BYTES = 20_000_000
_TEACHABLE_NAMES = frozenset({"keras_model.h5", "model_unquant.tflite", "model_quant.tflite"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingJob(Record):
    """What is to be looked into."""

    paths: tuple[str, ...]  # of the files
    names: tuple[str, ...]  # what the person calls them
    max_bytes: int  # of a model
    accepts_hdf5: bool  # whether the person has accepted the risk of an `.h5` file


def main(folder: Path) -> dict[str, Any]:
    """A `Found` as JSON.

    Raises:
        ForeignModelError: the files are refused; the sentence says why, and what to do.
    """
    job = LookingJob.from_json(json.loads((folder / JOB_FILE).read_text(encoding="utf-8")))
    files = list(zip(map(Path, job.paths), job.names, strict=True))
    brought = sort_out(files, folder, max_bytes=job.max_bytes)
    if brought.path.stat().st_size > job.max_bytes:
        raise refusal(
            brought.name,
            f"It has {brought.path.stat().st_size / 1e6:,.0f} MB; models of at most "
            f"{job.max_bytes / 1e6:,.0f} MB are read.",
        )
    head = head_of(brought.path)
    if is_litert(head):
        return _look_at_litert(brought, folder).to_json()
    if is_hdf5(head):
        if not job.accepts_hdf5:
            raise refusal(brought.name, _NOT_ACCEPTED)
        return _look_at_hdf5(brought, folder).to_json()
    if not head.startswith(b"PK"):
        raise unreadable(head, brought.name)
    return _look_at_keras(brought, folder, job.max_bytes).to_json()


# --- LiteRT -------------------------------------------------------------------------------------------------


def _look_at_litert(brought: Brought, folder: Path) -> Found:
    facts = check_litert(brought.path.read_bytes(), brought.name)
    shutil.copyfile(brought.path, folder / LITERT_FILE)
    labels = _labels(brought, facts.labels)
    origin = _litert_origin(brought, facts)
    own = _own_export(brought)
    if own is not None:
        return own.found(Form.LITERT, brought.name)
    return Found(
        form=Form.LITERT,
        origin=origin,
        title=title_of(brought.name, labels),
        class_names=labels,
        fit_mode=FitMode.CROP,
        crop_fraction=1.0,
        guess=of_litert(origin, facts.normalised_range),
    )


def _litert_origin(brought: Brought, facts: LiteRTFacts) -> Origin:
    if "signature.json" in brought.beside:
        return Origin.LOBE
    if brought.name.lower() in _TEACHABLE_NAMES or _is_numbered(brought):
        return Origin.TEACHABLE_MACHINE
    return Origin.MEDIAPIPE if facts.labels is not None or facts.has_metadata else Origin.LITERT


def _is_numbered(brought: Brought) -> bool:
    """Whether the labels are written as Teachable Machine writes them: "0 Blue tit"."""
    return brought.labels is not None and brought.labels[1].removeprefix(b"\xef\xbb\xbf").startswith(b"0 ")


# --- Keras --------------------------------------------------------------------------------------------------


def _look_at_keras(brought: Brought, folder: Path, max_bytes: int) -> Found:
    with brought.path.open("rb") as file:
        archive = OpenZip(file, brought.name, 4 * max_bytes)
        if not is_keras_archive(archive):
            raise unreadable(b"", brought.name)
        config = _parsed(archive.read(KERAS_CONFIG, max_bytes=_MAX_CONFIG_BYTES), brought.name)
        metadata = _parsed(archive.read(KERAS_METADATA), brought.name) if KERAS_METADATA in archive.paths else {}
        archive.extract(KERAS_WEIGHTS, folder / WEIGHTS_FILE, max_bytes=max_bytes)
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    sides = check_hdf5(folder / WEIGHTS_FILE, brought.name)
    return _checked(brought, folder, config, _form_of(version), sides)


def _look_at_hdf5(brought: Brought, folder: Path) -> Found:
    sides = check_hdf5(brought.path, brought.name)
    try:
        with h5py.File(brought.path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "2")
    except (OSError, RuntimeError, ValueError, TypeError) as exc:
        raise refusal(brought.name, "It is damaged (HDF5 cannot read it). Copy or download it again.") from exc
    if config is None:
        raise refusal(
            brought.name, "It has weights, but does not say of which network. Save the whole model with model.save()."
        )
    shutil.copyfile(brought.path, folder / OLD_WEIGHTS_FILE)
    return _checked(brought, folder, _parsed(_text(config).encode(), brought.name), _form_of(_text(version)), sides)


def _form_of(version: Any) -> Form:
    return Form.KERAS if str(version).partition(".")[0] == "3" else Form.KERAS_2


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _parsed(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise refusal(name, "Its description is damaged. Copy or download it again.") from exc


def _checked(brought: Brought, folder: Path, config: Any, form: Form, sides: frozenset[int]) -> Found:
    try:
        checked = check_config(config, brought.name, weight_sides=sides)
    except RecursionError as exc:
        raise refusal(brought.name, "Its description is nested too deeply.") from exc
    (folder / CONFIG_FILE).write_text(json.dumps(checked.config), encoding="utf-8")
    own = _own_export(brought)
    if own is not None:
        return own.found(form, brought.name)
    origin = Origin.TEACHABLE_MACHINE if _is_teachable(brought, checked) else Origin.KERAS
    labels = _labels(brought, None)
    is_teachable = origin is Origin.TEACHABLE_MACHINE
    return Found(
        form=form,
        origin=origin,
        title=title_of(brought.name, labels),
        class_names=labels,
        # The data sets of Keras squeeze photos into their square; Teachable Machine cuts the middle out.
        fit_mode=FitMode.CROP if is_teachable else FitMode.SQUASH,
        crop_fraction=1.0,
        guess=of_keras(origin, checked),
    )


def _is_teachable(brought: Brought, checked: CheckedConfig) -> bool:
    """Whether it is a Sequential of two: the network up to its pooled features, and two dense layers."""
    if brought.name.lower() in _TEACHABLE_NAMES:
        return True
    outer = [layer.get("class_name") for layer in walk_layers(checked.config)][:1]
    inner = checked.config.get("config", {})
    layers = inner.get("layers", []) if isinstance(inner, dict) else []
    kinds = [layer.get("class_name") for layer in layers if isinstance(layer, dict)]
    return outer == ["Sequential"] and kinds == ["Sequential", "Sequential"] and _is_numbered(brought)


# --- class names --------------------------------------------------------------------------------------------


def _labels(brought: Brought, packed: tuple[str, bytes] | None) -> tuple[str, ...] | None:
    found = brought.labels or packed
    return None if found is None else read_labels(found[1], found[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnExport(Record):
    """What `model.json` of Bluetit's exports says, as far as it is needed."""

    json_error = ForeignModelError

    title: str
    class_names: tuple[str, ...]
    fit_mode: FitMode
    crop_fraction: float

    def found(self, form: Form, name: str) -> Found:
        if not (0 < self.crop_fraction <= 1 and self.class_names):
            raise refusal(name, "The model.json beside it is damaged. Download the export again.")
        return Found(
            form=form,
            origin=Origin.BLUETIT,
            title=self.title,
            class_names=self.class_names,
            fit_mode=self.fit_mode,
            crop_fraction=self.crop_fraction,
            guess=Guess(
                scaling=Scaling.BYTES,
                reason="It was exported by Bluetit: the scaling is inside the model.",
                is_certain=True,
            ),
            has_more_outputs=True,
        )


def _own_export(brought: Brought) -> _OwnExport | None:
    """What Bluetit's export says about itself; None: it is none."""
    if brought.description is None:
        return None
    values = _parsed(brought.description, "model.json")
    names = ("title", "class_names", "fit_mode", "crop_fraction")
    if not isinstance(values, dict) or not {*names, "temperature_is_inside"} <= set(values):
        return None
    try:
        return _OwnExport.from_json({name: values[name] for name in names})
    except BluetitError as exc:
        raise refusal(brought.name, "The model.json beside it is damaged. Download the export again.") from exc
