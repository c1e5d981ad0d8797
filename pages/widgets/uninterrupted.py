"""Work of a visitor's action that Streamlit does not break off in the middle."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.runtime.scriptrunner import get_script_run_ctx


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the block come to its end, whatever else the visitor does meanwhile.

    Each `st.*` call and each access to `st.session_state` looks whether another run of the page waits, and if so ends
    the one that asks with an exception that is none of ours: of 440 photos that a callback was taking in one by one,
    314 arrived. Within the block nobody is told of the waiting run; it begins after the callback, at once.
    """
    context = get_script_run_ctx(suppress_warning=True)
    requests = context.script_requests if context else None
    if requests is None or "on_scriptrunner_yield" in vars(requests):  # outside of the app, or within another block
        yield
        return
    # Both ways in which Streamlit breaks off a run ask this; hidden by an attribute of the same name, it is as before
    # once that is gone.
    requests.on_scriptrunner_yield = lambda: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        del requests.on_scriptrunner_yield
