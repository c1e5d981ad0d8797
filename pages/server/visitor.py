"""Who a visitor is: nobody by name, only the same browser as before.

Addresses are shown on projectors and passed on, so nothing in them may open what belongs to one visitor. Each browser
gets a secret of its own as a cookie instead, which no script in the page can read.
"""

import re
import secrets

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE_NAME = "bluetit_visitor"

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32  # which make 43 characters
# How long a browser that was let in is known after its last visit. A space of a class lives about as long.
KEPT_SECONDS = 14 * 24 * 3600
_KEY = "visitor.key"


def visitor_key() -> str:
    """What this visitor's belongings are kept under; the same after a reload, another one in every other browser.

    A browser that takes no cookies gets a key that lasts as long as its page stays open.
    """
    if _KEY not in st.session_state:
        # Streamlit's own way of testing an app has no browser; what stands for its cookies is no text.
        secret = str(st.context.cookies.get(COOKIE_NAME, ""))
        st.session_state[_KEY] = secret if _SECRET.fullmatch(secret) else new_secret()
    key: str = st.session_state[_KEY]
    return key


def new_secret() -> str:
    """A secret that nobody guesses, fit for a cookie."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def visitor_of(connection: HTTPConnection) -> str | None:
    """Whose request it is: the same key as `visitor_key` has on the pages of this browser; None: it sent no secret."""
    secret = connection.cookies.get(COOKIE_NAME, "")
    return secret if _SECRET.fullmatch(secret) else None


class VisitorCookie:
    """ASGI middleware that gives a browser its secret when it opens a page, or the connection that a page lives on.

    With the connection come clients that ask for no page, and browsers that have been told to forget in the meantime.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what comes back for a page may carry the cookie."""
        is_new = _opens_page(scope) and visitor_of(HTTPConnection(scope)) is None
        if not is_new:
            await self._app(scope, receive, send)
            return
        secret = new_secret()

        async def send_with_cookie(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                MutableHeaders(scope=message).append("Set-Cookie", cookie_of(secret, scope))
            await send(message)

        await self._app(_with_secret(scope, secret), receive, send_with_cookie)


def _opens_page(scope: Scope) -> bool:
    if scope["type"] == "websocket":
        return True
    is_read = scope["type"] == "http" and scope["method"] == "GET"
    return is_read and "text/html" in Headers(scope=scope).get("accept", "")


def _with_secret(scope: Scope, secret: str) -> Scope:
    """The same request as it would be if the browser had had the secret already."""
    sent = [value for name, value in scope["headers"] if name == b"cookie"]
    others = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    cookie = b"; ".join([*sent, f"{COOKIE_NAME}={secret}".encode()])
    return {**scope, "headers": [*others, (b"cookie", cookie)]}


def cookie_of(secret: str, scope: Scope, *, max_age_seconds: int | None = None) -> str:
    """The header that gives a browser its secret; encrypted connections only where this is one.

    `Lax`, not `Strict`: a click on a link elsewhere that leads here would come without the cookie and get a new one.

    Args:
        secret: of the browser.
        scope: of the request that is answered.
        max_age_seconds: how long it is kept, 0 to forget it now; None: until the browser is closed, as the photos are
            until the server stops.
    """
    secure = "; Secure" if scope["scheme"] in ("https", "wss") else ""
    age = "" if max_age_seconds is None else f"; Max-Age={max_age_seconds}"
    return f"{COOKIE_NAME}={secret}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"
