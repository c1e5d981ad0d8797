"""What answers this visitor's photos: a backbone of the catalogue or a trained model, the same on every page."""

from collections.abc import Mapping

from core.backbones.catalog import Backbone, find_backbone
from core.errors import UnknownBackboneError, UnknownRunError
from core.runs.records import RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import NETWORK, row_number
from pages.words.models import has_model


def chosen_network(services: Services) -> Backbone | RunView:
    """What this visitor works with, a model as its run; it survives page changes and reloads."""
    found = _find(NETWORK.wanted(), services) or find_backbone(services.settings.default_backbone)
    if isinstance(found, RunView):
        NETWORK.write(links.classify_with_model(found.id).address)
    else:
        NETWORK.write(links.classify_with_network(found.name).address)
    return found


def chosen_backbone(services: Services) -> Backbone:
    """The backbone this visitor works with, be it below a trained model."""
    found = chosen_network(services)
    backbone = backbone_below(found) if isinstance(found, RunView) else found
    return backbone or find_backbone(services.settings.default_backbone)


def chosen_model() -> int | None:
    """The run whose model the visitor has chosen, whether it can answer or not; None for a backbone."""
    return row_number(NETWORK.last().get(links.MODEL, ""))


def find_model(run_id: int, services: Services) -> RunView | None:
    """The run of a model that can be chosen; None where there is none, or none any more."""
    try:
        run = services.runs.get_run(run_id)
    except UnknownRunError:
        return None
    return run if has_model(run) else None


def backbone_below(run: RunView) -> Backbone | None:
    """What a model was trained on top of; None where that was none of the catalogue."""
    try:
        return find_backbone(str(run.config_values.get("backbone")))
    except UnknownBackboneError:
        return None


def _find(wanted: Mapping[str, str], services: Services) -> Backbone | RunView | None:
    if links.MODEL in wanted:
        run_id = row_number(wanted[links.MODEL])
        return None if run_id is None else find_model(run_id, services)
    try:
        return find_backbone(wanted.get(links.NETWORK, ""))
    except UnknownBackboneError:
        return None  # the address was typed or is old: begin as if there were none
