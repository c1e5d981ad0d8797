"""What a page has to say reaches the event loop in order, all of it, and with few wakings."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.app_session import AppSession

from pages.server.gathered_messages import gather_messages

NUM_MESSAGES = 200


@pytest.fixture(autouse=True)
def _gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    call = AppSession._call_soon_on_event_loop
    monkeypatch.setattr(AppSession, "_call_soon_on_event_loop", call)  # put back afterwards
    gather_messages()
    gather_messages()


def session(loop: asyncio.AbstractEventLoop) -> Any:
    """What of a session speaks to the loop."""

    class Session(SimpleNamespace):
        __hash__ = object.__hash__
        say = AppSession._call_soon_on_event_loop

    return Session(_event_loop=loop)


def test_everything_that_is_said_is_heard_in_order_with_few_wakings(monkeypatch: pytest.MonkeyPatch) -> None:
    """From several threads, of which each keeps its order; a callback that fails keeps no other from being heard."""
    heard: list[tuple[int, int]] = []
    wakings: list[object] = []

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        wake = loop.call_soon_threadsafe
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *args: wakings.append(args) or wake(*args))
        said = session(loop)

        def fail() -> None:
            raise ValueError

        def say_all(thread: int) -> None:
            said.say(fail)
            for number in range(NUM_MESSAGES):
                said.say(lambda number=number: heard.append((thread, number)))

        threads = [threading.Thread(target=say_all, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        while len(heard) < 3 * NUM_MESSAGES:
            await asyncio.sleep(0.01)
        for thread in threads:
            thread.join()

    asyncio.run(asyncio.wait_for(listen(), 30))
    for thread in range(3):
        assert [number for of, number in heard if of == thread] == list(range(NUM_MESSAGES))
    assert len(wakings) < NUM_MESSAGES


def test_a_session_whose_loop_has_ended_says_nothing() -> None:
    """As the server stops, pages in the making may still speak."""
    loop = asyncio.new_event_loop()
    loop.close()
    heard: list[int] = []
    session(loop).say(lambda: heard.append(1))
    assert heard == []
