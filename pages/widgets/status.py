"""The badge of a run: where it stands."""

import streamlit as st

from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome
from pages.words.standing import STATUS_WORDS


def render_badge(view: RunView) -> None:
    """The status as a coloured word."""
    words, icon, colour = STATUS_WORDS[view.status]
    if view.status is RunStatus.STOPPING and view.is_cancel_requested:
        words = "being discarded"
    if view.status is RunStatus.DONE and view.outcome is not None and Outcome.from_json(view.outcome).is_stopped:
        words = "done, stopped early"
    st.badge(words, icon=f":material/{icon}:", color=colour)
