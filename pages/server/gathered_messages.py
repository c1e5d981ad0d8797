"""What a page in the making has to say reaches the server's event loop in gatherings, not word by word.

Streamlit wakes the event loop for each of the hundred messages of a page. Each time the loop takes Python away from
whoever makes the page, which made pages of thirty visitors a third slower. Streamlit sends what the loop has got to
browsers every 10 ms, so that nobody sees that it comes a few milliseconds later.
"""

import functools
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from weakref import WeakKeyDictionary

from streamlit.runtime.app_session import AppSession

_SECONDS = 0.008  # from the first of a gathering until it is passed on

Callback = Callable[[], None]
Call = Callable[[AppSession, Callback], None]


class _Gathering:
    """What one session has for the event loop, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callback] = []

    def add(self, callback: Callback) -> bool:
        """Add one; whether it is the first of a gathering, which has to be passed on in a moment."""
        with self._lock:
            self._callbacks.append(callback)
            return len(self._callbacks) == 1

    def pass_on(self, loop: AbstractEventLoop) -> None:
        """Have the loop, in which this is called, do all that has gathered."""
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            loop.call_soon(callback)


def gather_messages() -> None:
    """Have all sessions do so from now on; does nothing the second time."""
    call: Call = AppSession._call_soon_on_event_loop
    if not hasattr(call, "__wrapped__"):
        AppSession._call_soon_on_event_loop = _gathering(call)  # type: ignore[method-assign]


def _gathering(call: Call) -> Call:
    lock = threading.Lock()
    gatherings: WeakKeyDictionary[AppSession, _Gathering] = WeakKeyDictionary()

    @functools.wraps(call)
    def call_gathered(self: AppSession, callback: Callback) -> None:
        with lock:
            gathering = gatherings.setdefault(self, _Gathering())

        def wait_for_more() -> None:
            self._event_loop.call_later(_SECONDS, gathering.pass_on, self._event_loop)

        if gathering.add(callback):
            call(self, wait_for_more)

    return call_gathered
