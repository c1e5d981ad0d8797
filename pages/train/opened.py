"""What is open on the train page: a run, a race, or the form for a new run; kept in the address for links."""

import streamlit as st

from core.errors import UnknownRunError
from core.runs.records import RunView
from core.services import Services
from pages.widgets.errors import show_error
from pages.widgets.last_page import is_asked_for_anew

_OPEN = "train.open"  # (name of the parameter, its value), or None
_ADDRESS = "train.address"  # what this page wrote into the address last
_RUN, _RACE = "run", "race"
_MAX_DIGITS = 18  # what fits into the database's whole numbers


def open_run(run_id: int) -> None:
    """Show this run, from the next run of the page on."""
    st.session_state[_OPEN] = (_RUN, str(run_id))


def run_address(run_id: int) -> dict[str, str]:
    """Parameters of a link to a run."""
    return {_RUN: str(run_id)}


def open_race(race: str) -> None:
    """Show this race, from the next run of the page on."""
    st.session_state[_OPEN] = (_RACE, race)


def close() -> None:
    """Show the form for a new run, from the next run of the page on."""
    st.session_state[_OPEN] = None


def opened(services: Services) -> RunView | str | None:
    """The run that is open, the mark of the race that is, or None for the form."""
    asked_for = _read_address()
    if _OPEN not in st.session_state or is_asked_for_anew(asked_for, st.session_state.get(_ADDRESS)):
        st.session_state[_OPEN] = asked_for
    found = _find(st.session_state[_OPEN], services)
    if found is None:
        st.session_state[_OPEN] = None
    _write_address(st.session_state[_OPEN])
    return found


def _find(asked_for: tuple[str, str] | None, services: Services) -> RunView | str | None:
    if asked_for is None:
        return None
    parameter, value = asked_for
    if parameter == _RACE:
        return value if any(view.race == value for view in services.runs.list_runs()) else None
    if not value.isdecimal() or len(value) > _MAX_DIGITS:
        return None
    try:
        view = services.runs.get_run(int(value))
    except UnknownRunError as exc:
        show_error(str(exc))
        return None
    return None if view.trashed_at is not None else view


def _read_address() -> tuple[str, str] | None:
    for parameter in (_RUN, _RACE):
        if parameter in st.query_params:
            return parameter, st.query_params[parameter]
    return None


def _write_address(shown: tuple[str, str] | None) -> None:
    for parameter in (_RUN, _RACE):
        if shown is not None and shown[0] == parameter:
            st.query_params[parameter] = shown[1]
        else:
            st.query_params.pop(parameter, None)
    st.session_state[_ADDRESS] = shown
