"""Whose results are open: kept in the address, so that a reload or a shared link comes back to them."""

from collections.abc import Sequence

import streamlit as st

from core.errors import UnknownRunError
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets.errors import show_error
from pages.widgets.last_page import is_asked_for_anew

SECTION = "results.section"
WHAT_CHANGED = "What changed"  # the section that only a run has that another one was corrected to

_FIRST = "Mistakes"  # the section that is shown where none was asked for
_WANTED = "results.section.wanted"  # section to be shown from the next run of the page on
_OPEN = "results.open"  # number of the run, as text
_ADDRESS = "results.address"  # what this page wrote into the address last
_PARAMETER = "run"
_MAX_DIGITS = 18  # what fits into the database's whole numbers


def open_results(run_id: int, section: str | None = None) -> None:
    """Show the results of this run, from the next run of the page on; no section keeps the present one."""
    st.session_state[_OPEN] = str(run_id)
    if section is not None:
        open_section(section)


def results_address(run_id: int) -> dict[str, str]:
    """Parameters of a link to the results of a run."""
    return {_PARAMETER: str(run_id)}


def open_section(name: str) -> None:
    """Show this section, from the next run of the page on."""
    st.session_state[_WANTED] = name


def settle_section(names: Sequence[str]) -> None:
    """Have the widget of sections show the one that was asked for, where there is one of this name.

    Called right before the widget: a value that an earlier run gave to it may be overruled by what the browser had.

    Args:
        names: of the sections.
    """
    wanted = st.session_state.pop(_WANTED, st.session_state.get(SECTION))
    if wanted not in names:
        wanted = _FIRST
    if wanted != st.session_state.get(SECTION):
        st.session_state[SECTION] = wanted


def opened_run(views: list[RunView], services: Services) -> RunView | None:
    """The run that is open, whatever its state; the newest that is done where none was asked for; None without one.

    Args:
        views: the runs out of the trash, newest first.
        services: the open services.
    """
    asked_for = st.query_params.get(_PARAMETER, "")
    if _OPEN not in st.session_state or is_asked_for_anew(asked_for, st.session_state.get(_ADDRESS, "")):
        st.session_state[_OPEN] = asked_for
    found = _find(st.session_state[_OPEN], services)
    if found is None:
        found = next((view for view in views if view.status is RunStatus.DONE), None)
    shown = "" if found is None else str(found.id)
    if shown:
        st.query_params[_PARAMETER] = shown
    else:
        st.query_params.pop(_PARAMETER, None)
    st.session_state[_OPEN] = st.session_state[_ADDRESS] = shown
    return found


def _find(asked_for: str, services: Services) -> RunView | None:
    if not asked_for.isdecimal() or len(asked_for) > _MAX_DIGITS:
        return None
    try:
        view = services.runs.get_run(int(asked_for))
    except UnknownRunError as exc:
        show_error(str(exc))
        return None
    if view.trashed_at is not None:
        show_error(f"The run “{view.name}” is in the trash. Bring it back on the Train page, in the list of runs.")
        return None
    return view
