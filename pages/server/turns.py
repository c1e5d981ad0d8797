"""Pages are made in turn: one at a time, whoever came first before the others, clicks before what renews itself.

Python works on one thing at a time. Thirty pages begun together are all ready when the last one is; made in turn, the
first are ready at once and none later. Besides, a page that looks into the database gives Python away each time, and
gets it back after 5 ms as long as another page is being made; and what the server does in between, such as telling
answers, waits for one page and not for thirty.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st

from core.metrics import PAGE_SECONDS, PAGE_WAIT_SECONDS

# Whoever gives way is taken for somebody who came so much later: before clicks that come after that.
_GIVES_WAY_SECONDS = 2.0
# From one look of somebody who waits, whether they are still wanted, to the next.
_LOOK_SECONDS = 0.1
_DUE = "turns.due"  # of the page of a session that waits for its turn


@dataclass(order=True, slots=True)
class _Entry:
    """Somebody who waits or is at work."""

    due: float  # monotonic seconds; the earliest comes next
    number: int  # tells equals apart
    gives_way: bool = field(compare=False)
    is_called: threading.Event = field(default_factory=threading.Event, compare=False)


class Turns:
    """Who may work now; for use from any thread."""

    def __init__(self, *, num_at_once: int, seconds: float, num_late: int) -> None:
        """Begin with nobody at work.

        Args:
            num_at_once: how many may work at the same time.
            seconds: after which somebody who is still at work counts as late: others need not wait for a page that asks
                a network about hundreds of photos.
            num_late: how many may be late without being waited for. A server that has too much to do makes all pages
                late: more of them at once would make each the later.
        """
        self._num_at_once = num_at_once
        self._seconds = seconds
        self._num_late = num_late
        self._lock = threading.Lock()
        self._waiting: list[_Entry] = []
        self._numbers = itertools.count()
        self._at_work: dict[int, float] = {}  # since when, by the number
        self._renewals_rest_until = 0.0

    @contextmanager
    def taken(
        self, *, gives_way: bool = False, due: float | None = None, while_waiting: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        """Wait for a turn, and have it within the context.

        Args:
            gives_way: to those who come a little later: a page that is made anew by itself, to a person's click. Such
                pages have the server half of the time at most: after each it rests from them as long as that one took.
            due: before whom it is, as `due_at` says; None: as whoever comes now.
            while_waiting: called again and again; what it raises ends the waiting.
        """
        entry = _Entry(due_at(gives_way=gives_way) if due is None else due, next(self._numbers), gives_way)
        with self._lock:
            self._waiting.append(entry)
            self._admit()
        try:
            while not entry.is_called.wait(_LOOK_SECONDS):
                while_waiting()
                with self._lock:
                    self._admit()
            yield
        finally:
            with self._lock:
                if entry in self._waiting:  # whoever waited was told to stop
                    self._waiting.remove(entry)
                begun_at = self._at_work.pop(entry.number, None)
                if gives_way and begun_at is not None:
                    now = time.monotonic()
                    self._renewals_rest_until = now + min(now - begun_at, _GIVES_WAY_SECONDS)
                self._admit()

    @property
    def are_idle(self) -> bool:
        """Whether nobody is at work or waits."""
        with self._lock:
            return not (self._at_work or self._waiting)

    def _admit(self) -> None:
        """Give turns to those who wait, as far as there are any; the caller holds the lock."""
        now = time.monotonic()
        while self._has_room(now):
            able = [each for each in self._waiting if not (each.gives_way and now < self._renewals_rest_until)]
            if not able:
                return
            entry = min(able)
            self._waiting.remove(entry)
            self._at_work[entry.number] = now
            entry.is_called.set()

    def _has_room(self, now: float) -> bool:
        num_late = sum(now - since >= self._seconds for since in self._at_work.values())
        return len(self._at_work) - min(num_late, self._num_late) < self._num_at_once


# Most pages take less than half of that.
PAGE_TURNS = Turns(num_at_once=1, seconds=0.25, num_late=2)


def due_at(*, gives_way: bool) -> float:
    """The place in line of whoever comes now: monotonic seconds, before all that are due later."""
    return time.monotonic() + (_GIVES_WAY_SECONDS if gives_way else 0.0)


@contextmanager
def page_turn(*, gives_way: bool) -> Iterator[float]:
    """The turn of the page of this run; the run ends while it waits if something else is wanted of the page by then.

    The context has the seconds that it waited.

    What is wanted then has the better of both places: a page that is made anew by itself again and again comes to its
    turn, and a click does not lose its place to it.

    Args:
        gives_way: whether the page is made anew by itself.
    """
    asked_at = time.monotonic()
    due = min(due_at(gives_way=gives_way), st.session_state.get(_DUE, float("inf")))
    st.session_state[_DUE] = due
    # Streamlit looks whether the run is wanted still whenever its state is read.
    with PAGE_TURNS.taken(gives_way=gives_way, due=due, while_waiting=lambda: st.session_state.get(_DUE)):
        del st.session_state[_DUE]
        waited_seconds = time.monotonic() - asked_at
        PAGE_WAIT_SECONDS.labels("renewal" if gives_way else "click").observe(waited_seconds)
        with PAGE_SECONDS.time():
            yield waited_seconds
