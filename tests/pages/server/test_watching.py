"""Long polls: one reading for all who wait, and bounds on how much anybody waits for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.postgresql_server import PostgreSQLServer
from core.errors import StorageError
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.notices import CHANGES
from pages.server import watching
from pages.server.json_routes import Rate, json_route
from pages.server.stopping import give_notice
from pages.server.visitor import COOKIE_NAME, new_secret
from pages.server.watching import Ear, WatchDesk, Watched
from pages.words.telling import tag_of, telling_of, with_tag
from tests.conftest import POSTGRESQL_PROGRAMS

OFTEN = Rate(per_second=1_000, burst=1_000)
SOON = 0.001  # seconds from one reading to the next
LONG = 60.0


class Counter:
    """Something that changes when the test says so; knows how often it was read."""

    def __init__(self) -> None:
        self.number = 0
        self.num_readings = 0
        self.error: Exception | None = None

    def read(self) -> dict[str, Any]:
        self.num_readings += 1
        if self.error is not None:
            raise self.error
        return {"number": self.number, "padding": "x" * 2_000}

    @property
    def tag(self) -> str:
        return tag_of({"number": self.number, "padding": "x" * 2_000})


@pytest.fixture
def counter() -> Counter:
    return Counter()


def visit(counter: Counter, ask: Callable[[httpx.AsyncClient], Awaitable[Any]], every_seconds: float = SOON) -> Any:
    """What somebody gets who asks a server with one thing to watch."""
    desk = WatchDesk()

    async def answer(request: Request, visitor: str) -> Response:
        return await desk.answer(request, visitor, ("counter",), counter.read, every_seconds=every_seconds)

    async def run() -> Any:
        app = Starlette(routes=[json_route("/counter", answer, rate=OFTEN)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await ask(client)

    return asyncio.run(run())


async def get(client: httpx.AsyncClient, since: str = "", secret: str = "") -> httpx.Response:
    headers = {"Cookie": f"{COOKIE_NAME}={secret or new_secret()}"}
    return await client.get("/bluetit/counter", params={"since": since}, headers=headers)


def test_the_same_is_told_under_the_same_tag() -> None:
    """Whoever tells it, in whichever process: a browser that knows it already need not be told."""
    told = {"state": "running", "text": "ä"}
    assert json.loads(telling_of(told).content) == with_tag(told)
    assert tag_of(told) == tag_of(dict(told)) != tag_of({**told, "text": "a"})


def test_all_who_wait_share_one_reading(counter: Counter) -> None:
    """Thirty people cost what one costs; who asks a moment later gets what was read a moment before."""

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        answers = await asyncio.gather(*(get(client) for _ in range(30)))
        return [*answers, await get(client)]

    answers = visit(counter, ask, every_seconds=LONG)
    assert {answer.json()["number"] for answer in answers} == {0}
    assert {answer.headers["etag"] for answer in answers} == {f'"{counter.tag}"'}
    assert counter.num_readings == 1


def test_who_knows_it_all_waits_for_what_comes_next(counter: Counter) -> None:
    """The answer comes when there is something to say, packed for browsers that can unpack."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(get(client, counter.tag))
        while counter.num_readings < 3:
            await asyncio.sleep(0)
        assert not waiting.done()
        counter.number = 7
        return await waiting

    answer = visit(counter, ask)
    assert (answer.json()["number"], answer.json()["tag"]) == (7, counter.tag)
    assert answer.headers["content-encoding"] == "gzip"


def test_nobody_waits_for_ever(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers on the way cut connections that are silent: that there is nothing new is an answer, too."""
    monkeypatch.setattr(watching, "WAIT_SECONDS", 0.01)
    answer = visit(counter, lambda client: get(client, counter.tag))
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_is_read_when_nobody_waits(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was closed costs nothing any more."""
    monkeypatch.setattr(watching, "WAIT_SECONDS", 0.01)

    async def ask(client: httpx.AsyncClient) -> int:
        await get(client, counter.tag)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others) if others else None
        return counter.num_readings

    assert visit(counter, ask) == counter.num_readings


def test_a_reading_that_fails_is_told_to_all_and_tried_again(counter: Counter) -> None:
    """The next who ask are answered once it works."""
    counter.error = StorageError("The disk is full.")

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        failed = await asyncio.gather(*(get(client) for _ in range(3)))
        counter.error = None
        return [*failed, await get(client)]

    answers = visit(counter, ask)
    assert [answer.status_code for answer in answers] == [409, 409, 409, 200]
    assert answers[0].json() == {"error": "The disk is full."}


def test_one_visitor_waits_for_so_much_and_no_more(counter: Counter) -> None:
    """A thousand requests that are left open take no place from others; when they are gone, there is room again."""
    secret = new_secret()

    async def ask(client: httpx.AsyncClient) -> tuple[list[int], int, int]:
        open_ones = [asyncio.create_task(get(client, counter.tag, secret)) for _ in range(20)]
        other = asyncio.create_task(get(client, counter.tag))
        done, _ = await asyncio.wait(open_ones, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 12:
            await asyncio.sleep(0)
            done = {task for task in open_ones if task.done()}
        refused = [task.result() for task in done]
        assert all(answer.headers["retry-after"] == "2" for answer in refused)
        counter.number = 1
        answered = await asyncio.gather(*open_ones, other)
        statuses = sorted(answer.status_code for answer in answered)
        return statuses, (await other).status_code, (await get(client, "", secret)).status_code

    statuses, other, afterwards = visit(counter, ask)
    assert statuses == [200] * 9 + [429] * 12
    assert (other, afterwards) == (200, 200)


def test_all_together_wait_for_so_much_and_no_more(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many secrets make one client no more welcome."""
    monkeypatch.setattr(watching, "_MAX_WAITING", 5)

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        waiting = [asyncio.create_task(get(client, counter.tag)) for _ in range(6)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        counter.number = 1
        return await asyncio.gather(*waiting)

    answers = visit(counter, ask)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503]


def test_who_leaves_does_not_wait_any_more(counter: Counter) -> None:
    """A page that is loaded anew again and again is never refused because of those before."""
    desk = WatchDesk()

    async def run() -> list[int]:
        statuses = []
        for _ in range(30):
            leaving = asyncio.Event()
            request = Request(
                {"type": "http", "headers": [], "query_string": f"since={counter.tag}".encode()}, _gone_after(leaving)
            )
            asked = asyncio.create_task(desk.answer(request, "visitor", ("counter",), counter.read, every_seconds=SOON))
            await asyncio.sleep(0)
            leaving.set()
            statuses.append((await asked).status_code)
        return statuses

    assert 429 not in asyncio.run(run())


def _gone_after(leaving: asyncio.Event) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        await leaving.wait()
        return {"type": "http.disconnect"}

    return receive


def test_nobody_keeps_the_server_from_stopping(counter: Counter) -> None:
    """Who waits is answered at once."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(get(client, counter.tag))
        while counter.num_readings < 1:
            await asyncio.sleep(0)
        give_notice()
        return await waiting

    assert visit(counter, ask, every_seconds=LONG).status_code == 304


def test_what_nobody_asks_for_is_forgotten(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many things were watched once."""
    monkeypatch.setattr(watching, "_MAX_WATCHED", 3)
    desk = WatchDesk()
    found = [desk.find(("run", number), counter.read, SOON) for number in range(5)]
    assert all(isinstance(each, Watched) for each in found)
    assert desk.find(("run", 4), counter.read, SOON) is found[4]
    assert desk.find(("run", 0), counter.read, SOON) is not found[0]


def test_what_does_not_change_is_read_less_often(counter: Counter) -> None:
    """As long as that lasts: once there is something new, it is read as often as before."""

    async def run() -> list[int]:
        watched = Watched(counter.read, SOON, rest_seconds=0.3)
        assert await watched.newer(counter.tag, 0.5) is None
        at_rest = counter.num_readings
        counter.number += 1
        assert await watched.newer("", 5.0) is not None
        at_work = counter.num_readings
        assert await watched.newer(counter.tag, 0.25) is None
        return [at_rest, counter.num_readings - at_work]

    at_rest, at_work = asyncio.run(run())
    assert at_rest <= 1 + watching._NUM_UNTIL_REST + 2
    assert at_work >= watching._NUM_UNTIL_REST


@pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")
def test_what_is_heard_of_is_not_looked_at(
    counter: Counter, settings: Settings, postgresql: PostgreSQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is answered at once although the next look would be in an hour; so is who comes and knows less."""
    monkeypatch.setattr(watching, "_HEARING_SECONDS", 3_600.0)
    monkeypatch.setattr(watching, "_HEARING_REST_SECONDS", 3_600.0)

    async def run(database: Database) -> list[int]:
        watched = Watched(counter.read, SOON, SOON, Ear(notices=database.notices, topics=frozenset({"t"})))
        told = []
        for number in range(3):
            waiting = asyncio.create_task(watched.newer(counter.tag, LONG))
            while not database.notices.is_listening(CHANGES):
                await asyncio.sleep(SOON)
            counter.number = number + 1
            await asyncio.to_thread(say, database, "t")
            for answer in (await waiting, await watched.newer("", LONG)):
                assert answer is not None
                told.append(json.loads(answer.telling.content)["number"])
        return told

    with closing(open_database(replace(settings, database_url=postgresql.new_database()))) as database:
        assert asyncio.run(run(database)) == [1, 1, 2, 2, 3, 3]


def say(database: Database, topic: str) -> None:
    """What a trigger does where a row has changed."""
    with database.session() as session:
        session.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": CHANGES, "topic": topic})
