"""Requests that wait are answered when the server is told to stop, or it would wait for them."""

import asyncio
import signal
from types import FrameType

import pytest

from pages.server.stopping import give_notice, noticing_signals, stop_notice


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_those_who_wait_and_then_the_server(number: signal.Signals) -> None:
    """So do those who begin to wait when it has come; afterwards everything is as it was before."""
    reached: list[int] = []

    def stop_server(number: int, _: FrameType | None) -> None:
        reached.append(number)

    async def wait() -> None:
        with noticing_signals():
            notice = stop_notice()
            signal.raise_signal(number)
            await asyncio.wait_for(notice, 10)
            assert stop_notice().done()  # of a request that comes afterwards
        assert stop_notice().cancel()  # which was not done

    before = signal.signal(number, stop_server)
    try:
        asyncio.run(wait())
        assert signal.getsignal(number) is stop_server
    finally:
        signal.signal(number, before)
    assert reached == [number]


def test_who_does_not_wait_any_more_is_not_told() -> None:
    """A notice that was cancelled is done with."""

    async def wait() -> bool:
        first, second = stop_notice(), stop_notice()
        first.cancel()
        give_notice()
        await second
        return first.cancelled()

    assert asyncio.run(wait())
