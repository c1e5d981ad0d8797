"""The config of a Keras model, walked through before anything is made from it.

Only what stands in `core.foreign.allowed` is ever looked up by name: layers, operations and functions of Keras itself.
A config may name no other module, no class that somebody has registered, no Lambda, and no size that the weights in the
file do not have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.foreign.allowed import (
    ACTIVATIONS,
    FUNCTION_LAYERS,
    FUNCTIONS,
    LAYERS,
    MODELS,
    MODULES,
    OPERATIONS,
    POLICIES,
    VALUES,
)
from core.foreign.refusals import refusal

# Numbers in configs are sides, strides, channels; beyond, they only serve to fill the memory.
MAX_NUMBER = 1 << 24
_MAX_DEPTH = 100

# What only training needs, and what `training=True` would do at every photo.
_TRAINING_SUFFIXES = ("_initializer", "_regularizer", "_constraint")
_TRAINING_NAMES = frozenset(
    {"compile_config", "optimizer_config", "training_config", "training", "quantization_config"}
)
# Sizes that some array of weights must have.
_SIZES_OF_WEIGHTS = frozenset({"units", "filters", "num_heads", "key_dim", "value_dim"})
_FREE_NUMBERS = frozenset({"seed", "shared_object_id"})

_PROGRAMS = {
    "Lambda": "a layer Lambda, which is a program",
    "TFSMLayer": "a SavedModel (TFSMLayer), which is a program",
    "KerasLayer": "a module of TensorFlow Hub (KerasLayer), which is a program",
    "FunctionLayer": "a function, which is a program",
}


@dataclass(slots=True)
class CheckedConfig:
    """A config out of which nothing but Keras' own layers can come."""

    config: Any = None  # without what only training needs
    layers: list[str] = field(default_factory=list)  # classes in stored order
    operations: list[str] = field(default_factory=list)  # the same with operations, without inputs and models
    names: list[str] = field(default_factory=list)  # of models and layers
    rescalings: list[tuple[float, ...]] = field(default_factory=list)  # scale and offset of each layer Rescaling


def check_config(config: Any, name: str, *, weight_sides: frozenset[int]) -> CheckedConfig:
    """Refuse a config that could be more than layers of Keras.

    Args:
        config: of `config.json` in a `.keras` file, or `model_config` of an HDF5 file, as JSON has it.
        name: of the file, for messages.
        weight_sides: lengths of all sides of the arrays of weights in the file.

    Raises:
        ForeignModelError: what is in it that is not allowed, by name.
    """
    if not isinstance(config, Mapping) or config.get("class_name") not in MODELS:
        raise refusal(
            name, "Its description is not that of a Keras model (Sequential or Functional). Save it with model.save()."
        )
    checked = CheckedConfig()
    checked.config = _Walk(name, weight_sides, checked).clean(config, 0)
    return checked


class _Walk:
    def __init__(self, name: str, weight_sides: frozenset[int], checked: CheckedConfig) -> None:
        self._name = name
        self._weight_sides = weight_sides
        self._checked = checked

    def clean(self, value: Any, depth: int, key: str = "", owner: str = "") -> Any:
        """A value as it may be used."""
        if depth > _MAX_DEPTH:
            raise refusal(self._name, "Its description is nested too deeply.")
        match value:
            case Mapping():
                return self._clean_mapping(value, depth, owner)
            case list():
                return [self.clean(each, depth + 1, key, owner) for each in value]
            case bool() | None | str():
                return value
            case int() | float():
                self._check_number(value, key, owner)
                return value
        raise refusal(self._name, f"Its description holds {type(value).__name__}, which no description has.")

    def _clean_mapping(self, value: Mapping[str, Any], depth: int, owner: str) -> dict[str, Any]:
        if "class_name" in value:
            self._check_class(value)
            inner = value.get("config")
            own = inner.get("name") if isinstance(inner, Mapping) else None
            owner = str(own or value.get("name") or owner)[:60]
        return {
            str(key): self.clean(each, depth + 1, str(key), owner)
            for key, each in value.items()
            if not _is_left_out(str(key))
        }

    def _check_class(self, value: Mapping[str, Any]) -> None:
        class_name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
        config = value.get("config")
        if not isinstance(class_name, str):
            raise refusal(self._name, "Its description names a class that is no text.")
        if class_name in VALUES:
            return
        for program, words in _PROGRAMS.items():
            if class_name == program or str(registered).endswith(f">{program}"):
                raise refusal(
                    self._name,
                    f"It holds {words}; programs of strangers are not run. Replace that layer by layers of Keras, or "
                    "export the model as LiteRT (.tflite).",
                )
        if registered not in (None, class_name):
            raise self._not_allowed(f"the class {str(registered)[:60]!r} that somebody has registered")
        if class_name == "function":
            if config not in ACTIVATIONS or module not in (None, "builtins"):
                raise self._not_allowed(f"the function {str(config)[:60]!r}")
            return
        if class_name in OPERATIONS.get(str(module), ()):
            self._checked.operations.append(class_name)
            return
        if class_name not in LAYERS | MODELS | POLICIES | FUNCTION_LAYERS:
            raise self._not_allowed(f"a layer {class_name[:60]!r}")
        if module is not None and module not in MODULES:
            raise self._not_allowed(f"the module {str(module)[:60]!r}")
        if class_name in FUNCTION_LAYERS:
            self._check_function(config)
        self._note(class_name, config)

    def _check_function(self, config: Any) -> None:
        """Of `TFOpLambda`, which looks a function of TensorFlow up by its name."""
        function = config.get("function", "__operators__.getitem") if isinstance(config, Mapping) else None
        if function not in FUNCTIONS:
            raise self._not_allowed(f"TensorFlow's function {str(function)[:60]!r}")

    def _note(self, class_name: str, config: Any) -> None:
        self._checked.layers.append(class_name)
        if class_name not in MODELS | POLICIES | {"InputLayer"}:
            self._checked.operations.append(class_name)
        if not isinstance(config, Mapping):
            return
        self._checked.names.append(str(config.get("name", "")))
        activation = config.get("activation")
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise self._not_allowed(f"the activation {activation[:60]!r}")
        if class_name == "Rescaling":
            values = (config.get("scale"), config.get("offset", 0.0))
            self._checked.rescalings.append(tuple(float(each) for each in values if isinstance(each, int | float)))

    def _check_number(self, value: float, key: str, owner: str) -> None:
        where = f"the layer “{owner}”" if owner else "its description"
        if isinstance(value, int) and key in _SIZES_OF_WEIGHTS and value > 1 and value not in self._weight_sides:
            raise refusal(
                self._name,
                f"In {where} there are {value:,} {key.replace('_', ' ')}, but no weights of that size are in the file: "
                "it is damaged, or made to fill the memory.",
            )
        if key not in _FREE_NUMBERS and isinstance(value, int) and abs(value) > MAX_NUMBER:
            raise refusal(
                self._name,
                f"In {where}, {key or 'a number'} is {value:,}, as only a file has it that is made to fill the memory.",
            )

    def _not_allowed(self, what: str) -> Exception:
        return refusal(
            self._name,
            f"It names {what}, which is not among the layers of Keras that are read here: whatever else a file names "
            "might be a program. Export the model as LiteRT (.tflite), where every layer is written out.",
        )


def _is_left_out(key: str) -> bool:
    return key.endswith(_TRAINING_SUFFIXES) or key in _TRAINING_NAMES


def walk_layers(config: Any) -> Iterator[Mapping[str, Any]]:
    """The layers of a checked config, from the outside in, in stored order."""
    inner = config.get("config", {}) if isinstance(config, Mapping) else {}
    for layer in inner.get("layers", []) if isinstance(inner, Mapping) else inner:
        yield layer
        yield from walk_layers(layer)
