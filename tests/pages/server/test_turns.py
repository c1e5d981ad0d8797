"""Turns: one at a time in the order of arrival, and nobody for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pages.server.turns import Turns
from tests.waiting import wait_until

LONG_SECONDS = 60.0


def test_turns_come_one_at_a_time_in_the_order_of_arrival():
    """Whoever came first is ready first."""
    turns, order, may_end = Turns(num_at_once=1, seconds=LONG_SECONDS), [], threading.Event()

    def work(number: int) -> None:
        with turns.taken():
            order.append(number)
            may_end.wait(LONG_SECONDS)

    with ThreadPoolExecutor(3) as pool:
        jobs = []
        for number in range(3):
            jobs.append(pool.submit(work, number))
            wait_until(lambda: len(turns._waiting) + len(turns._at_work) == len(jobs))
        assert order == [0]
        may_end.set()
    assert order == [0, 1, 2]


def test_what_renews_itself_gives_way_to_clicks():
    """When a training ends, the pages of all who watch it are made anew: a click is not the last of them."""
    turns, order = Turns(num_at_once=1, seconds=LONG_SECONDS), []

    def work(name: str) -> None:
        with turns.taken(gives_way=name != "click"):
            order.append(name)

    with turns.taken(), ThreadPoolExecutor(3) as pool:
        for number, name in enumerate(("first renewal", "second renewal", "click"), start=1):
            pool.submit(work, name)
            wait_until(lambda number=number: len(turns._waiting) == number)
        turns._at_work.clear()
        with turns._lock:
            turns._admit()
    assert order == ["click", "first renewal", "second renewal"]


def test_somebody_who_takes_long_holds_up_nobody():
    """A page that asks a network about hundreds of photos goes on, and others are made meanwhile."""
    turns = Turns(num_at_once=1, seconds=0.01)
    with turns.taken(), ThreadPoolExecutor(1) as pool:

        def work() -> str:
            with turns.taken():
                return "done"

        assert pool.submit(work).result(LONG_SECONDS) == "done"


def test_a_page_that_fails_gives_its_turn_back():
    """The next one is made as if nothing had been."""
    turns = Turns(num_at_once=1, seconds=LONG_SECONDS)
    with pytest.raises(ValueError, match="broken"), turns.taken():
        raise ValueError("broken")
    with turns.taken():
        assert len(turns._at_work) == 1
    assert not turns._at_work
