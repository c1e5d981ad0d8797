"""A server that is told to stop finishes what it has begun, and sends whoever is new to another."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send

from pages.server import leaving, stopping
from pages.server.leaving import Leaving, is_finishing, longest_seconds

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


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})
    else:
        await Starlette(routes=[Route("/{path:path}", _tell_busy, methods=["GET", "PUT"])])(scope, receive, send)


CLIENT = TestClient(Leaving(_serve))


def test_everybody_is_served_until_then(services: SimpleNamespace) -> None:
    """Pages, their connections, and what they ask for."""
    assert CLIENT.get("/", headers=PAGE).status_code == 200
    with CLIENT.websocket_connect("/_stcore/stream"):
        pass


@pytest.mark.usefixtures("is_stopping")
def test_new_visitors_are_sent_elsewhere(services: SimpleNamespace) -> None:
    """With the status by which a balancer asks the next server, for a page as for its connection; whoever has a page
    open already is answered."""
    refused = CLIENT.get("/", headers=PAGE)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "Reload the page" in refused.text
    with pytest.raises(WebSocketDenialResponse) as denied, CLIENT.websocket_connect("/_stcore/stream"):
        pass
    assert denied.value.status_code == 503
    assert CLIENT.get("/bluetit/answers/a/b").status_code == 200
    assert CLIENT.put(UPLOAD, content=b"photo").status_code == 200


@pytest.mark.usefixtures("is_stopping")
def test_a_server_that_cannot_refuse_with_a_status_closes_the_connection(services: SimpleNamespace) -> None:
    """The code says that the service begins anew."""
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    asyncio.run(Leaving(_serve)({"type": "websocket", "path": "/", "headers": []}, receive, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1012}]


def test_what_is_under_way(services: SimpleNamespace) -> None:
    """An upload while it arrives, and photos that are being answered; nothing else keeps a server."""
    assert not is_finishing()
    assert CLIENT.put(UPLOAD, content=b"photo").text == "True"
    assert CLIENT.get("/bluetit/answers/a/b").text == "False"
    services.batches.is_answering = True
    assert is_finishing()
    assert longest_seconds() == 7.0


def test_a_server_whose_services_never_opened_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has begun nothing for anybody."""
    monkeypatch.setattr(leaving, "services_if_open", lambda: None)
    assert (is_finishing(), longest_seconds()) == (False, 0.0)
