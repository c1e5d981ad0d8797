"""Whose results are open, and which section of them."""

from collections.abc import Sequence

import streamlit as st

from core.errors import UnknownRunError
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import RESULTS, row_number
from pages.widgets.errors import show_error

SECTION = "results.section"
WHAT_CHANGED = "What changed"  # the section that only a run has that another one was corrected to

_FIRST = "Mistakes"  # the section that is shown where none was asked for
_WANTED = "results.section.wanted"  # section to be shown from the next run of the page on


def open_results(run_id: int, section: str | None = None) -> None:
    """Show the results of this run, from the next run of the page on; no section keeps the present one."""
    RESULTS.open(links.results(run_id).address)
    if section is not None:
        open_section(section)


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
    found = _find(RESULTS.wanted().get(links.RUN, ""), services)
    if found is None:
        found = next((view for view in views if view.status is RunStatus.DONE), None)
    RESULTS.open({} if found is None else links.results(found.id).address)
    RESULTS.write(RESULTS.last())
    return found


def _find(text: str, services: Services) -> RunView | None:
    run_id = row_number(text)
    if run_id is None:
        return None
    try:
        view = services.runs.get_run(run_id)
    except UnknownRunError as exc:
        show_error(str(exc))
        return None
    if view.trashed_at is not None:
        show_error(f"The run “{view.name}” is in the trash. Bring it back on the Train page, in the list of runs.")
        return None
    return view
