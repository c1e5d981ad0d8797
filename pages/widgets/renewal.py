"""Pages that are made anew by themselves, for all who watch at the same moment: they give way to a person's clicks."""

from typing import Any

import streamlit as st

_IS_RENEWAL = "renewal.is_one"


def renew(_payload: Any) -> None:
    """For components that say that what the page shows has changed: the page is made anew, as after every event."""
    st.session_state[_IS_RENEWAL] = True


def take_renewal() -> bool:
    """Whether this run of the page is a renewal; the next one is not."""
    return bool(st.session_state.pop(_IS_RENEWAL, False))
