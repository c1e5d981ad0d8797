"""What takes long to work out for a large dataset is worked out once, not in every run of the page."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

Result = TypeVar("Result")


def remembered(name: str, key: object, work_out: Callable[[], Result]) -> Result:
    """The latest result in this visitor's session, worked out anew when the key has changed.

    Args:
        name: of the result in the session.
        key: everything that the result depends on; compared, never hashed.
        work_out: makes the result.
    """
    kept: tuple[object, Result] | None = st.session_state.get(name)
    if kept is None or kept[0] != key:
        kept = st.session_state[name] = (key, work_out())
    return kept[1]
