"""Asking routes as a browser does, without a server."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute


def fetch(
    address: str,
    routes: Sequence[BaseRoute],
    *,
    method: str = "GET",
    body: bytes | None = None,
    middleware: Sequence[Middleware] = (),
    **headers: str,
) -> httpx.Response:
    """What a server that has nothing but the routes answers; underscores in names of headers become dashes."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=routes, middleware=middleware))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, address, content=body, headers=named)

    return asyncio.run(ask())


def count_bytes(address: str, routes: Sequence[BaseRoute]) -> int:
    """How much a server sends, of which nothing is kept."""
    num_bytes = 0

    async def receive() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal num_bytes
        num_bytes += len(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
    }
    asyncio.run(Starlette(routes=routes)(scope, receive, send))
    return num_bytes
