"""A server that is told to stop finishes what it has begun, and sends whoever is new to another."""

import asyncio
from collections.abc import Mapping, MutableMapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pages.server import leaving, stopping
from pages.server.leaving import Leaving, is_finishing, longest_seconds
from tests.pages.server.route_visits import fetch

UPLOAD = "/photos/_stcore/upload_file/session/file"
PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def is_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the signal had come."""
    monkeypatch.setattr(stopping, "_signals", {15})


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Whether photos are being answered, and how long they may take."""
    made = SimpleNamespace(batches=SimpleNamespace(is_answering=False), settings=SimpleNamespace(stop_wait_seconds=7.0))
    monkeypatch.setattr(leaving, "services_if_open", lambda: made)
    return made


async def _tell_busy(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse(str(is_finishing()))


ROUTES = [Route("/{path:path}", _tell_busy, methods=["GET", "PUT"])]


def ask(path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    """What a browser is answered."""
    return fetch(path, ROUTES, method=method, body=b"photo", middleware=[Middleware(Leaving)], **headers)


def connect(extensions: Mapping[str, object]) -> list[Mapping[str, object]]:
    """What is sent to a browser that opens the connection on which a page lives.

    Args:
        extensions: of the server.
    """
    sent: list[Mapping[str, object]] = []

    async def serve(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": [], "extensions": extensions}
    asyncio.run(Leaving(serve)(scope, receive, send))
    return sent


def test_everybody_is_served_until_then(services: SimpleNamespace) -> None:
    """Pages, their connections, and what they ask for."""
    assert ask("/", **PAGE).status_code == 200
    assert connect({}) == [{"type": "websocket.accept"}]


@pytest.mark.usefixtures("is_stopping")
def test_new_visitors_are_sent_elsewhere(services: SimpleNamespace) -> None:
    """With the status by which a balancer asks the next server, for a page as for its connection; whoever has a page
    open already is answered."""
    refused = ask("/", **PAGE)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "Reload the page" in refused.text
    denied = connect({"websocket.http.response": {}})
    assert (denied[0]["type"], denied[0]["status"]) == ("websocket.http.response.start", 503)
    assert connect({}) == [{"type": "websocket.close", "code": 1012}]  # of a server that knows no status there
    assert ask("/bluetit/answers/a/b").status_code == 200
    assert ask(UPLOAD, method="PUT").status_code == 200


def test_what_is_under_way(services: SimpleNamespace) -> None:
    """An upload while it arrives, and photos that are being answered; nothing else keeps a server."""
    assert not is_finishing()
    assert ask(UPLOAD, method="PUT").text == "True"
    assert ask("/bluetit/answers/a/b").text == "False"
    services.batches.is_answering = True
    assert is_finishing()
    assert longest_seconds() == 7.0


def test_a_server_whose_services_never_opened_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has begun nothing for anybody."""
    monkeypatch.setattr(leaving, "services_if_open", lambda: None)
    assert (is_finishing(), longest_seconds()) == (False, 0.0)
