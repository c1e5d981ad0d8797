"""A browser's tab, as the server sees one: runs of the page and its timers, uploads, and what components fetch.

Scripts, styles and fonts are not fetched: a browser keeps them.
"""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX

from benchmarks.load.notes import Notes
from benchmarks.load.shown import Feed, Shown, error_text, picture_addresses
from benchmarks.load.wire import CutError, Wire

_TIMEOUT_SECONDS = 60.0  # for a run of the page
# What every page of somebody who was let in asks besides (`pages/assets/presence.js`).
PRESENCE = Feed(address="bluetit/presence", tag="new")
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Follower:
    """What a tab does with what components tell; nothing, unless somebody says otherwise."""

    async def ask(self, tab: "Tab", feed: Feed) -> None:
        """Ask a route for as long as a component on the page does; cancelled when the component goes."""

    def read(self, tab: "Tab", element: Element) -> None:
        """Look at an element that has come."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Rerun:
    """A run of the page that somebody waits for."""

    fragment_id: str  # empty: of the whole page
    is_under_way: bool = False
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Tab:
    """One tab of one visitor, with cookies of its own; a context within which it is open."""

    def __init__(self, url: str, notes: Notes, follower: Follower, secret: str | None = None) -> None:
        """Begin with an empty tab.

        Args:
            url: of the app, without a slash at its end.
            notes: where errors go, and what is counted.
            follower: asks the routes that a page's components ask.
            secret: the cookie of a browser that was let in; None: it has none.
        """
        self.shown = Shown()
        self.notes = notes
        self._url = url
        self._secret = secret
        self._follower = follower
        self._following: dict[str, asyncio.Task[None]] = {}
        self._pages: dict[str, str] = {}  # last part of the address to the page's hash
        self._page_hash = ""
        self.query = ""  # of the page's address
        self._session_id = ""
        self._states: dict[str, WidgetState] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._waiting: list[_Rerun] = []
        self._file_urls: dict[str, asyncio.Future[list[FileURLs]]] = {}
        self._fetched: set[str] = set()
        self._renewals: dict[str, str] = {}  # by address of the route: the state that waits for its renewal
        self._renewing: set[str] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        # As components number what they report, for `pages.widgets.browser_component`.
        self._sender = uuid.uuid4().hex
        self._event_numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._wire = await Wire.open(self._url, self.notes, self._secret)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [self._reader, *self._timers.values(), *self._following.values(), *self._jobs]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._wire.close()

    # What a person does

    async def open(self, page: str, query: str = "") -> None:
        """Go to a page by the last part of its address."""
        self.query = query
        self._page_hash = self._pages.get(page, "")
        await self._rerun(page_name=page)

    async def press(self, label: str) -> None:
        """Press the button that says so."""
        piece = next((each for each in self.shown.pieces("button") if each.element.button.label == label), None)
        if piece is None:
            self.notes.fail("no button", f"There is no button {label!r} on the page.")
            return
        state = WidgetState(id=piece.element.button.id, trigger_value=True)
        await self._rerun(fragment_id=piece.fragment_id, trigger=state)

    async def upload(
        self, files: Sequence[tuple[str, bytes]], *, on_start: Callable[[str], None], into: str = ""
    ) -> None:
        """Put files into a box of the page.

        Args:
            files: name and content of each.
            on_start: called with a file's name when its upload begins.
            into: how the text beside the box begins.
        """
        boxes = self.shown.pieces("file_uploader")
        piece = next((each for each in boxes if each.element.file_uploader.label.startswith(into)), None)
        if piece is None:
            self.notes.fail("no box", "The page has no box for files.")
            return
        places = await self._ask_for_places([name for name, _ in files])
        state = WidgetState(id=piece.element.file_uploader.id)
        for (name, data), place in zip(files, places, strict=True):
            on_start(name)
            await self._wire.request("PUT", place.upload_url, files={"file": (quote(name), data)})
            state.file_uploader_state_value.uploaded_file_info.add(
                name=name, size=len(data), file_id=place.file_id, file_urls=place
            )
        self._states[state.id] = state
        await self._rerun(fragment_id=piece.fragment_id)

    async def _ask_for_places(self, names: Sequence[str]) -> list[FileURLs]:
        """Where files can be put."""
        request = BackMsg()
        request.file_urls_request.request_id = f"request-{len(self._file_urls)}"
        request.file_urls_request.file_names.extend(names)
        request.file_urls_request.session_id = self._session_id
        future: asyncio.Future[list[FileURLs]] = asyncio.get_running_loop().create_future()
        self._file_urls[request.file_urls_request.request_id] = future
        await self._wire.send(request)
        await self._wait(future, "the addresses for files")
        return future.result()

    # What its components and the browser do by themselves

    async def ask(self, address: str) -> Any:
        """Ask a route for a component; the answer of `Wire.request`."""
        return await self._wire.request("GET", address)

    async def send(self, method: str, address: str, content: bytes) -> Any:
        """Send something to a route; the answer of `Wire.request`."""
        return await self._wire.request(method, address, content=content)

    def fetch_soon(self, address: str) -> None:
        """Fetch a picture, unless the tab has it."""
        if address not in self._fetched:
            self._fetched.add(address)
            self._start(self._fetch(address))

    async def _fetch(self, address: str) -> None:
        try:
            await self.ask(address)
        except CutError:
            return  # which has been noted

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    def _follow_routes(self) -> None:
        wanted = self.shown.feeds()
        if self._secret is not None:
            wanted[PRESENCE.address] = PRESENCE
        for address in self._following.keys() - wanted.keys():
            self._following.pop(address).cancel()
        for address in wanted.keys() - self._following.keys():
            self._following[address] = asyncio.create_task(self._follower.ask(self, wanted[address]))

    def renew_soon(self, feed: Feed, state: str) -> None:
        """Have the page made anew, as a component does when a training has come into another state."""
        self._renewals[feed.address] = state
        if feed.address not in self._renewing:
            self._renewing.add(feed.address)
            self._start(self._renew_all(feed))

    async def _renew_all(self, feed: Feed) -> None:
        while feed.address in self._renewals:
            await self._renew(feed, self._renewals.pop(feed.address))
        self._renewing.discard(feed.address)

    async def _renew(self, feed: Feed, state: str) -> None:
        event = {"number": next(self._event_numbers), "name": "changed", "payload": state}
        told = [{"event": "events", "value": {"sender": self._sender, "events": [event]}}]
        trigger = WidgetState(
            id=f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{feed.component_id}__events", json_trigger_value=json.dumps(told)
        )
        try:
            self.notes.renewal_ms.append(await self._wait_for_run(fragment_id=feed.fragment_id, trigger=trigger))
        except CutError:
            return  # which has been noted

    # Runs of the page

    async def _rerun(self, *, page_name: str = "", fragment_id: str = "", trigger: WidgetState | None = None) -> None:
        """A run that a person asks for."""
        self.notes.rerun_ms.append(
            await self._wait_for_run(page_name=page_name, fragment_id=fragment_id, trigger=trigger)
        )

    async def _wait_for_run(
        self, *, page_name: str = "", fragment_id: str = "", trigger: WidgetState | None = None
    ) -> float:
        """Milliseconds that a run takes, from asking for it."""
        started = time.perf_counter()
        rerun = _Rerun(fragment_id=fragment_id)
        self._waiting.append(rerun)
        await self._ask_for_run(page_name=page_name, fragment_id=fragment_id, trigger=trigger)
        await self._wait(rerun.done, "a run of the page")
        return 1000 * (time.perf_counter() - started)

    async def _ask_for_run(
        self, *, page_name: str = "", fragment_id: str = "", is_auto: bool = False, trigger: WidgetState | None = None
    ) -> None:
        state = ClientState(
            query_string=self.query,
            page_script_hash=self._page_hash,
            page_name=page_name,
            fragment_id=fragment_id,
            is_auto_rerun=is_auto,
        )
        state.context_info.url = f"{self._url}/"
        state.context_info.timezone = "UTC"
        state.widget_states.widgets.extend([*self._states.values(), *([trigger] if trigger else [])])
        await self._wire.send(BackMsg(rerun_script=state))

    async def _wait(self, future: asyncio.Future[Any], what: str) -> None:
        """Wait for something, unless it takes too long or the connection ends before."""
        await asyncio.wait([future, self._reader], timeout=_TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return
        if self._reader.done():
            self._reader.result()  # a bug of this client's ends the measurement
        else:
            self.notes.fail("no answer", f"{what} has not come within {_TIMEOUT_SECONDS:.0f} s.")
        raise CutError(what)

    async def _tick(self, fragment_id: str, seconds: float) -> None:
        """A timer of the page: it asks again and again, whether the last time was answered or not."""
        due = time.monotonic()
        while True:
            due += seconds
            await asyncio.sleep(due - time.monotonic())
            self.notes.num_ticks += 1
            try:
                await self._ask_for_run(fragment_id=fragment_id, is_auto=True)
            except CutError:
                return  # which whoever reads has noted

    # Messages

    async def _read(self) -> None:
        async for message in self._wire.messages():
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._begin(message)
            case "delta":
                element = self.shown.take(tuple(message.metadata.delta_path), message.delta)
                if element is not None:
                    self._look_at(element)
            case "script_finished":
                self._finish(message.script_finished)
            case "navigation":
                self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
                self._page_hash = message.navigation.page_script_hash
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "page_not_found":
                self.notes.fail("page not found", str(message.page_not_found))
            case "file_urls_response":
                answer = message.file_urls_response
                self._file_urls[answer.response_id].set_result(list(answer.file_urls))
            case "auto_rerun":
                self._set_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "stop_auto_rerun":
                for fragment_id in message.stop_auto_rerun.fragment_ids:
                    self._stop_timer(fragment_id)

    def _begin(self, message: ForwardMsg) -> None:
        fragment_ids = tuple(message.metadata.run.fragment_ids)
        self._session_id = message.new_session.initialize.session_id or self._session_id
        if not fragment_ids:
            for fragment_id in list(self._timers):
                self._stop_timer(fragment_id)
        self.shown.begin(fragment_ids)
        for rerun in self._waiting:
            rerun.is_under_way |= not fragment_ids or rerun.fragment_id in fragment_ids

    def _look_at(self, element: Element) -> None:
        sentence = error_text(element)
        if sentence is not None:
            self.notes.fail("shown", sentence)
        for address in picture_addresses(element):
            self.fetch_soon(address)
        self._follower.read(self, element)

    def _finish(self, status: "ForwardMsg.ScriptFinishedStatus.ValueType") -> None:
        if status not in _DONE:
            return  # another run follows at once
        if status == ForwardMsg.FINISHED_SUCCESSFULLY:
            self._wire.count_run()
        self.shown.finish()
        self._follow_routes()
        boxes = {piece.element.file_uploader.id for piece in self.shown.pieces("file_uploader")}
        self._states = {key: state for key, state in self._states.items() if key in boxes}  # others have gone
        ended = [rerun for rerun in self._waiting if rerun.is_under_way]
        self._waiting = [rerun for rerun in self._waiting if not rerun.is_under_way]
        for rerun in ended:
            rerun.done.set_result(None)

    def _set_timer(self, fragment_id: str, seconds: float) -> None:
        self._stop_timer(fragment_id)
        self._timers[fragment_id] = asyncio.create_task(self._tick(fragment_id, seconds))

    def _stop_timer(self, fragment_id: str) -> None:
        timer = self._timers.pop(fragment_id, None)
        if timer is not None:
            timer.cancel()
