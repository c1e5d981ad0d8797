"""How long a run will probably take."""

from collections.abc import Sequence

from core.backbones.layers import LayerRow
from core.config import TrainConfig
from core.runs.begin import Prospect
from core.services import Services


def render_expected(config: TrainConfig, prospect: Prospect, layers: Sequence[LayerRow], services: Services) -> None:
    """One line."""
