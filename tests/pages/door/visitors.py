"""Browsers in front of a server that has nothing but the door, a page and what pages are told."""

import asyncio
import re
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.door.routes import DOOR_ROUTES
from pages.server.doorkeeper import DoorKeeper
from pages.server.presence import PRESENCE_ROUTES

DOOR = "/bluetit/door"
HTML = {"accept": "text/html,application/xhtml+xml", "sec-fetch-site": "same-origin"}


async def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"the app: {request.url.path}")


class Visitor:
    """A browser with an address and cookies of its own."""

    def __init__(self, address: str = "192.168.0.1", *, scheme: str = "http", root: str = "here") -> None:
        app = Starlette(
            routes=[*DOOR_ROUTES, *PRESENCE_ROUTES, Route("/{path:path}", _page)], middleware=[Middleware(DoorKeeper)]
        )
        self._transport = httpx.ASGITransport(app, client=(address, 4711))
        self._base_url = f"{scheme}://{root}"
        self.cookies = httpx.Cookies()
        self.answer = httpx.Response(200)

    def ask(self, method: str, address: str, **options: Any) -> httpx.Response:
        """One request; redirects are not followed."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url=self._base_url, cookies=self.cookies
            ) as client:
                answer = await client.request(method, address, **options)
                self.cookies = client.cookies
                return answer

        self.answer = asyncio.run(ask())
        return self.answer

    def open(self, address: str = DOOR, **headers: str) -> httpx.Response:
        """Open a page."""
        return self.ask("GET", address, headers={**HTML, **headers})

    def send(self, do: str, **fields: str) -> httpx.Response:
        """Send a form of the door."""
        return self.ask("POST", DOOR, data={"do": do, **fields}, headers=HTML)

    def names(self) -> list[str]:
        """The names that are offered on the page."""
        return re.findall(r'name="name" value="([^"]+)"', self.answer.text)

    def shown_mark(self) -> str:
        """The mark of the form on the page."""
        found = re.search(r'name="mark" value="([^"]+)"', self.answer.text)
        assert found is not None, self.answer.text
        return found[1]

    def shown_code(self) -> str:
        """The pick-up code on the page."""
        found = re.search(r'<p class="letters"[^>]*>([A-Z-]+)</p>', self.answer.text)
        assert found is not None, self.answer.text
        return found[1]

    def problem(self) -> str:
        """What the page says is wrong."""
        found = re.search(r'<p class="problem"[^>]*>([^<]*)</p>', self.answer.text)
        return unescape(found[1]) if found else ""

    def is_in(self) -> bool:
        """Whether the app opens."""
        return self.open("/dataset").text == "the app: /dataset"

    def join(self, code: str) -> str:
        """Come in with a class code, and give the pick-up code."""
        self.open()
        self.send("code", code=code)
        self.send("name", code=code, name=self.names()[0])
        return self.shown_code()
