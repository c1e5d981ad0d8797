"""Whether the visitor has come from another page of the app, which changes what a changed address means."""

import streamlit as st

_SHOWN = "last_page.shown"
_IS_SAME = "last_page.is_same"


def note_page(title: str) -> None:
    """Say which page this run shows; called once in each run, before the page itself."""
    st.session_state[_IS_SAME] = st.session_state.get(_SHOWN) == title
    st.session_state[_SHOWN] = title


def is_same_page() -> bool:
    """Whether the run before showed this page, too."""
    return bool(st.session_state.get(_IS_SAME))
