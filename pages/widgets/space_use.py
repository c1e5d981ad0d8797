"""A line for whoever has nearly as much as their space may have."""

import streamlit as st

from core.services import Services
from pages.words.wording import plain


def render_space_use(services: Services) -> None:
    """Say what is nearly used up, and what then; nothing as long as there is room."""
    told = services.meter.nearly_full()
    if told:
        st.caption(
            f":material/data_usage: Nearly full: {plain(', '.join(told))}. Delete for good what you do not need."
        )
