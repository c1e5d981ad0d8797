"""What a model's file tells about the photos that it was trained on, and what has to be guessed."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from core.backbones.catalog import Backbone, all_backbones
from core.foreign.keras_config import CheckedConfig
from core.foreign.records import Guess, Origin, Trial
from core.foreign.scaling import Scaling, range_of, scaling_of_range
from core.names import clean_label

_OF_BACKBONES = {"none": Scaling.BYTES, "tf": Scaling.SIGNED, "lite": Scaling.SIGNED, "torch": Scaling.TORCH}
_OF_BACKBONES["caffe"] = Scaling.CAFFE
# Operations and layers with which networks scale their pixels themselves, in the first steps.
_SCALING_LAYERS = frozenset(
    {"TFOpLambda", "SlicingOpLambda", "TrueDivide", "Divide", "Multiply", "Subtract", "Add", "GetItem"}
)
_NUM_FIRST = 4
# What tools call every model; it says nothing about this one.
_EMPTY_TITLES = frozenset(
    {"model", "kerasmodel", "savedmodel", "modelunquant", "modelquant", "classifier", "convertedkeras"}
)
_MAX_NAMED = 3

_UNKNOWN = Guess(
    scaling=Scaling.UNIT,
    reason="Nothing in the file says which values it was trained on; 0 to 1 is the most frequent.",
    is_certain=False,
)
_TEACHABLE = Guess(
    scaling=Scaling.SIGNED, reason="That is what Teachable Machine trains its models on.", is_certain=True
)


def of_keras(origin: Origin, checked: CheckedConfig) -> Guess:
    """How photos are made ready for a Keras model, by where it comes from and the layers in it."""
    if origin is Origin.TEACHABLE_MACHINE:
        return _TEACHABLE
    first = [each for each in checked.layers if each not in ("InputLayer", "Functional", "Sequential", "Model")]
    if checked.rescalings or _SCALING_LAYERS & set(checked.operations[:_NUM_FIRST]):
        return Guess(
            scaling=Scaling.BYTES, reason="The model scales the pixels itself: a layer does it.", is_certain=True
        )
    if "Normalization" in first[:_NUM_FIRST]:
        return Guess(
            scaling=Scaling.BYTES,
            reason="A layer Normalization in the model most often takes pixels as they are.",
            is_certain=False,
        )
    backbone = _backbone_named(checked.names)
    if backbone is not None:
        return Guess(
            scaling=_OF_BACKBONES[backbone.preprocessing],
            reason=f"It is built on {backbone.title}, which was published with these values.",
            is_certain=False,
        )
    return _UNKNOWN


def of_litert(origin: Origin, normalised_range: tuple[float, float] | None) -> Guess | None:
    """The same for a LiteRT file; None: it has to be tried first."""
    scaling = None if normalised_range is None else scaling_of_range(*normalised_range)
    if scaling is not None:
        return Guess(scaling=scaling, reason="The file says so itself (metadata).", is_certain=True)
    if origin is Origin.TEACHABLE_MACHINE:
        return _TEACHABLE
    if origin is Origin.LOBE:
        return Guess(scaling=Scaling.UNIT, reason="That is what Lobe trains its models on.", is_certain=True)
    return None


def of_trial(trial: Trial, found: Guess | None) -> Guess:
    """What is known once the file has been tried: the numbers of a quantised one say which values they stand for."""
    values = range_of(trial.dtype, trial.quantisation)
    if values is None:
        return found or _UNKNOWN
    if not trial.quantisation[0]:
        return Guess(scaling=Scaling.BYTES, reason="It takes whole numbers from 0 to 255.", is_certain=True)
    scaling = scaling_of_range(*values)
    if scaling is not None:
        return Guess(
            scaling=scaling,
            reason=f"It is quantised for values from {values[0]:.3g} to {values[1]:.3g}.",
            is_certain=True,
        )
    return found or _UNKNOWN


def title_of(file_name: str, class_names: Sequence[str] | None) -> str:
    """What a model may be called: as its file, or by its classes where that is called as every file is."""
    stem = clean_label(PurePosixPath(file_name).stem).replace("_", " ").strip()
    if re.sub(r"[\W_]|[0-9]+$", "", stem.lower()) not in _EMPTY_TITLES and stem:
        return stem
    if not class_names:
        return stem or "Model"
    more = " …" if len(class_names) > _MAX_NAMED else ""
    return f"{', '.join(class_names[:_MAX_NAMED])}{more}"


def _backbone_named(names: Sequence[str]) -> Backbone | None:
    """The backbone of the catalogue after which a model or layer is called, such as "mobilenetv2_1.00_224"."""
    wanted = [_letters(name) for name in names]
    found = [
        backbone for backbone in all_backbones() if any(name.startswith(_letters(backbone.name)) for name in wanted)
    ]
    return max(found, key=lambda backbone: len(backbone.name), default=None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
