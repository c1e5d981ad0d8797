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


class VisitorCookie:
    """ASGI middleware that gives a browser which opens a page its secret, unless it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what comes back for a page may carry the cookie."""
        if scope["type"] != "http" or not _opens_page(scope) or _has_secret(scope):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", _cookie(is_secure=scope["scheme"] == "https"))
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _opens_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


def _has_secret(scope: Scope) -> bool:
    return _SECRET.fullmatch(HTTPConnection(scope).cookies.get(COOKIE_NAME, "")) is not None


def _cookie(*, is_secure: bool) -> str:
    """Kept until the browser is closed, as the photos are until the server stops.

    `Lax`, not `Strict`: a click on a link elsewhere that leads here would come without the cookie and get a new one.
    """
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE_NAME}={new_secret()}; Path=/; HttpOnly; SameSite=Lax{secure}"
