"""Threads that all visitors of a server share, and take turns on.

Nothing is queued ahead: whoever has work says so, and is asked for one piece of it when a thread is free. So a visitor
with two thousand photos delays another one's single photo by no more than what is being worked on at that moment.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from core.errors import StorageError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[], None]


class Source(Protocol):
    """What has work for the pool now and then, such as a batch of photos."""

    def take(self) -> Work | None:
        """The next piece of work, taken off what is to be done; None: there is none at present.

        Called by any thread of the pool, several at a time; must not wait. Whoever has nothing is not asked again
        until it is registered once more.
        """


class FairPool:
    """A number of threads whose owners of work take turns; every method may be called from any thread.

    Each piece of work moves its owner one place back, and all places forward by the share that each owner has in it
    (fair queueing with equal costs). So an owner who has just come is served before those who have been served in the
    meantime; whoever comes again and again, with one photo each time, has no more than the others; and however many
    newcomers there are, nobody waits for ever.

    Source: A. Demers, S. Keshav, S. Shenker, "Analysis and Simulation of a Fair Queueing Algorithm", SIGCOMM 1989.
    """

    def __init__(self, num_threads: int, *, name: str = "pool") -> None:
        """Get ready; the threads begin with the first work.

        Args:
            num_threads: pieces of work that are done at the same time, at least 1.
            name: what the threads are called.
        """
        self._num_threads = num_threads
        self._name = name
        self._changed = threading.Condition(threading.Lock())
        # Whose turn comes, by owner: what each has registered, in the order in which it is asked.
        self._waiting: OrderedDict[str, OrderedDict[Source | _Call[Any], None]] = OrderedDict()
        # The place of each owner, and the number of its last turn, by which equals are told apart. Those that lag
        # behind `_now`, where newcomers begin, are forgotten once they wait no more.
        self._places: dict[str, tuple[float, int]] = {}
        self._now = 0.0
        self._num_turns = 0
        self._num_busy = 0  # threads that do not wait
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def register(self, owner: str, source: Source) -> None:
        """Say that a source has work; does no harm where that is known already, or where the pool is closed.

        Args:
            owner: whose turn it is when the source is asked.
            source: is asked until it has nothing. Registered while it is being asked, it is asked once more, so that
                nothing is overlooked that came in just then.
        """
        with self._changed:
            if not self._is_closed:
                self._enter(owner, source)

    def call(self, owner: str, function: Callable[[], Result]) -> Future[Result]:
        """Have a function called when it is its owner's turn.

        The future can be cancelled until then. In a pool that is closed, it fails with `StorageError`.
        """
        call = _Call(function=function, future=Future())
        with self._changed:
            if not self._is_closed:
                self._enter(owner, call)
                return call.future
        call.refuse()
        return call.future

    @property
    def num_waiting(self) -> int:
        """Sources and calls whose turn has not come; a source that is being worked for counts until it has no more."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    @property
    def is_otherwise_idle(self) -> bool:
        """For whoever is asked for work, or does it: whether no other work is being done or waits."""
        with self._changed:
            return self._num_busy <= 1 and not self._waiting

    def close(self) -> None:
        """End once what is being worked on is done; what waits is dropped, and calls fail."""
        with self._changed:
            self._is_closed = True
            dropped = [each for waiting in self._waiting.values() for each in waiting]
            self._waiting.clear()
            self._changed.notify_all()
            threads = self._threads
        for each in dropped:
            if isinstance(each, _Call):
                each.refuse()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def _enter(self, owner: str, item: "Source | _Call[Any]") -> None:
        """Put something behind what its owner has waiting; the caller holds the lock."""
        self._waiting.setdefault(owner, OrderedDict()).setdefault(item)
        place, last_turn = self._places.get(owner, (0.0, 0))
        self._places[owner] = (max(place, self._now), last_turn)
        if not self._threads:
            for number in range(self._num_threads):
                thread = threading.Thread(target=self._serve, name=f"{self._name}-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._changed.notify()

    def _serve(self) -> None:
        """Body of each thread."""
        while (turn := self._next_turn()) is not None:
            owner, item = turn
            try:
                if isinstance(item, _Call):
                    item.run()
                else:
                    self._work_for(owner, item)
            except Exception:
                # Whatever a source meets is told there; a bug must not take a thread from all others.
                logger.exception("Work of the pool %s failed", self._name)
            finally:
                del turn, item  # a thread that waits must not keep what it did last in memory
                with self._changed:
                    self._num_busy -= 1

    def _next_turn(self) -> "tuple[str, Source | _Call[Any]] | None":
        """Whose turn it is; waits for somebody, and is None once the pool is closed."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._changed.wait()
            owner = min(self._waiting, key=self._places.__getitem__)
            self._move_back(owner)
            items = self._waiting[owner]
            item, _ = items.popitem(last=False)
            if not items:
                del self._waiting[owner]
            self._num_busy += 1
            return owner, item

    def _move_back(self, owner: str) -> None:
        """Count a turn of an owner who waits still; the caller holds the lock."""
        place, _ = self._places[owner]
        self._num_turns += 1
        self._now = max(self._now, place) + 1 / len(self._waiting)
        self._places[owner] = (place + 1, self._num_turns)
        # Looking at all of them takes time, and is done now and then.
        if len(self._places) > 2 * len(self._waiting) + 16:
            self._places = {
                known: (place, turn)
                for known, (place, turn) in self._places.items()
                if place > self._now or known in self._waiting
            }

    def _work_for(self, owner: str, source: Source) -> None:
        work = source.take()
        if work is None:
            return
        # Others may work for it at the same time.
        self.register(owner, source)
        work()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Call(Generic[Result]):
    """A function that is called once."""

    function: Callable[[], Result]
    future: "Future[Result]"

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function()
        except BaseException as exc:  # noqa: BLE001 -- whoever waits for the result must hear of it
            self.future.set_exception(exc)
        else:
            self.future.set_result(result)

    def refuse(self) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(StorageError("Bluetit is being stopped. Start it again, then reload this page."))
