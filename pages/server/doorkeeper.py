"""Keeps whoever is not let in at the door: no page, no session and no upload reaches Streamlit before that.

What each route of ours shows is decided there, by `services_of`; here is what Streamlit itself serves.
"""

import asyncio
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import BluetitError
from pages.server.photo_routes import routes_path
from pages.server.services import IN_COMMON, access_now, whole_services
from pages.server.visitor import KEPT_SECONDS, VisitorCookie, cookie_of, visitor_of

DOOR = "door"  # below the addresses of all routes
WANTED_COOKIE = "bluetit_wanted"  # where somebody who signs in elsewhere meanwhile wanted to go
_WANTED_SECONDS = 900
_MAX_WANTED_CHARS = 500
_MAX_CODE_CHARS = 40
_NOT_LET_IN = "Nobody has let this browser in. Open the first page of this address."
# What Streamlit serves of its sessions; its scripts and pictures are the same for everybody.
_OF_SIGNING_IN = ("/auth/", "/oauth2callback")
_OF_SESSIONS = ("/_stcore/upload_file", "/_stcore/agent/", "/media/")


class DoorKeeper:
    """ASGI middleware that asks who comes, where the setting `access` wants that."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._with_cookie = VisitorCookie(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or show the way to the door."""
        path = _path_in_app(scope)
        access = access_now()
        # While nothing is open there is nothing to be seen but why that is so.
        if path is None or access is None or access in IN_COMMON:
            await self._with_cookie(scope, receive, send)
        elif path == "/bluetit" or path.startswith("/bluetit/"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._keep_session(scope, receive, send, is_for_all=access == "accounts")
        elif any(path.startswith(each) for each in _OF_SESSIONS):
            if await is_let_in(scope):
                await self._app(scope, receive, send)
            else:
                await PlainTextResponse(_NOT_LET_IN, status_code=403)(scope, receive, send)
        elif _opens_page(scope):
            await self._keep_page(scope, receive, send, path, is_for_all=access == "accounts")
        else:
            await self._app(scope, receive, send)

    async def _keep_session(self, scope: Scope, receive: Receive, send: Send, *, is_for_all: bool) -> None:
        # To sign in with an account is a page of Streamlit's own.
        if is_for_all or await is_let_in(scope):
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # policy violation

    async def _keep_page(self, scope: Scope, receive: Receive, send: Send, path: str, *, is_for_all: bool) -> None:
        secret = visitor_of(HTTPConnection(scope))
        if secret is not None and await is_let_in(scope):
            # Whoever comes again and again stays known.
            cookie = cookie_of(secret, scope, max_age_seconds=KEPT_SECONDS)
            await self._app(scope, receive, _with_cookie(send, cookie))
        elif is_for_all:
            # Where Streamlit speaks with the identity provider is nowhere to come back to.
            is_page = not path.startswith(_OF_SIGNING_IN)
            wanted = quote(_wanted(scope, path), safe="") if is_page else ""
            await self._app(scope, receive, _with_cookie(send, _wanted_cookie(wanted)) if wanted else send)
        else:
            await RedirectResponse(_way_to_door(scope, path), status_code=303)(scope, receive, send)


async def way_in(scope: Scope) -> Response | None:
    """Where whoever opens a page of ours has to go first, and comes back from; None: they are in, or nobody is asked.

    For the few pages of our own that are for those alone who are let in.
    """
    path, access = _path_in_app(scope), access_now()
    if path is None or access is None or access in IN_COMMON or await is_let_in(scope):
        return None
    if access == "class":
        return RedirectResponse(_way_to_door(scope, path), status_code=303)
    response = RedirectResponse("../" * (path.count("/") - 1) or "./", status_code=303)  # where one signs in
    response.headers.append("Set-Cookie", _wanted_cookie(quote(_wanted(scope, path), safe="")))
    return response


async def is_let_in(scope: Scope) -> bool:
    """Whether the browser that asks is let into some space; looked up in a thread."""
    secret = visitor_of(HTTPConnection(scope))
    if secret is None:
        return False
    try:
        return await asyncio.to_thread(lambda: whole_services().spaces.find_by_secret(secret)) is not None
    except BluetitError:
        return False  # the door says what is wrong


def _path_in_app(scope: Scope) -> str | None:
    """What a browser asks for, below the address of the app; None: it is not below that."""
    if scope["type"] not in ("http", "websocket"):
        return None
    base_path = routes_path().removesuffix("/bluetit")
    path: str = scope["path"]
    return path[len(base_path) :] if path == base_path or path.startswith(f"{base_path}/") else None


def _opens_page(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")


def _wanted(scope: Scope, path: str) -> str:
    """The page with its parameters, relative to the app; empty: the first one, or longer than any of ours."""
    query = scope["query_string"].decode("latin-1")
    wanted = path.strip("/") + (f"?{query}" if query else "")
    return wanted if len(wanted) <= _MAX_WANTED_CHARS else ""


def _way_to_door(scope: Scope, path: str) -> str:
    """Relative, as every redirect of ours: a server in front may show the app below any path."""
    up = "../" * (path.count("/") - 1) or "./"
    code = HTTPConnection(scope).query_params.get("code")
    if path in ("", "/") and code:
        return f"{up}bluetit/{DOOR}?{urlencode({'code': code[:_MAX_CODE_CHARS]})}"  # a short address for a QR code
    wanted = _wanted(scope, path)
    return f"{up}bluetit/{DOOR}" + (f"?{urlencode({'to': wanted})}" if wanted else "")


def _wanted_cookie(wanted: str) -> str:
    return f"{WANTED_COOKIE}={wanted}; Path=/; HttpOnly; SameSite=Lax; Max-Age={_WANTED_SECONDS}"


def _with_cookie(send: Send, cookie: str) -> Send:
    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("Set-Cookie", cookie)
        await send(message)

    return send_with_cookie
