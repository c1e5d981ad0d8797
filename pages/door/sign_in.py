"""Who may see the pages, and what the others see there: where accounts sign in."""

import json
from urllib.parse import quote

import streamlit as st

from core.errors import BluetitError
from core.services import Services
from pages.door.accounts import TICKETS, space_of
from pages.server.account_role import signed_in
from pages.server.doorkeeper import DOOR
from pages.server.photo_routes import routes_prefix
from pages.server.presence import Place, note_place
from pages.server.services import IN_COMMON, ask_anew, space_of_visitor, whole_services
from pages.server.visitor import visitor_key
from pages.widgets.address import DATASET, RESULTS, TRAINING, row_number
from pages.widgets.errors import guarded
from pages.widgets.links import DATASET as DATASET_PARAMETER
from pages.widgets.links import RUN

_NO_PROVIDER = (
    "No identity provider is set up here: `.streamlit/secrets.toml` has no section `[auth]`. "
    "docs/deployment.md says what belongs there."
)
_DEFAULT_PROVIDER = "default"


def is_let_in() -> bool:
    """Whether the visitor of this run may see the app.

    Where the services cannot be opened, everybody may: pages show nothing but why.
    """
    try:
        return _is_let_in(whole_services())
    except BluetitError:
        return True


def _is_let_in(services: Services) -> bool:
    if services.settings.access in IN_COMMON:
        return True
    space = space_of_visitor(visitor_key())
    if space is None or services.settings.access == "class":
        return space is not None
    account = signed_in()
    if account is None:
        services.spaces.let_out(visitor_key())  # signed out: routes, too, do not know this browser any more
        ask_anew()
        return False
    own = services.spaces.find_by_account(account.key)
    return own is not None and own.id == space.id


def note_where(title: str) -> None:
    """Say, for the teacher, which page the visitor sees, and what is open there."""
    services = whole_services()
    if services.settings.access in IN_COMMON:
        return
    space = space_of_visitor(visitor_key())
    if space is None:
        return
    dataset_id = row_number(DATASET.last().get(DATASET_PARAMETER, "")) if title == "Dataset" else None
    opened = {"Train": TRAINING, "Results": RESULTS}.get(title)
    run_id = None if opened is None else row_number(opened.last().get(RUN, ""))
    note_place(space.id, Place(page=title, dataset_id=dataset_id, run_id=run_id))


def render_door() -> None:
    """What somebody sees who is not let in: the way to the door, or to sign in."""
    services = whole_services()
    if services.settings.access == "class":
        st.title("Come in first", anchor=False)
        st.link_button("To the door", f"{routes_prefix()}/{DOOR}", icon=":material/door_front:", type="primary")
        return
    account = signed_in()
    if account is None:
        _render_sign_in()
        return
    st.title(f"Hello, {account.name}", anchor=False)
    ticket = TICKETS.give(space_of(account, services).id)
    address = f"{routes_prefix()}/{DOOR}/account?ticket={quote(ticket)}"
    st.html(f"<script>location.replace({json.dumps(address)})</script>", unsafe_allow_javascript=True)
    st.link_button("Go on", address, icon=":material/arrow_forward:", type="primary")


def _render_sign_in() -> None:
    st.title("Sign in", anchor=False)
    providers = _providers()
    if not providers:
        st.error(_NO_PROVIDER, icon=":material/error:")
        return
    st.markdown("Whoever signs in has a place of their own here. Others see nothing of it.")
    for name in providers:
        label = "Sign in" if name == _DEFAULT_PROVIDER else f"Sign in with {name.capitalize()}"
        st.button(label, on_click=guarded(st.login), args=(name,), icon=":material/login:", type="primary")


def _providers() -> list[str]:
    """Names of the identity providers in Streamlit's secrets."""
    try:
        section = st.secrets.get("auth", {})
    except FileNotFoundError:  # Streamlit's way of saying that there are no secrets
        return []
    named = [name for name, value in section.items() if hasattr(value, "keys") and "client_id" in value]
    return [_DEFAULT_PROVIDER] if "client_id" in section else named
