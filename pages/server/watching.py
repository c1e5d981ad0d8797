"""Long polls: what many people watch is read once for all of them, and told to each when something has changed.

A request says what it knows, by the tag of what it was told last, and is answered as soon as there is something else.
Waiting costs no thread: everything here runs in the server's event loop, but for reading, which borrows a thread as
long as it takes. Where the database tells of changes, that is when something is read, and from time to time.
"""

import asyncio
import gzip
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.storage.notices import CHANGES, Notices
from pages.server.json_routes import ANSWER_HEADERS, refusal
from pages.server.waiting import counted, ends_of
from pages.words.telling import Telling, telling_of

# Reads what is told now; called in a thread.
Read = Callable[[], dict[str, Any]]

WAIT_SECONDS = 10.0  # until "nothing new": servers on the way cut connections on which nothing moves for a minute
_MAX_WAITING_OF_VISITOR = 8  # two for each tab that is in sight
_MAX_WAITING = 1_000
_MAX_WATCHED = 256
_FORGET_SECONDS = 60.0
_MIN_PACKED_BYTES = 1_000  # less is one packet anyway
_PACKING_LEVEL = 4

_thread = ThreadPoolExecutor(1, thread_name_prefix="watching")  # more would keep whoever makes pages from working
# After each reading the thread rests as long as that took, or so long: watching, in a server that has too much to do,
# comes after what people do, and then everything is looked at less often.
_LONGEST_REST_SECONDS = 0.1
_NUM_UNTIL_REST = 5  # readings without anything new
# Longest from one reading to the next where changes are heard of, for what changes with time alone and in case that a
# word is lost: while readings tell something new, and afterwards.
_HEARING_SECONDS = 1.5
_HEARING_REST_SECONDS = 5.0
_NUM_UNTIL_HEARING_REST = 2

_TOO_MANY_OF_VISITOR = "This browser watches too much at once. Close some of its tabs."
_TOO_MANY = "So many watch at present that there is no room. It is tried again by itself."


def _anywhere() -> float:
    """A factor by which looks of many who came together do not stay together: what is heard would wait behind them."""
    return random.uniform(0.7, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is told, in the two forms in which browsers take it."""

    telling: Telling
    packed: bytes | None  # with gzip, once for all; None where it is short

    @classmethod
    def of(cls, told: dict[str, Any]) -> "_Answer":
        telling = telling_of(told)
        is_long = len(telling.content) >= _MIN_PACKED_BYTES
        packed = gzip.compress(telling.content, _PACKING_LEVEL, mtime=0) if is_long else None
        return cls(telling=telling, packed=packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How changes of what is watched are heard of."""

    notices: Notices
    topics: frozenset[str]  # of every row that it tells of


class Watched:
    """One thing that may change, read at most so often for all who wait for it.

    While somebody waits, a task reads it whenever it may have changed; it ends when nobody does.
    """

    def __init__(self, read: Read, every_seconds: float, rest_seconds: float, ear: Ear | None = None) -> None:
        """Begin with nothing read.

        Args:
            read: what is told now.
            every_seconds: least from one reading to the next; where changes are not heard of, so often it is read
                while something changes.
            rest_seconds: so often where they are not, and nothing has changed for some readings.
            ear: by which they are heard of; None: they are not.
        """
        self._read = read
        self._every_seconds = every_seconds
        self._rest_seconds = rest_seconds
        self._ear = ear
        self._is_due: asyncio.Event | None = None  # set when it is to be read; while the task listens
        self._was_look = False  # whether it was read last although nothing was heard
        self._num_unchanged = 0  # readings since the last that told something new
        self._latest: _Answer | None = None
        self._read_at = -float("inf")  # by the loop's clock
        self._waiting: dict[asyncio.Future[_Answer], str] = {}  # with the tag that each knows
        self._task: asyncio.Task[None] | None = None
        self.asked_at = 0.0

    async def newer(self, since: str, seconds: float) -> _Answer | None:
        """What is told once it has another tag; None when it has not after so many seconds.

        Raises:
            Exception: what reading raised.
        """
        loop = asyncio.get_running_loop()
        is_fresh = loop.time() - self._read_at < self._every_seconds
        if self._latest is not None and is_fresh and self._latest.telling.tag != since:
            return self._latest
        future: asyncio.Future[_Answer] = loop.create_future()
        self._waiting[future] = since
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._keep_reading())
        elif self._is_due is not None and (self._latest is None or self._latest.telling.tag != since):
            self._is_due.set()  # who comes knows something else than was read last
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(future, None)

    async def _keep_reading(self) -> None:
        loop = asyncio.get_running_loop()
        with self._hearing(loop) as is_certain:
            while self._waiting:
                await self._until_due(is_certain())
                if not self._waiting:
                    return
                if self._is_due is not None:
                    self._is_due.clear()  # before the look: what comes after it is heard
                reading = loop.run_in_executor(_thread, self._read_answer)
                await asyncio.wait((reading,))
                self._read_at = loop.time()
                self._pass_on(reading)

    @contextmanager
    def _hearing(self, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[], bool]]:
        """Hear of changes within the block; gives whether every one is heard of."""
        if self._ear is None:
            yield lambda: False
            return
        is_due = self._is_due = asyncio.Event()
        is_due.set()  # nobody has listened until now

        def wake() -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(is_due.set)

        with closing(self._ear.notices.hear(CHANGES, wake, self._ear.topics)) as hearing:
            try:
                yield lambda: hearing.is_certain
            finally:
                self._is_due = None

    async def _until_due(self, is_certain: bool) -> None:
        is_at_rest = self._num_unchanged >= (_NUM_UNTIL_HEARING_REST if is_certain else _NUM_UNTIL_REST)
        since_reading = asyncio.get_running_loop().time() - self._read_at
        if self._is_due is None or not is_certain:
            await asyncio.sleep((self._rest_seconds if is_at_rest else self._every_seconds) - since_reading)
            return
        # A look that nobody asked for holds nobody up.
        least_seconds = 0.0 if self._was_look else self._every_seconds
        await asyncio.sleep(least_seconds - since_reading)
        longest_seconds = max(self._every_seconds, _HEARING_REST_SECONDS if is_at_rest else _HEARING_SECONDS)
        self._was_look = False
        try:
            since_reading = max(since_reading, least_seconds)
            await asyncio.wait_for(self._is_due.wait(), longest_seconds * _anywhere() - since_reading)
        except TimeoutError:
            self._was_look = True

    def _pass_on(self, reading: asyncio.Future[_Answer]) -> None:
        """Answer whoever does not know yet what was read; where that failed, all are told why."""
        error = reading.exception()
        known, self._latest = self._latest, None if error is not None else reading.result()
        is_same = known is not None and self._latest is not None and known.telling.tag == self._latest.telling.tag
        self._num_unchanged = self._num_unchanged + 1 if is_same else 0
        for future, since in self._waiting.items():
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            elif since != reading.result().telling.tag:
                future.set_result(reading.result())

    def _read_answer(self) -> _Answer:
        time.sleep(max(0.0, min(_rest.until - time.monotonic(), _LONGEST_REST_SECONDS)))
        began_at = time.monotonic()
        try:
            return _Answer.of(self._read())
        finally:
            ended_at = time.monotonic()
            _rest.until = 2 * ended_at - began_at


@dataclass(slots=True)
class _Rest:
    """Of the thread that reads, which alone looks at it."""

    until: float = 0.0  # monotonic seconds


_rest = _Rest()


class WatchDesk:
    """Everything that is watched in this server, and how much each visitor waits for."""

    def __init__(self) -> None:
        self._watched: OrderedDict[tuple[object, ...], Watched] = OrderedDict()
        self._waiting: Counter[str] = Counter()  # requests that are open, by visitor

    async def answer(
        self,
        request: Request,
        visitor: str,
        key: tuple[object, ...],
        read: Read,
        *,
        every_seconds: float,
        rest_seconds: float | None = None,
        ear: Ear | None = None,
    ) -> Response:
        """What is told, as soon as it is something else than the request knows; 304 when that takes too long.

        Args:
            request: with the tag that it knows as the parameter `since`.
            visitor: who asks.
            key: of what is watched; others with the same key are told the same.
            read: tells what there is now, or raises a `BluetitError`.
            every_seconds: at most so often it is read.
            rest_seconds: so often where it has not changed for a while, as of a training that waits; None: as ever.
            ear: by which it is heard that it may have changed; None: it is looked at again and again.
        """
        if self._waiting[visitor] >= _MAX_WAITING_OF_VISITOR:
            return refusal(_TOO_MANY_OF_VISITOR, 429, {"Retry-After": "2"})
        if self._waiting.total() >= _MAX_WAITING:
            return refusal(_TOO_MANY, 503, {"Retry-After": "5"})
        watched = self.find(key, read, every_seconds, rest_seconds, ear)
        waiting = asyncio.ensure_future(watched.newer(request.query_params.get("since", ""), WAIT_SECONDS))
        try:
            with counted(self._waiting, visitor), ends_of(request) as ends:
                await asyncio.wait((waiting, *ends), return_when=asyncio.FIRST_COMPLETED)
            answer = waiting.result() if waiting.done() else None
        finally:
            waiting.cancel()
        return _respond(request, answer)

    def find(
        self,
        key: tuple[object, ...],
        read: Read,
        every_seconds: float,
        rest_seconds: float | None = None,
        ear: Ear | None = None,
    ) -> Watched:
        """What is watched under a key, for a while after somebody asked last."""
        now = time.monotonic()
        watched = self._watched.pop(key, None)
        if watched is None:
            watched = Watched(read, every_seconds, rest_seconds or every_seconds, ear)
        watched.asked_at = now
        self._watched[key] = watched
        oldest = next(iter(self._watched.values()))
        while len(self._watched) > _MAX_WATCHED or now - oldest.asked_at > _FORGET_SECONDS:
            self._watched.popitem(last=False)
            oldest = next(iter(self._watched.values()))
        return watched


def _respond(request: Request, answer: _Answer | None) -> Response:
    if answer is None:
        return Response(status_code=304, headers=ANSWER_HEADERS)
    headers = {**ANSWER_HEADERS, "ETag": f'"{answer.telling.tag}"', "Vary": "Accept-Encoding"}
    if answer.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.packed, media_type="application/json", headers=headers)
    return Response(answer.telling.content, media_type="application/json", headers=headers)
