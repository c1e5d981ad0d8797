"""What answers this visitor's photos, the same on every page: a backbone of the catalogue, a trained model, or one from
elsewhere."""

from collections.abc import Mapping

from core.backbones.catalog import Backbone, find_backbone
from core.errors import UnknownBackboneError, UnknownForeignModelError, UnknownRunError
from core.foreign.records import ForeignModelView
from core.runs.records import RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import NETWORK, row_number
from pages.words.models import has_model

Chosen = Backbone | RunView | ForeignModelView


def chosen_network(services: Services) -> Chosen:
    """What this visitor works with, a model as its run; it survives page changes and reloads."""
    found = _find(NETWORK.wanted(), services) or find_backbone(services.settings.default_backbone)
    match found:
        case RunView():
            NETWORK.write(links.classify_with_model(found.id).address)
        case ForeignModelView():
            NETWORK.write(links.classify_with_foreign(found.id).address)
        case Backbone():
            NETWORK.write(links.classify_with_network(found.name).address)
    return found


def chosen_backbone(services: Services) -> Backbone:
    """The backbone this visitor works with, be it below a trained model."""
    found = chosen_network(services)
    backbone = backbone_below(found) if isinstance(found, RunView) else found
    return backbone if isinstance(backbone, Backbone) else find_backbone(services.settings.default_backbone)


def chosen_model() -> int | None:
    """The run whose model the visitor has chosen, whether it can answer or not; None for a backbone."""
    return row_number(NETWORK.last().get(links.MODEL, ""))


def chosen_foreign() -> int | None:
    """The model from elsewhere that the visitor has chosen, whether it is there or not; None for another choice."""
    return row_number(NETWORK.last().get(links.FOREIGN, ""))


def find_foreign(model_id: int, services: Services) -> ForeignModelView | None:
    """A model from elsewhere that can be chosen; None where there is none, or none any more."""
    try:
        model = services.foreign.get(model_id)
    except UnknownForeignModelError:
        return None
    return model if model.trashed_at is None else None


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


def _find(wanted: Mapping[str, str], services: Services) -> Chosen | None:
    if links.FOREIGN in wanted:
        model_id = row_number(wanted[links.FOREIGN])
        return None if model_id is None else find_foreign(model_id, services)
    if links.MODEL in wanted:
        run_id = row_number(wanted[links.MODEL])
        return None if run_id is None else find_model(run_id, services)
    try:
        backbone = find_backbone(wanted.get(links.NETWORK, ""))
    except UnknownBackboneError:
        return None  # the address was typed or is old: begin as if there were none
    return backbone if backbone.has_classes else None
