"""A race of networks: who is how good, how fast, how large; the winner can be fine-tuned."""

from collections.abc import Sequence

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from pages.server.run_routes import race_url, tell_race_now
from pages.train.opened import close, open_run
from pages.train.race_table import render_race_table
from pages.train.start import begin_again
from pages.widgets.errors import guarded
from pages.words.race_told import outcome_of
from pages.words.standing import STATUS_WORDS
from pages.words.telling import with_tag
from pages.words.wording import plain


def render_race(race: str, views: Sequence[RunView], services: Services) -> None:
    """The race with this mark; the browser keeps the table up to date until all have arrived."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Which network suits the photos?", anchor=False, width="content")
        st.space("stretch")
        st.button("New run", icon=":material/add:", on_click=guarded(close))
    is_active = any(view.is_active for view in views)
    told = with_tag(tell_race_now(views, services))
    render_race_table(told, url=race_url(race) if is_active else None, key="train.race.table")
    st.caption(
        "Ranked by validation accuracy; with few photos, neighbours in the table may be equally good: look at what is "
        "plausible. The time for one photo is measured on one processor core of this computer (latency)."
    )
    with st.container(horizontal=True, gap="small"):
        winner = views[0] if views and outcome_of(views[0]) else None
        if winner is not None and not is_active:
            st.button(
                f"Fine-tune the winner: {plain(winner.name)}",
                type="primary",
                icon=":material/emoji_events:",
                on_click=guarded(_fine_tune),
                args=(winner.id, services),
            )
        for view in views:
            st.button(
                plain(view.name),
                key=f"train.race.open.{view.id}",
                icon=f":material/{STATUS_WORDS[view.status][1]}:",
                on_click=guarded(open_run),
                args=(view.id,),
            )


def _fine_tune(run_id: int, services: Services) -> None:
    begin_again(run_id, services, is_fine_tuned=True)
