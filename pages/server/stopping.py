"""The moment at which the server is told to stop: requests that wait are answered then, or it would wait for them.

The server stops accepting, then waits until every request is answered, and only then tells the app. So the app listens
to the same signals, before the server does.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_notices: set[asyncio.Future[None]] = set()
# Signals that came, until the end: a browser's next request may still come in on a connection that is open.
_signals: set[int] = set()


def stop_notice() -> asyncio.Future[None]:
    """Done as soon as the server is told to stop; to be cancelled when nobody waits for that any more."""
    notice = asyncio.get_running_loop().create_future()
    _notices.add(notice)
    notice.add_done_callback(_notices.discard)
    if _signals:
        notice.set_result(None)
    return notice


def is_stopping() -> bool:
    """Whether the server has been told to stop, and answers what it has begun."""
    return bool(_signals)


def give_notice() -> None:
    """Tell whoever waits in this event loop that the server is about to stop."""
    for notice in list(_notices):
        if not notice.done():
            notice.set_result(None)


@contextmanager
def noticing_signals() -> Iterator[None]:
    """Give notice at signals that stop the server, which gets them afterwards as it would have done before.

    To be entered in the server's event loop; where that is not in the main thread, no signals arrive there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}

    def notice(number: int, frame: FrameType | None) -> None:
        _signals.add(number)
        loop.call_soon_threadsafe(give_notice)
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, notice)
    yield
    _signals.clear()
    for number, handler in handlers.items():
        if signal.getsignal(number) is notice:  # or the server has put its own back already
            signal.signal(number, handler)
