"""What all routes that answer in JSON have in common: who asks, how often and how much, and errors in our sentences."""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import BluetitError, ImageError, NotLetInError, UnknownDatasetError, UnknownRunError
from pages.server.photo_routes import routes_path
from pages.server.services import told_to
from pages.server.visitor import visitor_of

logger = logging.getLogger(__name__)

# The answer of a route, given the request and the visitor's key.
Answer = Callable[[Request, str], Awaitable[Response]]

NO_COOKIE = (
    "This browser keeps no cookies of this page, which cannot know you again without one. Allow them, then reload."
)
NOT_HERE = "This is not here, or not yours. Reload the page."
FOREIGN = "Another site may not ask for this."
TOO_OFTEN = "That is too often. Wait a moment."
_BUG = "Something went wrong here. The server's log says what."

# Sites elsewhere must not use a visitor's cookie; browsers say where a request comes from.
# Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
_OWN_SITES = ("same-origin", "none", "")
ANSWER_HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}
# Visitors of whom is remembered how often they asked; whoever asked longest ago is forgotten, and may ask again.
_MAX_VISITORS = 4_096
_MAX_DIGITS = 18  # what fits into the database's whole numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often one visitor may ask one route: on average, and in a row after a rest."""

    per_second: float
    burst: int


class RateLimit:
    """Who has asked how often; for use in the server's event loop only.

    A bucket for each visitor holds up to `burst` calls and gains `per_second` of them (token bucket).
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # calls left, when that was so

    def takes(self, visitor: str) -> bool:
        """Whether this call may pass; if so, it counts."""
        now = self._clock()
        left, since = self._buckets.pop(visitor, (float(self._rate.burst), now))
        left = min(self._rate.burst, left + (now - since) * self._rate.per_second)
        may_pass = left >= 1
        self._buckets[visitor] = (left - may_pass, now)
        while len(self._buckets) > _MAX_VISITORS:
            self._buckets.popitem(last=False)
        return may_pass


def json_route(path: str, answer: Answer, *, rate: Rate, method: str = "GET") -> Route:
    """A route for visitors of the pages; whatever goes wrong is told as JSON, `{"error": sentence}`.

    Args:
        path: below that of all routes, such as "/answers/{batch_id}".
        answer: is called for visitors who have their cookie and do not ask too often.
        rate: of each visitor.
        method: of the requests.
    """
    limit = RateLimit(rate)

    async def answer_visitor(request: Request) -> Response:
        if not is_from_here(request):
            return refusal(FOREIGN, 403)
        visitor = visitor_of(request)
        if visitor is None:
            return refusal(NO_COOKIE, 403)
        if not limit.takes(visitor):
            return refusal(TOO_OFTEN, 429, {"Retry-After": "1"})
        return await answer_in_json(request, answer(request, visitor), visitor)

    return Route(f"{routes_path()}{path}", answer_visitor, methods=[method])


def is_from_here(request: Request) -> bool:
    """Whether no other site had the browser ask, by `Sec-Fetch-Site`; of old browsers by `Origin`, if they say it."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN_SITES
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host", "")


async def answer_in_json(request: Request, answer: Awaitable[Response], visitor: str | None = None) -> Response:
    """What a route answers; whatever goes wrong becomes a sentence in JSON.

    Args:
        request: that is answered.
        answer: of the route.
        visitor: key of whoever asks, who may be told less than the owner of this computer.
    """
    try:
        return await answer
    except ClientDisconnect:
        return refusal(NOT_HERE, 400)  # which nobody hears
    except BluetitError as exc:
        return refusal(await asyncio.to_thread(told_to, visitor, str(exc)), _status_of(exc))
    except Exception:
        # A bug that one request meets is told as every other error is: in JSON, which the page can show.
        logger.exception("%s %s failed", request.method, request.url.path)
        return refusal(_BUG, 500)


def _status_of(error: BluetitError) -> int:
    if isinstance(error, UnknownDatasetError | UnknownRunError):
        return 404
    if isinstance(error, NotLetInError):
        return 403
    return 422 if isinstance(error, ImageError) else 409


def json_answer(payload: Any, headers: dict[str, str] | None = None) -> Response:
    """What was asked for, for this moment: nobody keeps it."""
    content = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Response(content, media_type="application/json", headers=ANSWER_HEADERS | (headers or {}))


def refusal(sentence: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Why there is no answer, for a person."""
    answer = json_answer({"error": sentence}, headers)
    answer.status_code = status
    return answer


def whole_number(text: str) -> int | None:
    """A whole number from outside, 0 or more; None: it is none, or longer than any that the database has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None


async def read_body(request: Request, *, max_bytes: int) -> bytes | None:
    """The body of a request; None: it is larger, and no more than that much of it was read."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > max_bytes:
        return None
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            return None
    return bytes(body)
