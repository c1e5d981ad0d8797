"""What a run is called when nobody gives it a name."""

import re
from itertools import takewhile

from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.names import MAX_NAME_CHARS, clean_label, name_key

# Last parts of addresses on TensorFlow Hub that do not say which network it is; nor do version numbers.
_EMPTY_WORDS = frozenset({"feature_vector", "feature-vector", "classification"})
# On Kaggle the name of a network stands before one of these.
_AFTER_NAME = frozenset({"frameworks", "tensorflow2"})
_HUB_NAME = "Hub network"


def default_name(config: TrainConfig) -> str:
    """The name of the network that a run trains, without a number: "MobileNetV2", "From scratch"."""
    if config.backbone == SCRATCH:
        return "From scratch"
    name = config.backbone
    if name.startswith(HUB_PREFIX):
        parts = re.split(r"[/\\]+", name.removeprefix(HUB_PREFIX).partition("?")[0])
        parts = list(takewhile(lambda part: part.lower() not in _AFTER_NAME, parts))
        telling = [part for part in parts if part and not part.isdigit() and part.lower() not in _EMPTY_WORDS]
        name = telling[-1] if telling else _HUB_NAME
    name = " ".join(clean_label(name)[:MAX_NAME_CHARS].split())
    return name if name_key(name) else _HUB_NAME
