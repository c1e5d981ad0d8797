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


def is_asked_for_anew(asked_for: object, written: object) -> bool:
    """Whether the address asks for something else than this page has written into it.

    A link, or the browser's back button, has changed it then. The navigation empties it, which asks for nothing.

    Args:
        asked_for: what the address says; false where it says nothing.
        written: what this page wrote into it last.
    """
    return asked_for != written if is_same_page() else bool(asked_for)
