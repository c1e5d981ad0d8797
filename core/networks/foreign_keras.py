"""Builds a stranger's Keras model from its checked config and writes it as LiteRT, in a process of its own.

    python -m core.foreign.apart LIMITS core.networks.foreign_keras FOLDER

The folder holds what `core.foreign.looking` has put there, and `keras.json`, a `ConversionJob`. A model that Keras 2
saved is built by `tf_keras`, which is that version: Keras 3 misreads some of them.
"""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from core.foreign.looking import CONFIG_FILE, LITERT_FILE, OLD_WEIGHTS_FILE, WEIGHTS_FILE
from core.foreign.records import Form
from core.foreign.refusals import refusal
from core.foreign.running import RunningModel
from core.records import Record

JOB_FILE = "keras.json"

# Of what Keras 2 does not offer by name: `keras.src.` in TensorFlow 2.13 to 2.15, `keras.` before.
_MODULE_OF_KERAS_2 = re.compile(r"keras\.src\.|keras\.(?=engine\.|layers\.core\.)")
_SEED = 7
_NUM_COMPARED = 3
# Of an answer, relative to the largest: rounding through a hundred layers makes 1e-5.
_MAX_DIFFERENCE = 1e-3
_SIDES_PX = (8, 2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionJob(Record):
    """What is to be built."""

    name: str  # of the file that was brought, for messages
    form: Form


def main(folder: Path) -> dict[str, Any]:
    """How far the LiteRT file's answers are from the model's own.

    Raises:
        ForeignModelError: it cannot be built, is no network that names what is in a photo, or cannot be converted.
    """
    job = ConversionJob.from_json(json.loads((folder / JOB_FILE).read_text(encoding="utf-8")))
    try:
        model = _build(folder, job.form)
    except (MemoryError, tf.errors.ResourceExhaustedError) as exc:
        raise MemoryError from exc
    # A stranger's model fails in whatever way Keras has; which layer it was, Keras says in its own words.
    except Exception as exc:
        raise refusal(
            job.name, f"Keras cannot build it from its description and weights ({_shown(exc)}). Export it once more."
        ) from exc
    _check_ends(model, job.name)
    convert(model, folder / LITERT_FILE, job.name)
    return {"largest_difference": compare(model, folder / LITERT_FILE, job.name)}


def _build(folder: Path, form: Form) -> Any:
    """The model with its weights; nothing is read but the config that was checked, and arrays."""
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    weights = next(path for name in (WEIGHTS_FILE, OLD_WEIGHTS_FILE) if (path := folder / name).is_file())
    if form is Form.KERAS_2:
        model = tf_keras.models.model_from_json(json.dumps(_of_tf_keras(config)))
    elif weights.name == OLD_WEIGHTS_FILE:
        with h5py.File(weights, "r+") as file:  # a copy
            file.attrs["model_config"] = json.dumps(config).encode()
        return keras.saving.load_model(weights, compile=False, safe_mode=True)
    else:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not model.built:
        raise ValueError("the size of the photos that it takes is not written down")
    model.load_weights(str(weights))
    return model


def _of_tf_keras(value: Any) -> Any:
    """The config of a model of Keras 2 in which modules are called as they are today, in `tf_keras`."""
    if isinstance(value, list):
        return [_of_tf_keras(each) for each in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: _of_tf_keras(each) for key, each in value.items()}
    module = renamed.get("module")
    if isinstance(module, str) and (found := _MODULE_OF_KERAS_2.match(module)):
        renamed["module"] = f"tf_keras.src.{module[found.end() :]}"
    return renamed


def _check_ends(model: Any, name: str) -> None:
    if len(model.inputs) != 1:
        raise refusal(
            name, f"It has {len(model.inputs)} inputs; a network that names what is in a photo has one: the photo."
        )
    if len(model.outputs) != 1:
        raise refusal(
            name,
            f"It has {len(model.outputs)} outputs; a network that names what is in a "
            "photo has one list of probabilities.",
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[3] != 3:
        raise refusal(
            name, f"It takes {_shape_text(shape)}; a network for colour photos takes (any, height, width, 3)."
        )
    if None in shape[1:]:
        raise refusal(
            name, f"It takes photos of any size, {_shape_text(shape)}. Save it with a fixed one, such as 224 × 224."
        )
    if not all(_SIDES_PX[0] <= side <= _SIDES_PX[1] for side in shape[1:3]):
        raise refusal(
            name, f"It takes photos of {shape[1]} × {shape[2]} pixels; {_SIDES_PX[0]} to {_SIDES_PX[1]:,} are possible."
        )


def convert(model: Any, target: Path, name: str) -> None:
    """Write a model as LiteRT, in single precision and with LiteRT's own operators only.

    Raises:
        ForeignModelError: it needs others.
    """
    photo = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name="pixels")
    function = tf.function(lambda pixels: model(pixels, training=False), autograph=False).get_concrete_function(photo)
    kept = tf.Module()
    kept.weights = [each if isinstance(each, tf.Variable) else each.value for each in model.variables]
    try:
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(kept, folder, signatures=function)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            target.write_bytes(converter.convert())
    except MemoryError:
        raise
    except Exception as exc:  # the converter has no errors of its own
        raise refusal(
            name, f"It cannot be converted to LiteRT, with which it would be asked here ({_shown(exc)})."
        ) from exc


def compare(model: Any, path: Path, name: str) -> float:
    """The largest difference between a model and its LiteRT file, relative to the largest answer, on pictures of noise.

    Raises:
        ForeignModelError: they answer differently.
    """
    running = RunningModel(path.read_bytes(), num_threads=1)
    generator = np.random.default_rng(_SEED)
    largest = 0.0
    for _ in range(_NUM_COMPARED):
        pixels = generator.uniform(-1, 1, model.inputs[0].shape[1:]).astype(np.float32)
        expected = np.asarray(model(pixels[np.newaxis], training=False)).reshape(-1)
        found = running.ask(pixels, 0)
        if found.shape != expected.shape:
            raise refusal(name, "Its LiteRT version has other outputs than the model itself.")
        difference = np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max()))
        largest = max(largest, float(difference))
    if not largest <= _MAX_DIFFERENCE:
        raise refusal(name, "Its LiteRT version answers otherwise than the model itself, so it was not taken.")
    return largest


def _shape_text(shape: tuple[Any, ...]) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"


def _shown(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
