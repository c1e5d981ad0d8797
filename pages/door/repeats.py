"""Forms that are sent twice, by a second press or a reload: each is done once, and answered alike both times."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

_KEPT_SECONDS = 60.0  # an answer may hold the secret of who came in
_MAX_KEPT = 1_024

_Answer = TypeVar("_Answer")


class Repeats(Generic[_Answer]):
    """Answers to the forms of the last minute; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Future[_Answer], float]] = OrderedDict()

    def once(self, mark: str, work: Callable[[], _Answer]) -> _Answer:
        """What was answered to a form, worked out when it comes for the first time; a repeat waits for that.

        Args:
            mark: random, of one form in one browser; empty: the form has none, and is new each time.
            work: does what the form asks for.
        """
        if not mark:
            return work()
        future: Future[_Answer] = Future()
        with self._lock:
            now = self._clock()
            known, since = self._kept.pop(mark, (future, now))
            is_new = known is future or now - since >= _KEPT_SECONDS
            self._kept[mark] = (future, now) if is_new else (known, since)
            while len(self._kept) > _MAX_KEPT or now - next(iter(self._kept.values()))[1] >= _KEPT_SECONDS:
                self._kept.popitem(last=False)
        if not is_new:
            return known.result()
        try:
            future.set_result(work())
        except BaseException as exc:
            future.set_exception(exc)
            raise
        return future.result()
