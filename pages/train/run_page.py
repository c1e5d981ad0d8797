"""The page of one run: its name, how it goes or went, and what can be done with it."""

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from pages.server.run_routes import run_url
from pages.train.opened import close
from pages.train.outcome import render_outcome
from pages.train.photos import render_photos
from pages.train.progress import render_progress
from pages.train.run_hood import render_run_hood
from pages.train.run_menu import render_run_menu
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.live_chart import live_chart
from pages.widgets.status import render_badge
from pages.words.run_told import tell_run
from pages.words.telling import with_tag
from pages.words.wording import plain

_CHART_PX = 420


def render_run(view: RunView, services: Services) -> None:
    """Everything about a run; what moves is drawn by the browser, which asks for it, and has the page made anew when
    the run comes into another state."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(view.name), anchor=False, width="content")
        render_run_menu(view, services)
        st.space("stretch")
        st.button("New run", icon=":material/add:", on_click=guarded(close))
    if view.note:
        st.caption(plain(view.note).replace("\n", "  \n"))
    now = services.run_reader.read(view)
    told = with_tag(tell_run(now))
    url = run_url(view.id) if view.is_active else None
    # The chart stands at the same place whatever is above it: drawn elsewhere, it would begin anew in the browser.
    above = st.container(key="train-above")
    if told["chart"] is not None:
        live_chart(told, url=url, key="train.chart", height_px=_CHART_PX)
    else:
        st.empty()
    with above, showing_errors():
        render_badge(view)
        if view.is_active:
            render_progress(view, told, services)
        else:
            render_outcome(view, told, now.history, services)
    render_photos(told, url=url, key="train.photos")
    render_run_hood(view, services)
