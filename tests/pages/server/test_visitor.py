"""The secret by which a browser is known again."""

import asyncio
import re
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.server.visitor import COOKIE_NAME, VisitorCookie, new_secret

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


def test_secrets_differ() -> None:
    """Two browsers never get the same."""
    assert len({new_secret() for _ in range(100)}) == 100
