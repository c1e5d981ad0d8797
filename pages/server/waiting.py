"""Requests that wait for something to happen, and what ends them early: who asked has gone, or the server stops."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TypeVar

from starlette.requests import Request

from core.inference.change_bell import ChangeBell
from pages.server.stopping import stop_notice

Result = TypeVar("Result")


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
        try:
            with ends_of(request) as ends:
                await asyncio.wait((waiting, *ends), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


async def result_while_wanted(future: Future[Result], request: Request) -> Result | None:
    """What a thread makes; None where nobody waits for it any more: then it is not begun, if that has not been.

    Args:
        future: of a thread's work.
        request: that waits for it.

    Raises:
        Exception: what the work raised.
    """
    made = asyncio.wrap_future(future)
    try:
        with ends_of(request) as ends:
            await asyncio.wait((made, *ends), return_when=asyncio.FIRST_COMPLETED)
        return made.result() if made.done() else None
    finally:
        made.cancel()


@contextmanager
def counted(counts: Counter[str], visitor: str) -> Iterator[None]:
    """One more of a visitor's requests, as long as the block lasts; in the server's event loop only."""
    counts[visitor] += 1
    try:
        yield
    finally:
        counts[visitor] -= 1
        if not counts[visitor]:
            del counts[visitor]


@contextmanager
def ends_of(request: Request) -> Iterator[tuple[asyncio.Future[None], ...]]:
    """What takes the sense from waiting: whoever asked has hung up, or the server is told to stop."""
    ends = (asyncio.ensure_future(_until_disconnected(request)), stop_notice())
    try:
        yield ends
    finally:
        for end in ends:
            end.cancel()


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
