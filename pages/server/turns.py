"""Pages are made in turn: one at a time, whoever came first before the others, clicks before what renews itself.

Python works on one thing at a time. Thirty pages begun together are all ready when the last one is; made in turn, the
first are ready at once and none later. Besides, a page that looks into the database gives Python away each time, and
gets it back after 5 ms as long as another page is being made; and what the server does in between, such as telling
answers, waits for one page and not for thirty.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Whoever gives way is taken for somebody who came so much later: before clicks that come after that.
_GIVES_WAY_SECONDS = 1.0


class Turns:
    """Who may work now; for use from any thread."""

    def __init__(self, *, num_at_once: int, seconds: float) -> None:
        """Begin with nobody at work.

        Args:
            num_at_once: how many may work at the same time.
            seconds: after which somebody who is still at work counts no more: others need not wait for a page that asks
                a network about hundreds of photos.
        """
        self._num_at_once = num_at_once
        self._seconds = seconds
        self._lock = threading.Lock()
        # A heap, the next one first: by the time of arrival; the number tells equals apart.
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()
        self._at_work: dict[threading.Event, float] = {}  # since when

    @contextmanager
    def taken(self, *, gives_way: bool = False) -> Iterator[None]:
        """Wait for a turn, and have it within the context.

        Args:
            gives_way: to those who come a little later: a page that is made anew by itself, to a person's click.
        """
        mine = threading.Event()
        arrival = time.monotonic() + (_GIVES_WAY_SECONDS if gives_way else 0.0)
        entry = (arrival, next(self._numbers), mine)
        with self._lock:
            heapq.heappush(self._waiting, entry)
            self._admit()
        try:
            while not mine.wait(self._seconds):
                with self._lock:
                    self._admit()
            yield
        finally:
            with self._lock:
                if entry in self._waiting:  # whoever waited was told to stop
                    self._waiting.remove(entry)
                    heapq.heapify(self._waiting)
                self._at_work.pop(mine, None)
                self._admit()

    def _admit(self) -> None:
        """Give turns to those who wait, as far as there are any; the caller holds the lock."""
        now = time.monotonic()
        self._at_work = {each: since for each, since in self._at_work.items() if now - since < self._seconds}
        while self._waiting and len(self._at_work) < self._num_at_once:
            _, _, next_one = heapq.heappop(self._waiting)
            self._at_work[next_one] = now
            next_one.set()


# Most pages take less than half of that.
PAGE_TURNS = Turns(num_at_once=1, seconds=0.25)
