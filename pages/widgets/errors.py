"""The one place where a `BluetitError` becomes a message on the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from core.errors import BluetitError
from pages.widgets.wording import plain

_PENDING = "errors.pending"
# What a click far down the page led to must be seen there too: the message stays in sight under the bar at the top.
_STAY_IN_SIGHT = """<style>
  [data-testid="stLayoutWrapper"]:has(> .st-key-errors) {
    position: sticky; top: 4rem; z-index: 100; backdrop-filter: blur(1.5rem); border-radius: 0.75rem;
  }
</style>"""


@contextmanager
def showing_errors() -> Iterator[None]:
    """Show a `BluetitError` that the block raises, or that a callback raised before it; bugs surface as they are."""
    messages = st.session_state.pop(_PENDING, ())
    if messages:
        st.html(_STAY_IN_SIGHT)
        with st.container(key="errors"):
            for message in messages:
                show_error(message)
    try:
        yield
    except BluetitError as exc:
        show_error(str(exc))
    except RerunException:
        if messages:  # the page is made anew before anybody could read them
            st.session_state[_PENDING] = [*messages, *st.session_state.get(_PENDING, ())]
        raise


def show_error(message: str) -> None:
    """A message with the error's icon, letter by letter."""
    st.error(plain(message), icon=":material/error:")


def guarded(callback: Callable[..., object]) -> Callable[..., None]:
    """A widget's callback whose `BluetitError` is shown in the run that follows, in place of a broken page."""

    def call(*args: object, **kwargs: object) -> None:
        try:
            callback(*args, **kwargs)
        except BluetitError as exc:
            st.session_state[_PENDING] = [*st.session_state.get(_PENDING, ()), str(exc)]

    return call
