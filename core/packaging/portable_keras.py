"""Saved Keras models that other versions of Keras open, too: configs without what only training needs.

A saved model tells how each weight was initialised, regularised and constrained, in the words of the version that wrote
it; another version refuses words that it does not know, such as `input_axes` of `GlorotUniform`. Whoever asks a model
needs none of this: the weights are in the file. So it is left out, and every version takes its own defaults. What is
written more briefly today, such as a single output without a list around it, is written as it always was.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import h5py

from core.storage.files import TEMPORARY_PREFIX

_TRAINING_SUFFIXES = ("_initializer", "_regularizer", "_constraint")
_TRAINING_NAMES = frozenset({"compile_config", "optimizer_config", "training_config"})
# What later versions of Keras write with its default even where nobody has asked for it. Source: the constructors of
# Keras 3.3.3 beside those of 3.15.1.
_LATER_NAMES = frozenset({"quantization_config", "renorm", "renorm_clipping", "renorm_momentum", "optional"})
# Ends of a functional model; a single one is a list of three today, was a list of one such list, and is read as both.
_ENDS = frozenset({"input_layers", "output_layers"})
_OPERATIONS_MODULE = "keras.src.ops."
_CONFIG_FILE = "config.json"


def portable_config(value: Any) -> Any:
    """A model's config, as JSON has it, without what only training or later versions of Keras understand.

    Args:
        value: of `config.json` in a `.keras` file, or `model_config` of an HDF5 file, or any part of these.
    """
    if isinstance(value, dict):
        if str(value.get("module", "")).startswith(_OPERATIONS_MODULE):
            # An operation, such as the one that turns RGB into BGR; its name stands beside its config as well.
            value = value | {"config": {name: each for name, each in value["config"].items() if name != "name"}}
        return {name: _portable_value(name, each) for name, each in value.items() if not _is_left_out(name)}
    if isinstance(value, list):
        return [portable_config(each) for each in value]
    return value


def _portable_value(name: str, value: Any) -> Any:
    if name in _ENDS and isinstance(value, list) and value and isinstance(value[0], str):
        return [value]
    return portable_config(value)


def _is_left_out(name: str) -> bool:
    return name.endswith(_TRAINING_SUFFIXES) or name in _TRAINING_NAMES or name in _LATER_NAMES


def make_archive_portable(path: Path) -> None:
    """Rewrite the config in a `.keras` file; its weights stay as they are, byte for byte.

    Raises:
        OSError: the file cannot be read or written.
    """
    draft = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(draft, "w") as target:
        for info in source.infolist():
            if info.filename == _CONFIG_FILE:
                config = portable_config(json.loads(source.read(info)))
                target.writestr(info.filename, json.dumps(config))
                continue
            # In pieces: weights may be larger than the memory that is left. 64 bits, for they may be larger than 4 GB.
            with source.open(info) as reader, target.open(info.filename, "w", force_zip64=True) as writer:
                while piece := reader.read(_PIECE_BYTES):
                    writer.write(piece)
    os.replace(draft, path)


_PIECE_BYTES = 1 << 20


def _with_layers_for_numbers(value: Any) -> Any:
    """A model's config of an HDF5 file in which no number is added to a tensor or multiplied by it.

    That file knows an operation by its name alone, so that `x + 3` of MobileNetV3 is read as the layer `Add`, which
    refuses the number. A layer that computes exactly the same is written in its place.
    """
    if isinstance(value, list):
        return [_with_layers_for_numbers(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"class_name": "Add", "inbound_nodes": [{"args": [dict() as tensor, int() | float() as number]}]}:
            return _rescaling(str(value["name"]), tensor, scale=1.0, offset=float(number))
        case {"class_name": "Multiply", "inbound_nodes": [{"args": [dict() as tensor, int() | float() as number]}]}:
            return _rescaling(str(value["name"]), tensor, scale=float(number), offset=0.0)
    return {name: _with_layers_for_numbers(each) for name, each in value.items()}


def _rescaling(name: str, tensor: dict[str, Any], *, scale: float, offset: float) -> dict[str, Any]:
    return {
        "class_name": "Rescaling",
        "config": {"name": name, "scale": scale, "offset": offset},
        "name": name,
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
    }


def make_hdf5_portable(path: Path) -> None:
    """Rewrite the config in an HDF5 file of Keras.

    Raises:
        OSError: the file cannot be read or written.
    """
    with h5py.File(path, "r+") as file:
        config = _with_layers_for_numbers(portable_config(json.loads(file.attrs["model_config"])))
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config).encode()
        for name in _TRAINING_NAMES & set(file.attrs):
            del file.attrs[name]
