"""The HTML page that Streamlit serves, as the browser gets it: not to be translated, with scripts of our own.

Streamlit's front end is one fixed file. What must hold before it starts is written into that file on its way out.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.server.photo_routes import routes_path, routes_prefix

_ASSETS = Path(__file__).parent.parent / "assets"
_SCRIPTS = ("refused_uploads.js", "downloads.js", "presence.js")  # what holds on every page, whatever it shows

# A browser that translates a page replaces its text nodes. React then writes into nodes that nobody sees any more, or
# fails when it removes one. So the page says that it must stay as it is, in the two ways that browsers know.
# Source: https://github.com/facebook/react/issues/11538
_HTML_ATTRIBUTES = b' translate="no" class="notranslate"'
_HEAD_LINES = b'<meta name="google" content="notranslate" />' + b"".join(
    b'<script defer src="./%s/%s"></script>' % (routes_prefix().encode(), name.encode()) for name in _SCRIPTS
)

_HTML_TAG = re.compile(rb"<html\b")
_CHARSET_TAG = re.compile(rb"<meta charset=[^>]*>", re.IGNORECASE)
# With these, the browser's old copy of the page or a packed one would come back, neither of which can be written into.
_DROPPED_REQUEST_HEADERS = frozenset({b"if-none-match", b"if-modified-since", b"range", b"accept-encoding"})
_DROPPED_ANSWER_HEADERS = ("etag", "last-modified", "accept-ranges")


class ServedPage:
    """ASGI middleware that changes the page, and sends the browser nowhere by an absolute path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what comes back for a page that somebody opens is changed."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and _opens_page(scope):
            headers = [header for header in scope["headers"] if header[0] not in _DROPPED_REQUEST_HEADERS]
            scope = {**scope, "headers": headers}
            send = _Answer(scope, send).send
        await self._app(scope, receive, send)


def changed_page(html: bytes) -> bytes:
    """The page with what must hold before its scripts run; anything but Streamlit's page comes back as it is."""
    if b'id="root"' not in html:
        return html
    html = _HTML_TAG.sub(lambda found: found[0] + _HTML_ATTRIBUTES, html, count=1)
    return _CHARSET_TAG.sub(lambda found: found[0] + _HEAD_LINES, html, count=1)


class _Answer:
    """The answer to one request, held back until it is whole."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path: str = scope["path"]
        self._host = Headers(scope=scope).get("host", "")
        self._is_head = scope["method"] == "HEAD"
        self._send = send
        self._start: Message | None = None  # while the body of a page is collected
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "location" in headers:
                headers["location"] = relative_location(self._path, headers["location"], self._host)
            if message["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)
            return
        await self._send(message)

    async def _send_page(self, start: Message) -> None:
        body = changed_page(self._body)
        headers = MutableHeaders(scope=start)
        for name in _DROPPED_ANSWER_HEADERS:
            del headers[name]
        if self._is_head:
            del headers["content-length"]  # of the page as it was
        else:
            headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def relative_location(path: str, location: str, host: str) -> str:
    """Where a redirect leads, relative to the page that was asked for, so that it holds below any path and with HTTPS.

    Args:
        path: that was asked for. Streamlit takes the "/" at its end away; below the base path it adds one.
        location: of the redirect.
        host: that was asked.

    Returns:
        "../dataset" for "/dataset" when "/dataset/" was asked for, "base/" when "/base" was; other redirects as they
        are.
    """
    parts = urlsplit(location)
    name = path.rstrip("/").rpartition("/")[2]
    if not name or parts.netloc not in ("", host):
        return location
    if parts.path == f"{path}/":
        relative = f"{name}/"
    elif parts.path == path.rstrip("/") != path:
        relative = "../" * (len(path) - len(parts.path)) + name
    else:
        return location
    return f"{relative}?{parts.query}" if parts.query else relative


def _opens_page(scope: Scope) -> bool:
    if scope["path"].startswith(f"{routes_path()}/"):
        return False  # a file of ours, which a browser may ask for a part of
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def _send_script(request: Request) -> Response:
    path = _ASSETS / request.url.path.rpartition("/")[2]
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


PAGE_ROUTES = [Route(f"{routes_path()}/{name}", _send_script) for name in _SCRIPTS]
