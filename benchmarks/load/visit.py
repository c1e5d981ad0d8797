"""How the pages' components ask the server's routes, and how a visitor learns that a photo has been answered.

As `pages/assets/answer_feed.js` and the feeds of `pages/assets/component.js` do it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from streamlit.proto.Element_pb2 import Element

from benchmarks.load.shown import Feed, component_data, photo_addresses
from benchmarks.load.tab import Follower, Tab
from benchmarks.load.wire import CutError

_PAUSE_SECONDS = 1.0  # after a refusal that names no time
_QUICK_SECONDS, _BUSY_SECONDS = 0.01, 0.25  # between two looks, while few or many photos wait
_NUM_FEW = 3
_IDLE_SECONDS = 60.0
_EXPECTED_SECONDS = 20.0  # after photos were given
_MAX_PICTURES = 12  # cards that a screen shows; those below are drawn when somebody scrolls


@dataclass(slots=True)
class _Known:
    """What a tab knows of the photos of a batch, as one network answers them."""

    version: int = 0
    is_running: bool = False
    ids: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)

    def take(self, told: dict[str, Any]) -> None:
        """Take in what the route has told."""
        self.version, self.is_running = told["version"], told["is_running"]
        self.ids = self.ids if told["photo_ids"] is None else told["photo_ids"]
        self.settled |= {photo["id"] for photo in told["photos"] if photo.get("classes") or photo.get("error")}

    @property
    def num_waiting(self) -> int:
        return sum(photo_id not in self.settled for photo_id in self.ids)


class Visit(Follower):
    """Follows one visitor's photos, and whatever else the components on the page ask for."""

    def __init__(self, on_answer: Callable[[float], None]) -> None:
        """Begin with no photos.

        Args:
            on_answer: called with the milliseconds that a photo took.
        """
        self._on_answer = on_answer
        self._begun: dict[str, float] = {}
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._expected_until = 0.0
        self._given = asyncio.Event()

    def begin(self, name: str) -> None:
        """The upload of a photo begins; names are never used twice."""
        self._begun[name] = time.perf_counter()
        self._awaited[name] = asyncio.get_running_loop().create_future()
        self._expected_until = time.monotonic() + _EXPECTED_SECONDS
        self._given.set()

    async def wait_for(self, name: str, timeout_seconds: float) -> bool:
        """Whether the classes of a photo are there in time."""
        done, _ = await asyncio.wait([self._awaited[name]], timeout=timeout_seconds)
        return bool(done)

    def read(self, tab: Tab, element: Element) -> None:
        """Look whether answers have come with the page itself."""
        if element.WhichOneof("type") == "bidi_component" and '"seed"' in element.bidi_component.json:
            data = component_data(element)
            self._take(tab, data["url"], data["seed"])

    async def ask(self, tab: Tab, feed: Feed) -> None:
        """Ask a route for as long as its component is on the page."""
        try:
            await (_ask_for_progress(tab, feed) if feed.tag else self._ask_for_answers(tab, feed.address))
        except CutError:
            return  # which has been noted

    async def _ask_for_answers(self, tab: Tab, address: str) -> None:
        known = _Known()
        while True:
            answer = await tab.ask(f"{address}?since={known.version}")
            if answer.status_code != HTTPStatus.OK:
                await asyncio.sleep(_pause(answer))
                continue
            told = answer.json()
            known.take(told)
            self._take(tab, address, told)
            if known.num_waiting or known.is_running or time.monotonic() < self._expected_until:
                await asyncio.sleep(_BUSY_SECONDS if known.num_waiting > _NUM_FEW else _QUICK_SECONDS)
            else:
                self._given.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._given.wait(), _IDLE_SECONDS)

    def _take(self, tab: Tab, address: str, told: dict[str, Any]) -> None:
        for photo in told["photos"]:
            if photo.get("classes"):
                self._tell(photo["name"])
            elif photo.get("error"):
                tab.notes.fail("photo", photo["error"])
        for picture in photo_addresses(address, told)[-_MAX_PICTURES:]:
            tab.fetch_soon(picture)

    def _tell(self, name: str) -> None:
        """The classes of a photo are there; what was told before, or comes from elsewhere, counts no more."""
        future = self._awaited.get(name)
        if future is not None and not future.done():
            self._on_answer(1000 * (time.perf_counter() - self._begun[name]))
            future.set_result(None)


async def _ask_for_progress(tab: Tab, feed: Feed) -> None:
    tag, state = feed.tag, feed.state
    while True:
        answer = await tab.ask(f"{feed.address}?since={tag}")
        if answer.status_code == HTTPStatus.OK:
            told = answer.json()
            tag = told["tag"]
            if state and told["state"] != state:
                state = told["state"]
                tab.renew_soon(feed, state)
        elif answer.status_code != HTTPStatus.NOT_MODIFIED:
            await asyncio.sleep(_pause(answer))


def _pause(answer: httpx.Response) -> float:
    """Seconds that the server wants to be left alone."""
    return float(answer.headers.get("Retry-After", _PAUSE_SECONDS))
