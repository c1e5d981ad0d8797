"""Whoever uses Bluetit alone is not asked for anything, so nobody else may reach it."""

import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from pages.server.listening import (
    OnlyThisComputer,
    is_of_this_computer,
    refusal_to_listen,
    stay_among_those_let_in,
)

OTHERS = ["class", "accounts", "open"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "2a02:8109::5", "::ffff:192.168.1.5"])
def test_alone_listens_for_nobody_else(address: str):
    """One sentence says why the server does not start, and names the other three."""
    sentence = refusal_to_listen("alone", ["127.0.0.1", address])
    assert sentence is not None
    assert address in sentence
    assert all(f"“{access}”" in sentence for access in OTHERS)
    assert (sentence.count(". "), sentence[-1]) == (0, ".")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "::1", "::ffff:127.0.0.1", "/run/bluetit.sock"])
def test_this_computer_may_always(address: str):
    """Only its own programs come in there."""
    assert is_of_this_computer(address)
    assert refusal_to_listen("alone", [address]) is None


@pytest.mark.parametrize("access", OTHERS)
def test_the_others_listen_where_they_are_told(access: str):
    """They ask who comes, or somebody has chosen that they do not."""
    assert refusal_to_listen(access, ["0.0.0.0", "::"]) is None


@pytest.fixture
def open_socket() -> Iterator[socket.socket]:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        yield listener


def test_what_counts_is_where_the_process_listens(open_socket: socket.socket, monkeypatch: pytest.MonkeyPatch):
    """Whatever option, variable or file said so."""
    monkeypatch.setenv("BLUETIT_ACCESS", "alone")
    with pytest.raises(SystemExit, match=r"0\.0\.0\.0"):
        stay_among_those_let_in()
    monkeypatch.setenv("BLUETIT_ACCESS", "open")
    assert stay_among_those_let_in() == "open"
    open_socket.close()
    monkeypatch.setenv("BLUETIT_ACCESS", "alone")
    assert stay_among_those_let_in() == "alone"


def test_settings_that_cannot_be_read_let_nobody_in(open_socket: socket.socket, monkeypatch: pytest.MonkeyPatch):
    """A typing error in the setting is not a choice."""
    monkeypatch.setenv("BLUETIT_ACCESS", "opne")
    with pytest.raises(SystemExit):
        stay_among_those_let_in()
    open_socket.close()
    assert stay_among_those_let_in() == "alone"


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def app(access: str) -> Starlette:
    return Starlette(
        routes=[Route("/", _answer), WebSocketRoute("/stream", _talk)],
        middleware=[Middleware(OnlyThisComputer, access=access)],
    )


def get(access: str, host: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app(access))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/")

    return asyncio.run(ask())


def test_a_server_that_listens_later_answers_nobody_else():
    """Some start the app before they listen; a request says at which address it came in."""
    assert get("alone", "127.0.0.1").text == "page"
    refused = get("alone", "192.168.1.5")
    assert refused.status_code == 403
    assert "“open”" in refused.json()["error"]
    assert get("open", "192.168.1.5").text == "page"


def connect(access: str, host: str) -> str:
    """What the server says to a browser that opens the page's connection."""
    sent: list[Message] = []
    scope = {"type": "websocket", "path": "/stream", "headers": [], "query_string": b"", "server": (host, 8501)}

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(access)(scope, receive, send))
    return str(sent[0]["type"])


def test_nor_does_it_open_a_connection():
    """The page's own connection shows everything there is."""
    assert connect("open", "192.168.1.5") == "websocket.accept"
    assert connect("alone", "127.0.0.1") == "websocket.accept"
    assert connect("alone", "192.168.1.5") == "websocket.close"
