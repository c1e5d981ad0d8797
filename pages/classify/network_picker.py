"""The box with all that can answer: the models of the visitor's own, and the backbones of the catalogue."""

from collections.abc import Mapping

import streamlit as st

from core.backbones.catalog import Backbone, all_backbones
from core.runs.records import RunView
from core.services import Services
from pages.classify.backbone_choice import BackboneChoice
from pages.classify.model_choice import ModelChoice, explain_absence, usable_models
from pages.classify.network_choice import NetworkChoice
from pages.widgets import links
from pages.widgets.address import NETWORK
from pages.widgets.chosen_network import chosen_model, chosen_network
from pages.widgets.errors import guarded
from pages.widgets.preparation import Availability, availability_of
from pages.words.wording import plain

_WIDGET = "network_picker.widget"


def chosen_choice(services: Services) -> NetworkChoice:
    """What this visitor works with, as the classify page needs it."""
    chosen = chosen_network(services)
    return ModelChoice(chosen) if isinstance(chosen, RunView) else BackboneChoice(chosen)


def render_picker(services: Services) -> NetworkChoice:
    """A box to choose from and the facts of what is chosen; returns that."""
    choice = chosen_choice(services)
    choices: dict[str, NetworkChoice] = {model.key: model for model in usable_models(services)}
    has_models = bool(choices)
    choices |= {backbone.name: BackboneChoice(backbone) for backbone in _backbones_by_availability(services)}
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
    return choice


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


def _backbones_by_availability(services: Services) -> list[Backbone]:
    """What can be used at once comes first."""
    return sorted(all_backbones(), key=lambda backbone: list(Availability).index(availability_of(backbone, services)))
