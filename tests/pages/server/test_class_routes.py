"""What a class is told as it happens: each only what is for them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.settings import Settings
from core.spaces.registry import SpaceRegistry
from pages.server import class_routes
from pages.server import services as services_module
from pages.server.class_routes import CLASS_ROUTES, board_url, notice_url
from pages.server.file_routes import FILE_ROUTES, class_url
from pages.server.visitor import COOKIE_NAME
from pages.server.watching import WatchDesk
from tests.core.spaces.class_samples import Class, collect, held_class

SECRETS = {"teacher": "t" * 43, "Quiet Otter": "o" * 43, "Brave Heron": "h" * 43, "stranger": "s" * 43}


@pytest.fixture
def lesson(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Class]:
    with held_class(settings) as held:
        registry = SpaceRegistry(held.services.database)
        registry.let_in(SECRETS["teacher"], held.teacher.id)
        for pupil in held.pupils:
            registry.let_in(SECRETS[pupil.name], pupil.id)
        monkeypatch.setattr(services_module, "_opened", [held.services])
        monkeypatch.setattr(class_routes, "_desk", WatchDesk())
        yield held


def ask(address: str, who: str) -> tuple[int, Any]:
    """What somebody is answered: status and JSON."""

    async def get() -> tuple[int, Any]:
        app = Starlette(routes=[*CLASS_ROUTES, *FILE_ROUTES])
        transport = httpx.ASGITransport(app=app)
        cookies = {COOKIE_NAME: SECRETS[who]}
        async with httpx.AsyncClient(transport=transport, base_url="http://bluetit", cookies=cookies) as client:
            answer = await client.get(f"/{address}")
            is_json = answer.headers["content-type"].startswith("application/json")
            return answer.status_code, answer.json() if is_json else answer.text

    return asyncio.run(get())


def test_the_board_is_the_teachers(lesson: Class) -> None:
    """Pupils and strangers are refused; the teacher is told of every pupil."""
    collect(lesson.of(lesson.pupils[0]), range(3))
    status, told = ask(board_url(), "teacher")
    assert status == 200
    assert [(each["name"], each["has"]) for each in told["spaces"]] == [
        ("Quiet Otter", "3 photos"),
        ("Brave Heron", "0 photos"),
    ]
    assert [ask(board_url(), who)[0] for who in ("Quiet Otter", "stranger")] == [403, 403]


def test_each_pupil_is_told_what_is_for_them(lesson: Class) -> None:
    """A look is for one; it is no address of the teacher's."""
    lesson.services.notices.note_look(lesson.pupils[0].id)
    told = [ask(notice_url(), pupil.name)[1] for pupil in lesson.pupils]
    assert [each["is_looked_at"] for each in told] == [True, False]
    assert [ask(notice_url(), who)[0] for who in ("teacher", "stranger")] == [403, 403]


def test_who_was_removed_is_told_nothing_more(lesson: Class) -> None:
    """At once, though nothing may have been deleted yet."""
    lesson.services.deletions.request_pupils([lesson.pupils[0].id])
    assert ask(notice_url(), "Quiet Otter")[0] == 403
    assert ask(notice_url(), "Brave Heron")[0] == 200
    lesson.services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    assert ask(notice_url(), "Brave Heron")[0] == 403
    assert ask(board_url(), "teacher")[1]["spaces"] == []


def test_the_projects_of_a_class_are_the_teachers(lesson: Class) -> None:
    """A pupil who was shown the address gets nothing."""
    path = lesson.services.settings.cache_path / "exports" / f"class-{lesson.classroom.id}.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK")
    address = class_url(lesson.classroom.id)
    assert [ask(address, who)[0] for who in ("teacher", "Quiet Otter", "stranger")] == [200, 404, 404]
    assert ask(class_url(99), "teacher")[0] == 404
