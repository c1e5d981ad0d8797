"""A sweep: what each value of a setting brought, as one chart and one table."""

from collections.abc import Sequence

import streamlit as st

from core.runs.records import RunView
from core.runs.sweep import stop_all, swept_value
from core.services import Services
from pages.server.photo_routes import plotly_url
from pages.server.run_routes import race_url, tell_race_now
from pages.train.opened import close, open_run
from pages.train.race_table import render_race_table
from pages.train.start import begin_again, current_draft
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.errors import guarded
from pages.words.standing import STATUS_WORDS
from pages.words.sweep_told import SWEEP_TITLES, best_of, in_order, value_text, verdict
from pages.words.telling import with_tag
from pages.words.wording import plain

# Plotly puts its own style sheet into the page, where a component with isolated styles would not see it.
_chart = load_component("sweep_chart", parts=["chart_look"], styles=["chart"], isolate_styles=False)

_CHART_PARTS = ("points", "summary")


def render_sweep(mark: str, setting: str, views: Sequence[RunView], services: Services) -> None:
    """The sweep with this mark; the browser keeps chart and table up to date until all have arrived."""
    title = SWEEP_TITLES[setting].partition(" (")[0]
    is_active = any(view.is_active for view in views)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(f"Which {title}?", anchor=False, width="content")
        st.space("stretch")
        if is_active:
            st.button(
                "Stop all",
                icon=":material/stop_circle:",
                help="Trainings that have begun keep their best epoch so far; those that wait are cancelled.",
                on_click=guarded(stop_all),
                args=(services.run_desk, tuple(views)),
            )
        st.button("New run", icon=":material/add:", on_click=guarded(close))
    told = with_tag(tell_race_now(views, services))
    url = race_url(mark) if is_active else None
    _render_verdict(views, setting)
    data = {"plotly_url": plotly_url(), **watched_data(told, *_CHART_PARTS, url=url)}
    show_component(_chart, key="train.sweep.chart", data=data)
    render_race_table(told, url=url, key="train.sweep.table")
    st.caption(
        "All were trained on the same photos and judged by the same validation photos. The bars are what is plausible "
        "with so few of them (95 % interval); the value that did best here was chosen by these photos, so the test "
        "photos say more about how good it is."
    )
    _render_ways_on(views, setting, services, is_active=is_active)


def _render_verdict(views: Sequence[RunView], setting: str) -> None:
    told, caution = verdict(views, setting)
    if told:
        st.markdown(f":material/emoji_events: **{plain(told)}**")
    if caution:
        st.caption(f":orange[:material/warning:] {plain(caution)}")


def _render_ways_on(views: Sequence[RunView], setting: str, services: Services, *, is_active: bool) -> None:
    best = in_order(best_of(views), setting)
    if best and not is_active:
        value = value_text(setting, swept_value(best[0].config_values, setting))
        st.button(
            f"Go on with {plain(value)}",
            type="primary",
            icon=":material/emoji_events:",
            help="Fills the form in like the best of them.",
            on_click=guarded(_go_on),
            args=(best[0].id, services),
        )
    with st.expander("Open one of the trainings", icon=":material/open_in_new:"), st.container(horizontal=True):
        for view in in_order(views, setting):
            st.button(
                plain(value_text(setting, swept_value(view.config_values, setting))),
                key=f"train.sweep.open.{view.id}",
                icon=f":material/{STATUS_WORDS[view.status][1]}:",
                help=plain(view.name),
                on_click=guarded(open_run),
                args=(view.id,),
            )


def _go_on(run_id: int, services: Services) -> None:
    begin_again(run_id, services)
    current_draft().is_expert = True  # where the setting is that the sweep was about
