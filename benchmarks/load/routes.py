"""How the pages' components ask the server's routes, and how a visitor learns that a photo has been answered."""

import asyncio
import re
import time
from collections.abc import Callable
from http import HTTPStatus

from streamlit.proto.Element_pb2 import Element

from benchmarks.load.tab import Follower, Tab
from benchmarks.load.wire import CutError

_PICTURE_SIDE_PX = 640
_PAUSE_SECONDS = 1.0  # after a refusal that names no time
_CAPTION = re.compile(r"^(?P<name>.+) · \d+ ms \(reading \d+, network \d+\)$")


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

    def begin(self, name: str) -> None:
        """The upload of a photo begins; names are never used twice."""
        self._begun[name] = time.perf_counter()
        self._awaited[name] = asyncio.get_running_loop().create_future()

    async def wait_for(self, name: str, timeout_seconds: float) -> bool:
        """Whether the classes of a photo are there in time."""
        done, _ = await asyncio.wait([self._awaited[name]], timeout=timeout_seconds)
        return bool(done)

    def _tell(self, name: str) -> None:
        """The classes of a photo are there; what was told before, or comes from elsewhere, counts no more."""
        future = self._awaited.get(name)
        if future is not None and not future.done():
            self._on_answer(1000 * (time.perf_counter() - self._begun[name]))
            future.set_result(None)

    def read(self, element: Element) -> None:
        """Look whether a card has come."""
        if element.WhichOneof("type") == "markdown":
            match = _CAPTION.match(element.markdown.body.replace("\\", ""))
            if match:
                self._tell(match["name"])

    async def ask(self, tab: Tab, address: str) -> None:
        """Ask a route for as long as its component is on the page."""
        try:
            await (self._ask_for_answers(tab, address) if "/answers/" in address else _ask_for_progress(tab, address))
        except CutError:
            return  # which has been noted

    async def _ask_for_answers(self, tab: Tab, address: str) -> None:
        version = 0
        batch = address.rsplit("/", 1)[0]
        while True:
            answer = await tab.ask(f"{address}?since={version}")
            if answer.status_code != HTTPStatus.OK:
                await asyncio.sleep(float(answer.headers.get("Retry-After", _PAUSE_SECONDS)))
                continue
            told = answer.json()
            version = told["version"]
            for photo in told["photos"]:
                if photo.get("classes"):
                    self._tell(photo["name"])
                elif photo.get("error"):
                    tab.notes.fail("photo", photo["error"])
                if photo["has_picture"]:
                    tab.fetch_soon(f"{batch}/photos/{photo['id']}.jpg?side={_PICTURE_SIDE_PX}")


async def _ask_for_progress(tab: Tab, address: str) -> None:
    tag, state = "", None
    while True:
        answer = await tab.ask(f"{address}?since={tag}")
        if answer.status_code == HTTPStatus.OK:
            told = answer.json()
            tag = told["tag"]
            if state not in (None, told["state"]):
                await tab.renew()
            state = told["state"]
        elif answer.status_code != HTTPStatus.NOT_MODIFIED:
            await asyncio.sleep(float(answer.headers.get("Retry-After", _PAUSE_SECONDS)))
