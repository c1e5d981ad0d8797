"""The settings of a run in words: what each is called, and how its value is written."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core.runs.draft import CUT, SHARE
from pages.words.wording import plain

OPTIMIZER_TITLES = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD", "lbfgs": "solved to the end (L-BFGS)"}
FIT_TITLES = {
    "crop": "cut to the middle (crop)",
    "letterbox": "whole photo, with borders (letterbox)",
    "squash": "whole photo, stretched (squash)",
}
PRECISION_TITLES = {
    "auto": "as the device likes it (auto)",
    "float32": "float32",
    "mixed_float16": "mixed float16",
    "mixed_bfloat16": "mixed bfloat16",
}
MONITOR_TITLES = {"loss": "smallest loss", "accuracy": "highest accuracy"}

# Names of settings as in `draft`, to what people call them.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "image_size": "image size",
        "fit_mode": "how a photo becomes a square",
        "num_views": "views per photo",
        "is_augmented_freely": "free augmentation",
        "averages_flips": "answers by the mirror image too",
        "augment.flip": "mirroring",
        "augment.rotation": "rotation",
        "augment.zoom": "zoom",
        "augment.shift": "shift",
        "augment.brightness": "brightness",
        "augment.contrast": "contrast",
        "augment.colour": "colour",
        "head.hidden_units": "dense layers",
        "head.dropout": "dropout",
        "head.one_unit_for_two_classes": "one output unit",
        "head_phase.optimizer": "optimizer",
        "head_phase.learning_rate": "learning rate",
        "head_phase.num_epochs": "epochs",
        "head_phase.batch_size": "batch size",
        "fine_tune.optimizer": "fine-tuning optimizer",
        "fine_tune.learning_rate": "fine-tuning learning rate",
        "fine_tune.num_epochs": "fine-tuning epochs",
        "fine_tune.batch_size": "fine-tuning batch size",
        "stopping.monitor": "best epoch",
        "stopping.patience": "patience",
        "stopping.plateau_patience": "patience before going slower",
        "stopping.plateau_factor": "factor when going slower",
        "stopping.least_learning_rate": "least learning rate",
        "finds_learning_rate": "search for the learning rate",
        "has_class_weights": "rare classes count more",
        "label_smoothing": "label smoothing",
        "seed": "seed",
        "precision": "precision",
        "uses_all_gpus": "all GPUs",
    }
)
_CHOICES = {
    "fit_mode": FIT_TITLES,
    "head_phase.optimizer": OPTIMIZER_TITLES,
    "fine_tune.optimizer": OPTIMIZER_TITLES,
    "precision": PRECISION_TITLES,
    "stopping.monitor": MONITOR_TITLES,
}


def describe_change(name: str, value: Any) -> str:
    """A setting with its value in few words, such as "epochs 40"; nothing for those that another one speaks for."""
    if name == CUT:
        return "" if value is None else f"fine-tuned from layer {value}"
    if name == SHARE:
        return "no fine-tuning" if value <= 0 else "fine-tuning"
    return f"{TITLES[name]} {plain(setting_text(name, value))}"


def learning_rate_text(rate: float) -> str:
    """A learning rate without a chain of zeros: 0.001, 3e-05."""
    return f"{rate:g}"


def setting_text(name: str, value: Any) -> str:
    """The value of a setting in few words; plain text."""
    if value is None:
        return "as usual" if name == "image_size" else "never"
    if isinstance(value, bool):
        return "on" if value else "off"
    if name in _CHOICES:
        return _CHOICES[name].get(value, str(value))
    if isinstance(value, tuple):
        separator = " × " if name == "image_size" else "-"
        return separator.join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
