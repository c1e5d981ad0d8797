"""The box with all that can answer: the models of the visitor's own, and the backbones of the catalogue."""

from collections.abc import Mapping

import streamlit as st

from core.backbones.catalog import all_backbones
from core.foreign.records import ForeignModelView
from core.runs.records import RunView
from core.services import Services
from pages.classify.backbone_choice import BackboneChoice
from pages.classify.bring_model import render_bring_model
from pages.classify.foreign_choice import ForeignChoice, foreign_choices
from pages.classify.model_choice import ModelChoice, usable_models
from pages.classify.network_choice import NetworkChoice
from pages.widgets import links
from pages.widgets.address import NETWORK
from pages.widgets.chosen_network import chosen_foreign, chosen_model, chosen_network
from pages.widgets.errors import guarded
from pages.widgets.preparation import Availability, availability_of
from pages.words.models import explain_absence, explain_foreign_absence
from pages.words.wording import plain

_WIDGET = "network_picker.widget"


def chosen_choice(services: Services) -> NetworkChoice:
    """What this visitor works with, as the classify page needs it."""
    chosen = chosen_network(services)
    match chosen:
        case RunView():
            return ModelChoice(chosen)
        case ForeignModelView():
            return ForeignChoice(chosen)
        case _:
            return BackboneChoice(chosen)


def render_picker(choice: NetworkChoice, services: Services) -> None:
    """A box to choose from, and the facts of what is chosen."""
    choices: dict[str, NetworkChoice] = {model.key: model for model in usable_models(services)}
    choices |= {model.key: model for model in foreign_choices(services)}
    has_models = bool(choices)
    choices |= {backbone.key: backbone for backbone in _backbone_choices(services)}
    descriptions = {key: each.describe(services) for key, each in choices.items()}
    st.session_state[_WIDGET] = choice.key
    st.selectbox(
        "Network (backbone) or your model" if has_models else "Network (backbone)",
        list(choices),
        key=_WIDGET,
        format_func=descriptions.__getitem__,
        on_change=guarded(lambda: _choose(choices)),
        help="A network that was trained on 1.3 million photos of 1,000 kinds of things. "
        "Smaller ones answer faster, larger ones are right more often. "
        "Models that you have trained know your own classes instead.",
    )
    _explain_fallback(choice, services)
    choice.render_facts(services)
    render_bring_model(services)


def _choose(choices: Mapping[str, NetworkChoice]) -> None:
    """Take what was chosen; Streamlit hands over a mere text where an option has become another in between."""
    chosen = choices.get(st.session_state[_WIDGET])
    if chosen is not None:
        NETWORK.open(chosen.address)


def _explain_fallback(choice: NetworkChoice, services: Services) -> None:
    """Nobody should take the answers of another network for those of the model that they had chosen."""
    run_id = chosen_model()
    if run_id is not None and choice.address != links.classify_with_model(run_id).address:
        st.info(plain(f"{explain_absence(run_id, services)} {choice.title} answers instead."), icon=":material/info:")
    model_id = chosen_foreign()
    if model_id is not None and choice.address != links.classify_with_foreign(model_id).address:
        absence = explain_foreign_absence(model_id, services)
        st.info(plain(f"{absence} {choice.title} answers instead."), icon=":material/info:")


def _backbone_choices(services: Services) -> list[BackboneChoice]:
    """The backbones of the catalogue that name things; what can be used at once comes first."""
    order = list(Availability)
    named = [backbone for backbone in all_backbones() if backbone.has_classes]
    found = [(availability_of(backbone, services), backbone) for backbone in named]
    found.sort(key=lambda pair: order.index(pair[0]))
    return [BackboneChoice(backbone, availability) for availability, backbone in found]
