"""The line between one browser and the server: cookies, plain requests, and Streamlit's WebSocket with its messages.

A browser keeps large messages, and the server sends a mark in place of one that it knows to be kept.
"""

from collections.abc import AsyncIterator
from typing import Any, Self

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin, Subprotocol

from benchmarks.load.notes import Notes
from pages.server.visitor import COOKIE_NAME

_TIMEOUT_SECONDS = 60.0
_MAX_CONNECTIONS = 6  # which a browser opens to one server
_KEPT_OPEN_SECONDS = 3.0  # less than the server's five: a browser asks again where both act at the same moment
_MAX_KEPT_RUNS = 2  # how long browsers keep messages that no page shows any more, as the server tells them by default
_XSRF_COOKIE = "_streamlit_xsrf"
_UNAVAILABLE = 503  # for the moment, with the time to wait: no failure


class CutError(Exception):
    """The server has cut the line, or does not answer any more."""


class Wire:
    """The line of one tab."""

    def __init__(self, url: str, notes: Notes, http: httpx.AsyncClient, socket: ClientConnection) -> None:
        """Use an open line; `open` makes one."""
        self.url = url
        self._notes = notes
        self._http = http
        self._socket = socket
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}  # by hash: the message, and the last run that showed it
        self._num_runs = 0

    @classmethod
    async def open(cls, url: str, notes: Notes, secret: str | None = None) -> Self:
        """Ask for the page, as a browser does that has no cookies of Streamlit's yet, and connect.

        Args:
            url: of the app, without a slash at its end.
            notes: where errors go, and what is counted.
            secret: the cookie of a browser that was let in; None: it has none.

        Raises:
            CutError: nobody answers.
        """
        http = httpx.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=_MAX_CONNECTIONS, keepalive_expiry=_KEPT_OPEN_SECONDS),
            verify=False,  # there is nothing to verify, and preparing for it takes longer than a request
        )
        try:
            for path, accepted in (("/", "text/html"), ("/_stcore/health", "*/*"), ("/_stcore/host-config", "*/*")):
                headers = {"Accept": accepted}
                if path == "/" and secret is not None:
                    headers["Cookie"] = f"{COOKIE_NAME}={secret}"  # which comes back, to be kept for another while
                (await http.get(path, headers=headers)).raise_for_status()
            cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
            socket = await connect(
                f"{url.replace('http', 'ws', 1)}/_stcore/stream",
                origin=Origin(url),
                subprotocols=[Subprotocol("streamlit"), Subprotocol(http.cookies[_XSRF_COOKIE])],
                additional_headers={"Cookie": cookies},
                max_size=None,
                open_timeout=_TIMEOUT_SECONDS,
                proxy=None,
            )
            for cookie in socket.response.headers.get_all("Set-Cookie") if socket.response is not None else ():
                name, _, value = cookie.partition(";")[0].partition("=")
                http.cookies.set(name, value)  # a balancer says which server has taken the page
        except (httpx.HTTPError, WebSocketException, OSError) as exc:
            await http.aclose()
            notes.fail("connect", f"{type(exc).__name__}: {exc}")
            raise CutError(str(exc)) from exc
        return cls(url, notes, http, socket)

    async def close(self) -> None:
        """Let go."""
        await self._socket.close()
        await self._http.aclose()

    async def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        """Ask the server; a refusal counts as an error, but for those that ask to wait.

        Args:
            method: of HTTP.
            address: relative to the page.
            options: of `httpx`.

        Raises:
            CutError: there is no answer.
        """
        self._notes.num_requests += 1
        headers = {**options.pop("headers", {}), "X-Xsrftoken": self._http.cookies[_XSRF_COOKIE]}
        try:
            answer = await self._http.request(method, f"/{address.lstrip('/')}", headers=headers, **options)
        except httpx.HTTPError as exc:
            self._notes.fail("request", f"{method} {address}: {type(exc).__name__} {exc}")
            raise CutError(str(exc)) from exc
        if answer.is_error and answer.status_code != _UNAVAILABLE:
            self._notes.fail(f"request {answer.status_code}", f"{method} {address}: {answer.text}")
        return answer

    async def send(self, message: BackMsg) -> None:
        """Send a message; what is kept here is told with it where the server wants to know.

        Raises:
            CutError: there is no connection any more.
        """
        if message.WhichOneof("type") == "rerun_script":
            told = [key for key, kept in self._kept.items() if self._num_runs - kept[1] <= _MAX_KEPT_RUNS]
            message.rerun_script.cached_message_hashes.extend(told)
        try:
            await self._socket.send(message.SerializeToString())
        except ConnectionClosed as exc:
            raise CutError(str(exc)) from exc

    async def messages(self) -> AsyncIterator[ForwardMsg]:
        """What the server sends, until the connection ends, which is an error."""
        try:
            async for data in self._socket:
                self._notes.num_bytes += len(data)
                yield self._whole(ForwardMsg.FromString(data))
            self._notes.fail("dropped", "The server has closed a connection.")
        except ConnectionClosed as exc:
            self._notes.fail("dropped", f"A connection was cut: {exc}")

    def _whole(self, message: ForwardMsg) -> ForwardMsg:
        """A message, or the one that it stands for."""
        message_hash = message.ref_hash or message.hash
        if message.WhichOneof("type") == "ref_hash":
            known, _ = self._kept[message_hash]
            whole = ForwardMsg()
            whole.CopyFrom(known)
            whole.metadata.CopyFrom(message.metadata)
            message = whole
        if message.metadata.cacheable:
            self._kept[message_hash] = (message, self._num_runs)
        return message

    def count_run(self) -> None:
        """The whole page has been made anew to its end: messages that it has not shown for a while go."""
        self._num_runs += 1
        # What the server was told of stays until the runs that were asked for by then are over.
        longest = 2 * _MAX_KEPT_RUNS
        self._kept = {key: kept for key, kept in self._kept.items() if self._num_runs - kept[1] <= longest}
