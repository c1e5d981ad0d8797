"""What the browser fetches by itself beside Streamlit's messages: thumbnails of stored photos and the chart library.

A photo's address carries the SHA-256 of its bytes, so that it never changes and cannot be guessed.
"""

import asyncio
import functools
import gzip
import importlib.resources
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import BluetitError
from pages.server.services import services_of
from pages.server.visitor import visitor_of

logger = logging.getLogger(__name__)

THUMBNAIL_SIDES_PX = (128, 256, 512, 1024)

_HASH = re.compile(r"[0-9a-f]{64}")
_ONE_YEAR = "max-age=31536000, immutable"
_PHOTO_HEADERS = {
    "Cache-Control": f"private, {_ONE_YEAR}",
    "Cross-Origin-Resource-Policy": "same-origin",  # no other site can find out by an <img> which photos are here
}
# A page asks for dozens of thumbnails at once; each that is not made yet decodes a photo.
_MAX_THREADS = 4
_threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="thumbnails")


def routes_prefix() -> str:
    """What the addresses of all routes begin with, relative to the page.

    All pages are one step below the app's own address, and only the browser knows that one: a server in front may show
    the app under a path that it takes away before it passes a request on.
    """
    return "bluetit"


def routes_path() -> str:
    """Path below which the server itself has the routes: "/bluetit", behind the base path where it is set."""
    return f"{base_path()}/bluetit"


def base_path() -> str:
    """Path below which the server has everything, without a slash at its end; empty, unless it is set."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def plotly_url() -> str:
    """Address of the chart library; it changes with the library's size and date, for browsers keep it for a year."""
    facts = _plotly_path().stat()
    return f"{routes_prefix()}/plotly.min.js?v={facts.st_size:x}-{int(facts.st_mtime):x}"


async def _send_thumbnail(request: Request) -> Response:
    photo_hash, side = request.path_params["photo_hash"], request.path_params["side"]
    if not _HASH.fullmatch(photo_hash) or side not in map(str, THUMBNAIL_SIDES_PX):
        return _not_found()
    jpeg = await asyncio.get_running_loop().run_in_executor(
        _threads, _thumbnail, photo_hash, int(side), visitor_of(request)
    )
    if jpeg is None:
        return _not_found()
    return Response(jpeg, media_type="image/jpeg", headers=_PHOTO_HEADERS)


def _thumbnail(photo_hash: str, side_px: int, visitor: str | None) -> bytes | None:
    """JPEG of a stored photo; None where the photo is not the visitor's or cannot be read."""
    try:
        services = services_of(visitor)
        photo = services.library.photos.get([photo_hash]).get(photo_hash)
        return None if photo is None else services.photo_store.thumbnail(photo, side_px)
    except BluetitError as exc:
        logger.warning("No thumbnail of photo %s: %s", photo_hash, exc)
        return None


async def _send_plotly(request: Request) -> Response:
    headers = {"Cache-Control": f"public, {_ONE_YEAR}", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(_plotly_path(), media_type="text/javascript", headers=headers)
    # Compressed once and sent whole: read and compressed piece by piece for each browser, it took seconds while another
    # visitor's page kept the server busy.
    packed = await asyncio.get_running_loop().run_in_executor(_threads, _plotly_gzip)
    return Response(packed, media_type="text/javascript", headers={**headers, "Content-Encoding": "gzip"})


@functools.lru_cache(maxsize=1)
def _plotly_gzip() -> bytes:
    return gzip.compress(_plotly_path().read_bytes(), mtime=0)


def _plotly_path() -> Path:
    return Path(str(importlib.resources.files("plotly"))) / "package_data" / "plotly.min.js"


def _not_found() -> Response:
    # A photo that is missing now may be there soon.
    return PlainTextResponse("There is no such photo.", status_code=404, headers={"Cache-Control": "no-store"})


PHOTO_ROUTES = [
    Route(f"{routes_path()}/photos/{{photo_hash}}/{{side}}.jpg", _send_thumbnail),
    Route(f"{routes_path()}/plotly.min.js", _send_plotly),
]
