"""The page for phones that send photos into a class, and what it asks for; see docs/phones.md.

A phone has no cookie here and no space: the token of its link says all. That stands behind the "#" of the page's
address, which browsers send to nobody, so that no log of any server on the way has it, and comes in a header.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from core.errors import PhoneLinkError, StorageError
from core.inference.fair_pool import FairPool
from core.phones.links import hash_token
from core.phones.records import MAX_PHOTO_BYTES, PhoneLinkView, SentPhoto
from pages.server.json_routes import (
    FOREIGN,
    TOO_OFTEN,
    Rate,
    RateLimit,
    answer_in_json,
    is_from_here,
    json_answer,
    read_body,
    refusal,
)
from pages.server.photo_routes import routes_path
from pages.server.services import whole_services
from pages.server.waiting import result_while_wanted
from pages.words.wording import size_text

logger = logging.getLogger(__name__)

PHONE_PAGE = "bluetit/phone"  # its address, relative to a page of the app

# What a phone may ask with a link that is living, given that link.
_Answer = Callable[[Request, PhoneLinkView], Awaitable[Response]]

_ASSETS = Path(__file__).parent.parent / "assets"
_FILES = {"camera.js": "text/javascript", "phone.js": "text/javascript", "phone_queue.js": "text/javascript"}
_FILES |= {"phone.css": "text/css", "bluetit.svg": "image/svg+xml"}
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_MARK = re.compile(r"[0-9a-f]{32}")  # a photo's key, or a burst

# By link: a whole class may have scanned one code, and a phone sends five photos a second while its button is held.
_RATE = Rate(per_second=40, burst=200)
_LOOK_RATE = Rate(per_second=20, burst=60)  # each phone looks every two seconds, whatever it sends
_MAX_READ_SECONDS = 30.0
# Bounds the memory: each has up to `MAX_PHOTO_BYTES`, and the two that are decoded what they unfold to.
_MAX_UNDER_WAY = 64

_NO_LINK = "This address is not complete. Scan the code on the big screen once more."
_NO_KEY = "The photo came without what it is known by. Load the page anew and take it again."
_TOO_SLOW = "The photo did not arrive in time. It is sent again by itself."
_NO_ROOM = "So many photos arrive at this moment that this one has to wait. It is sent again by itself."
_CANNOT_STORE = "The computer that collects the photos cannot store them at present. Tell whoever holds the lesson."
_SOON, _LATER = {"Retry-After": "1"}, {"Retry-After": "10"}

_limit, _look_limit = RateLimit(_RATE), RateLimit(_LOOK_RATE)
_pool = FairPool(2, name="phones")  # links take turns
_num_under_way = 0


async def _send_page(_: Request) -> Response:
    return FileResponse(_ASSETS / "phone.html", media_type="text/html", headers=_PAGE_HEADERS)


async def _send_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        return refusal("There is no such file.", 404)
    return FileResponse(_ASSETS / name, media_type=_FILES[name], headers={"Cache-Control": "no-cache"})


def _phone_route(path: str, answer: _Answer, *, method: str) -> Route:
    """A route for phones; whatever goes wrong is told as JSON, 410 where the link is over or never was."""

    async def answer_phone(request: Request) -> Response:
        if not is_from_here(request):
            return refusal(FOREIGN, 403)
        token = request.headers.get("x-phone-link", "")
        if not _TOKEN.fullmatch(token):
            return refusal(_NO_LINK, 410)
        limit = _look_limit if method == "GET" else _limit
        if not limit.takes(hash_token(token)):
            return refusal(TOO_OFTEN, 429, _SOON)
        return await answer_in_json(request, _with_link(request, token, answer))

    return Route(f"{routes_path()}{path}", answer_phone, methods=[method])


async def _with_link(request: Request, token: str, answer: _Answer) -> Response:
    try:
        return await answer(request, await asyncio.to_thread(lambda: whole_services().phone_links.find(token)))
    except PhoneLinkError as exc:
        return refusal(str(exc), 410)
    except StorageError:
        # What it says names folders of the server, which are nothing for whoever has scanned a code.
        logger.exception("%s %s failed", request.method, request.url.path)
        return refusal(_CANNOT_STORE, 503, _LATER)


async def _tell_link(_: Request, link: PhoneLinkView) -> Response:
    paused = await asyncio.to_thread(lambda: whole_services().classroom.pause_of(link.space_id))
    seconds_left = max(0, round(link.expires_at - time.time()))
    return json_answer({"class": link.class_name, "seconds_left": seconds_left, "paused": paused})


async def _take_photo(request: Request, link: PhoneLinkView) -> Response:
    global _num_under_way
    key, burst = request.headers.get("x-photo", ""), request.headers.get("x-burst", "")
    if not _MARK.fullmatch(key) or (burst and not _MARK.fullmatch(burst)):
        return refusal(_NO_KEY, 400)
    if _num_under_way >= _MAX_UNDER_WAY:
        return refusal(_NO_ROOM, 503, _SOON)
    _num_under_way += 1
    try:
        async with asyncio.timeout(_MAX_READ_SECONDS):
            data = await read_body(request, max_bytes=MAX_PHOTO_BYTES)
        if data is None:
            return refusal(f"A photo may have {size_text(MAX_PHOTO_BYTES)}; this one has more.", 413)
        sent = SentPhoto(data=data, key=key, burst=burst or None)
        photos = whole_services().of_space(link.space_id).phone_photos
        is_there = await result_while_wanted(_pool.call(str(link.id), lambda: photos.add(link.id, sent)), request)
    except TimeoutError:
        return refusal(_TOO_SLOW, 503, _SOON)
    finally:
        _num_under_way -= 1
    # Where the server is being stopped, nobody knows whether it still came in: then it is sent once more.
    return json_answer({"photo": key}) if is_there else refusal(_TOO_SLOW, 503, _SOON)


async def _take_back(request: Request, link: PhoneLinkView) -> Response:
    key = request.headers.get("x-photo", "")
    if not _MARK.fullmatch(key):
        return refusal(_NO_KEY, 400)
    photos = whole_services().of_space(link.space_id).phone_photos
    await asyncio.wrap_future(_pool.call(str(link.id), lambda: photos.take_back(link.id, key)))
    return json_answer({"photo": key})


PHONE_ROUTES = [
    Route(f"{routes_path()}/phone", _send_page),
    _phone_route("/phone/link", _tell_link, method="GET"),
    _phone_route("/phone/photos", _take_photo, method="POST"),
    _phone_route("/phone/photos/take-back", _take_back, method="POST"),
    Route(f"{routes_path()}/phone/{{name}}", _send_file),
]
