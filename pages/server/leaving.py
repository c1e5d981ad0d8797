"""A server that is told to stop, as when it is replaced: it finishes what it has begun, and sends others elsewhere.

A balancer that gets 503 from one server asks the next. Whoever has a page open here stays until the end: uploads, pages
and photos that are under way come to theirs.
"""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.server.services import services_if_open
from pages.server.stopping import is_stopping
from pages.server.turns import PAGE_TURNS
from pages.server.upload_budget import is_upload

_GO_ELSEWHERE = "This server is being stopped. Reload the page in a moment.\n"
_RETRY_AFTER = "2"  # seconds
_DENIAL = "websocket.http.response"  # what servers call it that they can answer a connection with a status
_num_uploads = {"arriving": 0}  # in the server's event loop only


class Leaving:
    """ASGI middleware that sends new visitors to another server once this one has been told to stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503 to whoever opens a page, or the connection on which a page lives."""
        if is_stopping() and _is_new(scope):
            answer = PlainTextResponse(_GO_ELSEWHERE, 503, {"Retry-After": _RETRY_AFTER, "Cache-Control": "no-store"})
            if scope["type"] == "websocket" and _DENIAL not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1012})  # service restart
            else:
                await answer(scope, receive, send)
            return
        if not is_upload(scope):
            await self._app(scope, receive, send)
            return
        _num_uploads["arriving"] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            _num_uploads["arriving"] -= 1


def is_finishing() -> bool:
    """Whether something is under way that would be lost with the pages that are open: an upload, a page, photos."""
    services = services_if_open()
    is_answering = services is not None and services.batches.is_answering
    return _num_uploads["arriving"] > 0 or is_answering or not PAGE_TURNS.are_idle


def longest_seconds() -> float:
    """How long that is waited for."""
    services = services_if_open()
    return 0.0 if services is None else services.settings.stop_wait_seconds


def _is_new(scope: Scope) -> bool:
    if scope["type"] == "websocket":
        return True
    is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    return is_read and "text/html" in Headers(scope=scope).get("accept", "")
