"""What a run is called when nobody gives it a name: its dataset, its recipe, its network."""

import re
from itertools import takewhile

from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.errors import UnknownBackboneError
from core.names import MAX_NAME_CHARS, clean_label, name_key
from core.recipes import RECIPES

# Last parts of addresses on TensorFlow Hub that do not say which network it is; nor do version numbers.
_EMPTY_WORDS = frozenset({"feature_vector", "feature-vector", "classification"})
# On Kaggle the name of a network stands before one of these.
_AFTER_NAME = frozenset({"frameworks", "tensorflow2"})
_HUB_NAME = "Hub network"

_BETWEEN = " · "
_MAX_NETWORK_CHARS = 60
# Of what stands before the recipe: a longer name of a dataset would leave no room for what tells its runs apart.
_MAX_DATASET_CHARS = 40
# A number that is put behind a name which another run has ("… 12") must find room, too.
_MAX_DEFAULT_CHARS = MAX_NAME_CHARS - 8


def default_name(
    config: TrainConfig, *, recipe: str | None = None, dataset_name: str | None = None, detail: str = ""
) -> str:
    """What a run is, without a number: "flowers · Quick · EfficientNet-Lite0", "flowers · From scratch".

    Args:
        config: what it is trained with.
        recipe: name of the recipe that the config was made from; one that nobody knows any more is left out.
        dataset_name: of the dataset that it learns from.
        detail: what else tells it from others, such as "dropout 0.2"; goes last.
    """
    network = network_title(config.backbone)
    known = RECIPES.get(recipe or "")
    title = "" if known is None else known.title
    parts = [_shortened(dataset_name, _MAX_DATASET_CHARS) if dataset_name else "", title]
    if not names_network(title, network):
        parts.append(network)
    parts.append(detail)
    return _shortened(_BETWEEN.join(part for part in parts if part), _MAX_DEFAULT_CHARS)


def names_dataset(run_name: str, dataset_name: str) -> bool:
    """Whether a run's name says already which dataset it learned from."""
    return _shortened(dataset_name, _MAX_DATASET_CHARS).casefold() in run_name.casefold()


def names_network(title: str, network: str) -> bool:
    """Whether a recipe's title says already which network it trains; hyphens do not count."""
    words, wanted = (text.casefold().replace("-", "") for text in (title, network))
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", words) is not None


def _shortened(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[: max_chars - 1].rstrip()}…"


def network_title(backbone: str) -> str:
    """What people call the network that a run trains.

    Args:
        backbone: as a config names it.
    """
    if backbone == SCRATCH:
        return "From scratch"
    try:
        return find_backbone(backbone).title
    except UnknownBackboneError:
        name = backbone
    if name.startswith(HUB_PREFIX):
        parts = re.split(r"[/\\]+", name.removeprefix(HUB_PREFIX).partition("?")[0])
        parts = list(takewhile(lambda part: part.lower() not in _AFTER_NAME, parts))
        telling = [part for part in parts if part and not part.isdigit() and part.lower() not in _EMPTY_WORDS]
        name = telling[-1] if telling else _HUB_NAME
    name = " ".join(_shortened(clean_label(name), _MAX_NETWORK_CHARS).split())
    return name if name_key(name) else _HUB_NAME
