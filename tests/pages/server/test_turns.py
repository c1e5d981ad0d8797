"""Turns: one at a time in the order of arrival, and nobody for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from pages.server.turns import Turns
from tests.waiting import wait_until

LONG_SECONDS = 60.0


def test_turns_come_one_at_a_time_in_the_order_of_arrival():
    """Whoever came first is ready first."""
    turns, order, may_end = Turns(num_at_once=1, seconds=LONG_SECONDS, num_late=1), [], threading.Event()

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
    turns, order = Turns(num_at_once=1, seconds=LONG_SECONDS, num_late=1), []

    def work(name: str) -> None:
        with turns.taken(gives_way=name != "click"):
            order.append(name)

    with ThreadPoolExecutor(3) as pool, turns.taken():
        for number, name in enumerate(("first renewal", "second renewal", "click"), start=1):
            pool.submit(work, name)
            wait_until(lambda number=number: len(turns._waiting) == number)
    assert order == ["click", "first renewal", "second renewal"]


def test_somebody_who_takes_long_holds_up_nobody():
    """A page that asks a network about hundreds of photos goes on, and others are made meanwhile."""
    turns = Turns(num_at_once=1, seconds=0.01, num_late=1)
    with turns.taken(), ThreadPoolExecutor(1) as pool:

        def work() -> str:
            with turns.taken():
                return "done"

        assert pool.submit(work).result(LONG_SECONDS) == "done"


def test_a_page_that_fails_gives_its_turn_back():
    """The next one is made as if nothing had been."""
    turns = Turns(num_at_once=1, seconds=LONG_SECONDS, num_late=1)
    with pytest.raises(ValueError, match="broken"), turns.taken():
        raise ValueError("broken")
    with turns.taken():
        assert len(turns._at_work) == 1
    assert not turns._at_work


def test_of_those_who_take_long_few_are_not_waited_for():
    """A server that has too much to do makes every page late: more of them at once would be later still."""
    turns = Turns(num_at_once=1, seconds=0.01, num_late=1)
    with ThreadPoolExecutor(1) as pool, ExitStack() as late:
        for _ in range(2):
            late.enter_context(turns.taken())
        third = pool.submit(lambda: turns.taken().__enter__())
        with pytest.raises(TimeoutError):
            third.result(0.5)
        late.close()
        third.result(LONG_SECONDS)


def test_pages_that_renew_themselves_leave_half_of_the_time_to_clicks():
    """After a renewal its length passes before the next one, but not before a click."""
    turns, order = Turns(num_at_once=1, seconds=LONG_SECONDS, num_late=1), []

    def work(name: str) -> None:
        with turns.taken(gives_way=name == "renewal", due=0.0 if name == "renewal" else None):
            order.append(name)

    with ThreadPoolExecutor(2) as pool:
        with turns.taken(gives_way=True):
            time.sleep(0.5)
        pool.submit(work, "renewal")
        wait_until(lambda: len(turns._waiting) == 1)
        pool.submit(work, "click").result(LONG_SECONDS)
        assert order == ["click"]
    assert order == ["click", "renewal"]


def test_somebody_who_is_not_wanted_any_more_leaves_the_line():
    """A page that waits ends when another click has come; it keeps nobody from their turn."""
    turns = Turns(num_at_once=1, seconds=LONG_SECONDS, num_late=1)

    def leave() -> None:
        raise KeyError("not wanted")

    with turns.taken(), pytest.raises(KeyError), turns.taken(while_waiting=leave):
        raise AssertionError("had a turn")
    with turns.taken():
        assert len(turns._at_work) == 1
