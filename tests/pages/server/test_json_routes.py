"""What all routes share that answer in JSON."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from core.errors import BluetitError, DamagedImageError, StorageError, UnknownRunError
from pages.server.json_routes import Rate, RateLimit, json_answer, json_route, read_body, refusal
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.pages.server.route_visits import fetch

SECRET = new_secret()
COOKIE = f"{COOKIE_NAME}={SECRET}"
OFTEN = Rate(per_second=100, burst=100)


async def _tell_visitor(_: Request, visitor: str) -> Response:
    return json_answer({"visitor": visitor})


def ask(answer: Any = _tell_visitor, *, rate: Rate = OFTEN, times: int = 1, **headers: str) -> httpx.Response:
    route = json_route("/test", answer, rate=rate)
    for _ in range(times):
        response = fetch("/bluetit/test", [route], **({"cookie": COOKIE} | headers))
    return response


def test_a_visitor_is_known_by_the_cookie() -> None:
    """Nothing in the address says who asks; the answer is for this moment and for this page."""
    response = ask()
    assert response.json() == {"visitor": SECRET}
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("cookie", ["", "other=1", f"{COOKIE_NAME}=guess"])
def test_without_the_cookie_there_is_no_answer(cookie: str) -> None:
    """Who keeps no cookies is told why nothing comes."""
    response = ask(cookie=cookie)
    assert response.status_code == 403
    assert "cookies" in response.json()["error"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_cannot_ask(site: str) -> None:
    """Not with the cookie of a visitor who has both open."""
    assert ask(sec_fetch_site=site).status_code == 403
    assert ask(sec_fetch_site="same-origin").status_code == 200


def test_who_asks_too_often_has_to_wait() -> None:
    """The answer says so, and when to come again."""
    response = ask(rate=Rate(per_second=0.001, burst=2), times=3)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"
    assert "Wait" in response.json()["error"]


def test_calls_come_back_with_time() -> None:
    """On average as many as agreed, in a row no more than the burst, and one visitor takes none of another's."""
    now = 0.0
    limit = RateLimit(Rate(per_second=2, burst=3), clock=lambda: now)
    assert [limit.takes("a") for _ in range(4)] == [True, True, True, False]
    assert limit.takes("b")
    now = 0.5
    assert [limit.takes("a") for _ in range(2)] == [True, False]
    now = 100.0
    assert [limit.takes("a") for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownRunError("No such run."), 404),
        (DamagedImageError("It is cut off."), 422),
        (StorageError("The disk is full."), 409),
        (BluetitError("Not now."), 409),
    ],
)
def test_errors_keep_their_sentence(error: BluetitError, status: int) -> None:
    """A page can show what it gets."""

    async def fail(_: Request, __: str) -> Response:
        raise error

    response = ask(fail)
    assert (response.status_code, response.json()) == (status, {"error": str(error)})


def test_a_bug_is_logged_and_told_in_json(caplog: pytest.LogCaptureFixture) -> None:
    """Its text, which may name files of the server, stays in the log."""

    async def fail(_: Request, __: str) -> Response:
        raise ZeroDivisionError("secret detail")

    response = ask(fail)
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "secret detail" in caplog.text


def test_a_number_that_is_none_is_no_json() -> None:
    """Browsers refuse a whole answer for one of them: better to fail where it is made."""
    with pytest.raises(ValueError, match="Out of range"):
        json_answer({"loss": float("nan")})


def test_refusals_are_sentences_in_json() -> None:
    """Whatever letters they have."""
    response = refusal("Nur „eins“.", 418)
    assert response.status_code == 418
    assert json.loads(bytes(response.body)) == {"error": "Nur „eins“."}


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize(("num_bytes", "is_read"), [(0, True), (10, True), (11, False)])
def test_a_body_is_read_up_to_a_limit(num_bytes: int, is_read: bool, is_announced: bool) -> None:
    """Whether or not its length was announced."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * num_bytes, "more_body": False}

    headers = [(b"content-length", str(num_bytes).encode())] if is_announced else []
    request = Request({"type": "http", "headers": headers}, receive)
    assert asyncio.run(read_body(request, max_bytes=10)) == (b"x" * num_bytes if is_read else None)
