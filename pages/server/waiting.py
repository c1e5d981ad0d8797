"""Requests that wait for something to happen, and what ends them early: who asked has gone, or the server stops."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

from starlette.requests import Request

from core.inference.change_bell import ChangeBell

Result = TypeVar("Result")

_STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))


class _Waits:
    """The requests that wait, for use in the server's event loop only."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.open: set[asyncio.Event] = set()  # set when the server stops


_waits = _Waits()


async def wait_for_change(
    bell: ChangeBell, has_changed: Callable[[], bool], request: Request, *, seconds: float
) -> None:
    """Until something has changed, or so many seconds; shorter where the wait has lost its sense.

    Args:
        bell: rings when something may have changed, in whatever thread.
        has_changed: whether it has.
        request: that waits.
        seconds: at the most.
    """
    loop = asyncio.get_running_loop()
    rung = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed while the bell rang: nobody waits any more
            loop.call_soon_threadsafe(rung.set)

    with bell.listening(wake):
        if has_changed():
            return
        waiting = asyncio.ensure_future(rung.wait())
        gone = asyncio.ensure_future(until_gone(request))
        try:
            await asyncio.wait((waiting, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            gone.cancel()


async def result_while_wanted(future: Future[Result], request: Request) -> Result | None:
    """What a thread makes; None where nobody waits for it any more: then it is not begun, if that has not been.

    Args:
        future: of a thread's work.
        request: that waits for it.

    Raises:
        Exception: what the work raised.
    """
    made = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(until_gone(request))
    try:
        await asyncio.wait((made, gone), return_when=asyncio.FIRST_COMPLETED)
        return made.result() if made.done() else None
    finally:
        made.cancel()
        gone.cancel()


async def until_gone(request: Request) -> None:
    """Until whoever asked has hung up, or the server is being stopped."""
    if _waits.is_stopping:
        return
    stopping = asyncio.Event()
    _waits.open.add(stopping)
    leaving = asyncio.ensure_future(_until_disconnected(request))
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((leaving, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        stopped.cancel()
        _waits.open.discard(stopping)


@contextmanager
def ending_waits_at_stop() -> Iterator[None]:
    """Let no request hold up the end of the server, which waits for all that are open before it stops anything.

    For use in the event loop of the server, in whose main thread signals arrive.
    """
    _waits.is_stopping = False
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in _STOP_SIGNALS}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end_waits)
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in previous.items():
        if callable(handler):  # of the server: without one, the signal ends the process at once
            signal.signal(number, stop)
    try:
        yield
    finally:
        end_waits()
        for number, handler in previous.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)


def end_waits() -> None:
    """Answer all requests that wait, and from now on every other at once."""
    _waits.is_stopping = True
    for stopping in _waits.open:
        stopping.set()


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
