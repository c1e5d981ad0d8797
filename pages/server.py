"""How the server starts and stops, and the headers it sends; Streamlit's own server does the rest."""

import asyncio
import logging
import threading
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

from core.errors import BluetitError
from pages.widgets.services import get_services, stop_services

logger = logging.getLogger(__name__)

# The server begins to listen a moment after its services are open.
_BROWSER_DELAY_SECONDS = 1.0

# Streamlit sets none of them. A full content security policy is not possible: its front end evaluates code.
SECURITY_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}


@asynccontextmanager
async def running_services(_app: object) -> AsyncGenerator[None, None]:
    """Open the services when the server starts, so that the default network is ready for the first visitor."""
    # Until the first visit Streamlit does not know that the app has its own navigation; when that visit is by a link to
    # another page than the first, it would offer every file of the folder `pages` instead.
    PagesManager.uses_pages_directory = False
    try:
        await asyncio.to_thread(get_services)
    except BluetitError as exc:
        # The server starts all the same: every page then shows the message to whoever opens it.
        logger.error("%s", exc)
    if not st.get_option("server.headless"):
        # Streamlit opens the browser only for scripts that bring no server settings of their own.
        base_path = str(st.get_option("server.baseUrlPath") or "").strip("/")
        url = f"http://localhost:{st.get_option('server.port')}/{base_path}"
        threading.Timer(_BROWSER_DELAY_SECONDS, webbrowser.open, [url]).start()
    yield
    await asyncio.to_thread(stop_services)


class SecurityHeaders:
    """ASGI middleware that adds `SECURITY_HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to what comes back."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
