"""The page of one run: its name, how it goes or went, and what can be done with it."""

import streamlit as st

from core.config import TrainConfig
from core.errors import ConfigError, UnknownRunError
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.train.downloads import is_being_packaged
from pages.train.opened import close
from pages.train.outcome import render_outcome
from pages.train.photos import render_photos
from pages.train.progress import render_progress
from pages.train.run_hood import render_run_hood
from pages.train.run_menu import render_run_menu
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.live_chart import live_chart
from pages.widgets.run_history import RunHistory, read_history
from pages.widgets.status import render_badge
from pages.words.wording import plain

_POLL_SECONDS = 0.5
_SLOW_POLL_SECONDS = 1.0  # while only the files are made
_CHART_PX = 420


def render_run(view: RunView, services: Services) -> None:
    """Everything about a run; the part that moves looks again by itself while there is something to see."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(view.name), anchor=False, width="content")
        render_run_menu(view, services)
        st.space("stretch")
        st.button("New run", icon=":material/add:", on_click=guarded(close))
    if view.note:
        st.caption(plain(view.note).replace("\n", "  \n"))
    state = _state(view)
    seconds = _POLL_SECONDS if view.is_active else _SLOW_POLL_SECONDS if is_being_packaged(view) else None
    st.fragment(_render_moving, run_every=seconds)(view.id, services, shown=None if seconds else state)
    render_run_hood(view, services)
    st.fragment(_watch, run_every=seconds)(view.id, services, shown=state)


def _state(view: RunView) -> object:
    """What the parts of the page depend on that do not move by themselves."""
    return view.is_active, view.status if not view.is_active else None, view.package_status


def _watch(run_id: int, services: Services, *, shown: object) -> None:
    """Make the whole page anew when the run has changed: the timers start or stop, and the list of runs knows it.

    Not in the part that moves: Streamlit now and then drops a part that asks for the whole page, and makes it anew.
    """
    view = _find(run_id, services)
    if view is None or _state(view) != shown:
        st.rerun()


def _render_moving(run_id: int, services: Services, *, shown: object | None) -> None:
    # The chart stands at the same place whatever is above it: drawn elsewhere, it would begin anew in the browser.
    view = _find(run_id, services)
    if view is None:
        return  # somebody has deleted the run, which the whole page is about to tell
    history = read_history(view, services)
    above = st.container(key="train-above")
    config = _config_of(view)
    if config is not None and (history.epochs or view.status in (RunStatus.RUNNING, RunStatus.STOPPING)):
        live_chart(history.curves(config, is_active=view.is_active), key="train.chart", height_px=_CHART_PX)
    else:
        st.empty()
    below = st.container(key="train-below")
    with above, showing_errors():
        render_badge(view)
        if view.is_active:
            render_progress(view, history, config, services)
        else:
            render_outcome(view, history, services)
    with below:
        render_photos(view, history, services)
        _render_notes(history)
    if shown is not None and _state(view) != shown:
        st.rerun()  # nobody watches a run that has ended; it goes on after a click in this part


def _find(run_id: int, services: Services) -> RunView | None:
    """The run as it is now; None when it is in the trash or gone."""
    try:
        view = services.runs.get_run(run_id)
    except UnknownRunError:
        return None
    return view if view.trashed_at is None else None


def _config_of(view: RunView) -> TrainConfig | None:
    """What the run is trained with; None when another version wrote something that this one cannot read."""
    try:
        return view.config
    except ConfigError:
        return None


def _render_notes(history: RunHistory) -> None:
    for note in history.notes:
        if note.is_warning:
            st.warning(plain(note.text), icon=":material/warning:")
        else:
            st.caption(f":material/info: {plain(note.text)}")
