"""Choosing what answers: a backbone of the catalogue or a trained model. The choice is the visitor's on every page."""

import streamlit as st

from core.backbones.catalog import Backbone, all_backbones, find_backbone
from core.errors import UnknownBackboneError
from core.services import Services
from pages.classify.backbone_choice import BackboneChoice
from pages.classify.model_choice import MODEL_PREFIX, explain_absence, find_model, usable_models
from pages.classify.network_choice import NetworkChoice
from pages.widgets.errors import guarded
from pages.widgets.last_page import is_same_page
from pages.widgets.preparation import Availability, availability_of
from pages.widgets.wording import plain

_CHOSEN = "backbone_picker.chosen"
_WIDGET = "backbone_picker.widget"
_ADDRESS = "backbone_picker.address"  # what was written into the address last
_NETWORK_PARAMETER = "network"
_MODEL_PARAMETER = "model"


def chosen_network(services: Services) -> NetworkChoice:
    """What this visitor works with; it survives page changes and reloads."""
    choice = _find(_wanted_key(), services) or _default(services)
    _write_address(choice)
    return choice


def chosen_backbone(services: Services) -> Backbone:
    """The backbone this visitor works with, be it below a trained model."""
    return chosen_network(services).backbone or find_backbone(services.settings.default_backbone)


def backbone_address(backbone: Backbone) -> dict[str, str]:
    """Parameters of a link by which the visitor works with this backbone from then on, on every page."""
    return {_NETWORK_PARAMETER: backbone.name}


def model_address(run_id: int) -> dict[str, str]:
    """Parameters of a link by which the visitor works with the model of this run from then on, on every page."""
    return {_MODEL_PARAMETER: str(run_id)}


def render_picker(services: Services) -> NetworkChoice:
    """A box to choose from and the facts of what is chosen; returns that."""
    choice = chosen_network(services)
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
        on_change=guarded(lambda: _choose(st.session_state[_WIDGET])),
        help="A network that was trained on 1.3 million photos of 1,000 kinds of things. "
        "Smaller ones answer faster, larger ones are right more often. "
        "Models that you have trained know your own classes instead.",
    )
    _explain_fallback(choice, services)
    choice.render_facts(services)
    return choice


def _choose(key: str) -> None:
    st.session_state[_CHOSEN] = key
    st.session_state[_WIDGET] = key


def _wanted_key() -> str:
    """What was chosen, whether it is there or not; nothing where nobody has chosen."""
    model, network = st.query_params.get(_MODEL_PARAMETER), st.query_params.get(_NETWORK_PARAMETER, "")
    asked_for = f"{MODEL_PREFIX}{model}" if model else network
    # Once the page has written what answers into the address, it may be something else than what was asked for.
    is_link = asked_for not in ("", st.session_state.get(_ADDRESS)) and not is_same_page()
    if _CHOSEN not in st.session_state or is_link:
        st.session_state[_CHOSEN] = asked_for
    return st.session_state[_CHOSEN]


def _run_id_of(key: str) -> int | None:
    number = key.removeprefix(MODEL_PREFIX)
    return int(number) if key.startswith(MODEL_PREFIX) and number.isdecimal() and len(number) < 10 else None


def _find(key: str, services: Services) -> NetworkChoice | None:
    run_id = _run_id_of(key)
    if run_id is not None:
        return find_model(run_id, services)
    try:
        return BackboneChoice(find_backbone(key))
    except UnknownBackboneError:
        return None  # the address was typed or is old: begin as if there were none


def _default(services: Services) -> NetworkChoice:
    return BackboneChoice(find_backbone(services.settings.default_backbone))


def _explain_fallback(choice: NetworkChoice, services: Services) -> None:
    """Nobody should take the answers of another network for those of the model that they had chosen."""
    run_id = _run_id_of(_wanted_key())
    if run_id is not None and _run_id_of(choice.key) != run_id:
        st.info(plain(f"{explain_absence(run_id, services)} {choice.title} answers instead."), icon=":material/info:")


def _write_address(choice: NetworkChoice) -> None:
    is_model = _run_id_of(choice.key) is not None
    name, other = (_MODEL_PARAMETER, _NETWORK_PARAMETER) if is_model else (_NETWORK_PARAMETER, _MODEL_PARAMETER)
    st.query_params.pop(other, None)
    st.query_params[name] = choice.key.removeprefix(MODEL_PREFIX)
    st.session_state[_ADDRESS] = choice.key


def _backbones_by_availability(services: Services) -> list[Backbone]:
    """What can be used at once comes first."""
    return sorted(all_backbones(), key=lambda backbone: list(Availability).index(availability_of(backbone, services)))
