"""The one place where a `BluetitError` becomes a message on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import BluetitError


@contextmanager
def showing_errors() -> Iterator[None]:
    """Show a `BluetitError` that the block raises as a message; bugs surface as they are."""
    try:
        yield
    except BluetitError as exc:
        st.error(str(exc), icon=":material/error:")
