"""Requests that wait are answered when the server is told to stop, or it would wait for them."""

import asyncio
import signal
from types import FrameType

import pytest

from pages.server import stopping
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


@pytest.mark.parametrize(
    ("numbers", "is_awaited"),
    [
        ([signal.SIGTERM], True),
        ([signal.SIGTERM, signal.SIGTERM], False),
        ([signal.SIGTERM, signal.SIGINT], False),
        ([signal.SIGINT], False),
    ],
    ids=["asked", "asked twice", "asked and pressed", "pressed"],
)
def test_what_has_been_begun_is_finished_first(
    numbers: list[signal.Signals], is_awaited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told once nothing has been under way for a moment; whoever insists is obeyed at once."""
    monkeypatch.setattr(stopping, "_QUIET_SECONDS", 0.0)
    reached: list[int] = []
    work = iter([True, True, False])

    async def wait() -> tuple[bool, bool]:
        with noticing_signals(is_busy=lambda: next(work, False), longest_seconds=lambda: 60.0):
            notice = stop_notice()
            for number in numbers:
                signal.raise_signal(number)
            told = (stopping.is_stopping(), bool(reached))
            await asyncio.wait_for(notice, 10)
            return told

    handlers = {number: signal.signal(number, lambda number, _: reached.append(number)) for number in set(numbers)}
    try:
        assert asyncio.run(wait()) == (True, not is_awaited)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert reached[-1] == numbers[-1]


def test_who_does_not_wait_any_more_is_not_told() -> None:
    """A notice that was cancelled is done with."""

    async def wait() -> bool:
        first, second = stop_notice(), stop_notice()
        first.cancel()
        give_notice()
        await second
        return first.cancelled()

    assert asyncio.run(wait())
