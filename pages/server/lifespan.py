"""How the server starts and stops; Streamlit's own server does the rest."""

import asyncio
import gc
import importlib
import logging
import pkgutil
import socket
import threading
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from core.errors import BluetitError
from core.metrics import count_errors
from pages.server.gathered_messages import gather_messages
from pages.server.kept_answers import keep_answers
from pages.server.leaving import is_finishing, longest_seconds
from pages.server.services import stop_services, whole_services
from pages.server.stopping import noticing_signals

logger = logging.getLogger(__name__)

# The server begins to listen a moment after its services are open.
_BROWSER_DELAY_SECONDS = 1.0

# What Streamlit and Plotly load when the first page needs it, which takes a second. Plotly believes that what another
# thread has begun to load is complete: of visitors who came at the same moment, some saw an error.
_LIBRARIES = ("pandas.io.formats.style", "pyarrow", "plotly.graph_objects", "plotly.io")
_PAGES_DIR = Path(__file__).resolve().parents[1]
_PAGE = ".page"  # how the names of modules end that are run by being imported


@asynccontextmanager
async def running_services(_app: object) -> AsyncGenerator[None, None]:
    """Open the services when the server starts, so that the default network is ready for the first visitor."""
    # Until the first visit Streamlit does not know that the app has its own navigation; when that visit is by a link to
    # another page than the first, it would offer every file of the folder `pages` instead.
    PagesManager.uses_pages_directory = False
    send_at_once()
    keep_answers()
    gather_messages()
    count_errors()
    tell_in_log()
    await asyncio.to_thread(load_early)
    try:
        await asyncio.to_thread(whole_services)
    except BluetitError as exc:
        # The server starts all the same: every page then shows the message to whoever opens it.
        logger.error("%s", exc)
    if not st.get_option("server.headless"):
        # Streamlit opens the browser only for scripts that bring no server settings of their own.
        base_path = str(st.get_option("server.baseUrlPath") or "").strip("/")
        url = f"http://localhost:{st.get_option('server.port')}/{base_path}"
        threading.Timer(_BROWSER_DELAY_SECONDS, webbrowser.open, [url]).start()
    # What is there now stays until the server ends. Python need not look at all of it again and again for what can be
    # given back, for which everybody waits.
    gc.collect()
    gc.freeze()
    with noticing_signals(is_busy=is_finishing, longest_seconds=longest_seconds):
        yield
    await asyncio.to_thread(stop_services)


def tell_in_log() -> None:
    """Have what goes wrong written into the server's log, with the part of Bluetit that says so.

    Python does that by itself only as long as nobody else listens, as whoever counts errors does.
    """
    root = logging.getLogger()
    if not any(type(handler) is logging.StreamHandler for handler in root.handlers):
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)


def send_at_once() -> None:
    """Have small messages sent when they are written, not when the browser has acknowledged those before.

    Browsers take their time for that, 40 ms on Linux. Python sets this for sockets whose protocol is named, and
    Streamlit names none for the one that it listens on, from which all connections have it.
    Source: https://github.com/python/cpython/blob/3.13/Lib/asyncio/base_events.py, `_set_nodelay`.
    """
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and each.type == socket.SOCK_STREAM and _is_listening(each):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _is_listening(each: socket.socket) -> bool:
    is_internet = each.family in (socket.AF_INET, socket.AF_INET6)
    return each.fileno() >= 0 and is_internet and bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def load_early() -> None:
    """Load what pages need, so that the first to open one does not wait longer than those who come later.

    Components register themselves with the server that is running, so this comes once it is.
    """
    parts = [module.name for module in pkgutil.walk_packages([str(_PAGES_DIR)], f"{_PAGES_DIR.name}.")]
    for name in (*_LIBRARIES, *(part for part in parts if not part.endswith(_PAGE))):
        importlib.import_module(name)
