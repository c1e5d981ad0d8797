"""The secret by which a browser is known again."""

import asyncio
import re
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from pages.server.visitor import COOKIE_NAME, VisitorCookie, new_secret, visitor_of

PAGE = {"accept": "text/html,application/xhtml+xml"}


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


class Browser:
    """A browser that keeps cookies, and a server behind the middleware."""

    def __init__(self) -> None:
        self._app = Starlette(routes=[Route("/{path:path}", _answer)], middleware=[Middleware(VisitorCookie)])
        self._cookies = httpx.Cookies()

    def get(self, address: str, *, headers: Mapping[str, str]) -> httpx.Response:
        """Ask for an address, which is of "http://here" unless it says otherwise."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here", cookies=self._cookies) as client:
                answer = await client.get(address, headers=headers)
                self._cookies = client.cookies
                return answer

        return asyncio.run(ask())


@pytest.fixture
def browser() -> Browser:
    """One that has never been here."""
    return Browser()


def test_the_first_page_brings_a_secret(browser: Browser) -> None:
    """It goes to this server alone, and no script in a page can read it."""
    answer = browser.get("/classify", headers=PAGE)
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(rf"{COOKIE_NAME}=[\w-]{{43}}; Path=/; HttpOnly; SameSite=Lax", cookie, re.ASCII)


def test_over_an_encrypted_connection_it_stays_there(browser: Browser) -> None:
    """A browser does not send it in the open afterwards."""
    answer = browser.get("https://here/", headers=PAGE)
    assert answer.headers["set-cookie"].endswith("; Secure")


def test_a_browser_keeps_its_secret(browser: Browser) -> None:
    """A reload, and any other page, leave it as it is."""
    browser.get("/", headers=PAGE)
    assert [browser.get(path, headers=PAGE).headers.get("set-cookie") for path in ("/", "/dataset")] == [None, None]


@pytest.mark.parametrize("secret", ["", "short", "a" * 44, "a" * 42 + "%"])
def test_a_secret_that_is_none_of_ours_is_replaced(browser: Browser, secret: str) -> None:
    """Nobody chooses a secret that others could guess."""
    answer = browser.get("/", headers={**PAGE, "cookie": f"{COOKIE_NAME}={secret}"})
    assert COOKIE_NAME in answer.headers["set-cookie"]


def test_what_is_no_page_brings_none(browser: Browser) -> None:
    """Photos and scripts are asked for many at once: each would bring another secret."""
    assert "set-cookie" not in browser.get("/bluetit/photos/x.jpg", headers={"accept": "image/*"}).headers


def connect(headers: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], str | None]:
    """Open the connection that a page lives on: the headers that come back, and whose it is to the app."""
    accepted: list[tuple[bytes, bytes]] = []
    visitors: list[str | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        visitors.append(visitor_of(HTTPConnection(scope)))
        await send({"type": "websocket.accept", "headers": []})

    async def send(message: Message) -> None:
        accepted.extend(message["headers"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "scheme": "ws", "path": "/_stcore/stream", "headers": headers}
    asyncio.run(VisitorCookie(app)(scope, receive, send))
    return accepted, visitors[0]


def test_a_connection_without_a_secret_brings_one() -> None:
    """For clients that open no page, and browsers that were told to forget; the app knows it from the first moment."""
    headers, visitor = connect([(b"cookie", b"other=1")])
    assert visitor is not None
    assert [name for name, _ in headers] == [b"set-cookie"]
    assert headers[0][1].decode().startswith(f"{COOKIE_NAME}={visitor}; ")


def test_a_connection_keeps_a_secret() -> None:
    """It is the one of the page."""
    secret = new_secret()
    assert connect([(b"cookie", f"{COOKIE_NAME}={secret}".encode())]) == ([], secret)


def test_secrets_differ() -> None:
    """Two browsers never get the same."""
    assert len({new_secret() for _ in range(100)}) == 100
