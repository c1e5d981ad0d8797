"""The moment at which the server is told to stop: requests that wait are answered then, or it would wait for them.

The server stops accepting, then waits until every request is answered, and only then tells the app. So the app listens
to the same signals, before the server does. Whoever replaces a server asks it politely (SIGTERM): then it goes on for a
while where it has begun something for somebody, and only says that nobody new should come.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_SECONDS = 0.1  # from one look whether something is under way to the next
# A browser whose upload has arrived says so before its page takes the file: so long nothing may have been under way.
_QUIET_SECONDS = 1.5

_notices: set[asyncio.Future[None]] = set()
# Signals that came, until the end: a browser's next request may still come in on a connection that is open.
_signals: set[int] = set()
_passed_on: set[int] = set()  # those of them that the server has got
_finishing: set[asyncio.Task[None]] = set()


def stop_notice() -> asyncio.Future[None]:
    """Done as soon as the server is told to stop; to be cancelled when nobody waits for that any more."""
    notice = asyncio.get_running_loop().create_future()
    _notices.add(notice)
    notice.add_done_callback(_notices.discard)
    if _passed_on:
        notice.set_result(None)
    return notice


def is_stopping() -> bool:
    """Whether the server has been told to stop, and finishes what it has begun."""
    return bool(_signals)


def give_notice() -> None:
    """Tell whoever waits in this event loop that the server is about to stop."""
    for notice in list(_notices):
        if not notice.done():
            notice.set_result(None)


@contextmanager
def noticing_signals(
    *, is_busy: Callable[[], bool] = lambda: False, longest_seconds: Callable[[], float] = lambda: 0.0
) -> Iterator[None]:
    """Give notice at signals that stop the server, which gets them afterwards as it would have done before.

    To be entered in the server's event loop; where that is not in the main thread, no signals arrive there.

    Args:
        is_busy: whether something is under way that a polite signal (SIGTERM) must not break off; the second signal,
            and whoever presses Ctrl-C, are obeyed at once.
        longest_seconds: how long that is waited for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}

    def pass_on(number: int, frame: FrameType | None) -> None:
        _passed_on.add(number)
        loop.call_soon_threadsafe(give_notice)
        handlers[signal.Signals(number)](number, frame)

    async def finish(number: int) -> None:
        await _until_quiet(is_busy, longest_seconds())
        if not _passed_on:
            pass_on(number, None)

    def begin_to_finish(number: int) -> None:
        task = loop.create_task(finish(number))
        _finishing.add(task)
        task.add_done_callback(_finishing.discard)

    def notice(number: int, frame: FrameType | None) -> None:
        is_first = not _signals
        _signals.add(number)
        if is_first and number == signal.SIGTERM and is_busy():
            loop.call_soon_threadsafe(begin_to_finish, number)
        else:
            pass_on(number, frame)

    for number in handlers:
        signal.signal(number, notice)
    yield
    _signals.clear()
    _passed_on.clear()
    for number, handler in handlers.items():
        if signal.getsignal(number) is notice:  # or the server has put its own back already
            signal.signal(number, handler)


async def _until_quiet(is_busy: Callable[[], bool], longest_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    logger.warning("Told to stop. What has been begun is finished, for %.0f s at most.", longest_seconds)
    quiet_since = begun_at = loop.time()
    while loop.time() < min(begun_at + longest_seconds, quiet_since + _QUIET_SECONDS):
        await asyncio.sleep(_LOOK_SECONDS)
        if is_busy():
            quiet_since = loop.time()
    logger.warning("Stopping, after %.1f s.", loop.time() - begun_at)
