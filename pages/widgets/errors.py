"""The one place where a `BluetitError` becomes a message on the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from core.errors import BluetitError
from pages.server.services import told_to
from pages.server.visitor import visitor_key
from pages.widgets.uninterrupted import uninterrupted
from pages.words.wording import plain

_PENDING = "errors.pending"


@contextmanager
def showing_errors(key: str | None = None) -> Iterator[None]:
    """Show a `BluetitError` that the block raises, or that a callback raised before it; bugs surface as they are.

    Args:
        key: of the place for messages, by which `pages/assets/page.css` keeps it in sight.
    """
    messages = st.session_state.pop(_PENDING, ())
    # Always there: with a place that comes and goes, all that follows would move, and tabs forget which one was open.
    place = st.container(key=key)
    for message in messages:
        with place:
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
    st.error(plain(told(message)), icon=":material/error:")


def told(text: str) -> str:
    """A sentence as it is fit for the visitor: guests do not read how folders of this computer are called."""
    return told_to(visitor_key(), text)


def guarded(callback: Callable[..., object]) -> Callable[..., None]:
    """A widget's callback that is done whole, as every callback of the app has to be.

    Another click does not break it off in the middle, and its `BluetitError` is shown in the run that follows, in place
    of a broken page.
    """

    def call(*args: object, **kwargs: object) -> None:
        with uninterrupted():
            try:
                callback(*args, **kwargs)
            except BluetitError as exc:
                st.session_state[_PENDING] = [*st.session_state.get(_PENDING, ()), str(exc)]

    return call
