"""The page for the projector."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from html import unescape
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette

from core.hosting.addresses import sort_addresses
from core.hosting.invitation import Invitation, invite
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database
from pages.server import class_start
from pages.server.class_start import CLASS_START_ROUTES
from pages.server.invited import InvitationBoard
from pages.server.visitor import COOKIE_NAME, new_secret
from pages.words.qr_picture import qr_picture

HERE, ELSEWHERE = "127.0.0.1", "192.168.1.77"
ROOM = invite(sort_addresses({"wlan0": ["192.168.1.5"], "eth0": ["10.0.0.7"]}, ["192.168.1.5"]), 8501)


@dataclass(frozen=True)
class ClassServices:
    """The part of the services that the page asks for."""

    settings: Settings
    classroom: ClassroomDesk
    spaces: SpaceRegistry


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClassServices]:
    with closing(open_database(settings)) as database:
        opened = ClassServices(replace(settings, access="class"), ClassroomDesk(database), SpaceRegistry(database))
        put_up(opened, ROOM, monkeypatch)
        yield opened


def put_up(services: ClassServices, invitation: Invitation | None, patch: pytest.MonkeyPatch) -> None:
    board = InvitationBoard()
    if invitation is not None:
        board.put_up(invitation)
    patch.setattr(class_start, "whole_services", lambda: services)
    patch.setattr(class_start, "INVITATION_BOARD", board)


def get(client: str, path: str = "", secret: str = "") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=CLASS_START_ROUTES), client=(client, 50_000))
        cookies = {COOKIE_NAME: secret} if secret else {}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://proxied.example", cookies=cookies
        ) as visitor:
            return await visitor.get(f"/bluetit/class-start{path}")

    return asyncio.run(ask())


def test_it_shows_the_way_in_and_no_secret(services: ClassServices):
    """Address, code, what else may be typed, and what to press; of the password nothing."""
    classroom, password = services.classroom.hold()
    page = get(HERE)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for part in ("192.168.1.5:8501", classroom.code, "10.0.0.7:8501", "certificate_warning.svg", "data:image/svg+xml"):
        assert part in page.text
    assert password not in page.text
    assert classroom.password_hash not in page.text


def test_it_is_for_this_computer_and_the_teacher(services: ClassServices):
    """A pupil in the class does not get the code from it for somebody else."""
    classroom, password = services.classroom.hold()
    teacher, pupil = new_secret(), new_secret()
    services.classroom.enter_as_teacher(classroom.id, password, teacher)
    space = services.spaces.create(SpaceKind.PUPIL, "Quiet Otter", classroom_id=classroom.id)
    services.spaces.let_in(pupil, space.id)
    assert get(ELSEWHERE, secret=teacher).status_code == 200
    for secret in (pupil, new_secret(), ""):
        refused = get(ELSEWHERE, secret=secret)
        assert refused.status_code == 403
        assert classroom.code not in refused.text


def test_where_no_class_is_held_there_is_no_page(services: ClassServices, monkeypatch: pytest.MonkeyPatch):
    """Neither before it has begun nor where Bluetit is used in another way."""
    assert get(HERE).status_code == 404
    services.classroom.hold()
    put_up(replace(services, settings=replace(services.settings, access="open")), ROOM, monkeypatch)
    assert get(HERE).status_code == 404


def test_behind_a_web_server_the_way_is_that_of_the_request(services: ClassServices, monkeypatch: pytest.MonkeyPatch):
    """Which has a certificate of its own, so nothing is said of warnings; all seem to be on this computer then."""
    classroom, password = services.classroom.hold()
    teacher = new_secret()
    services.classroom.enter_as_teacher(classroom.id, password, teacher)
    put_up(services, None, monkeypatch)
    assert get(HERE).status_code == 403
    page = get(HERE, secret=teacher).text
    assert "proxied.example" in page
    assert "certificate_warning" not in page


def test_what_is_shown_cannot_be_markup(services: ClassServices, monkeypatch: pytest.MonkeyPatch):
    """Names of computers and networks come from elsewhere."""
    services.classroom.hold()
    odd = replace(ROOM, typed="<script>1</script>", others=("<b>",), notes=("<i>",))
    put_up(services, odd, monkeypatch)
    page = get(HERE).text
    assert not re.search(r"<script>1|<b>|<i>", page)


def test_pictures_are_two(services: ClassServices):
    """The other files beside them are asked for elsewhere."""
    assert get(ELSEWHERE, "/certificate_warning.svg").headers["content-type"] == "image/svg+xml"
    assert get(ELSEWHERE, "/bluetit.svg").status_code == 200
    for name in ("/page.css", "/..%2Fserver%2Fservices.py"):
        assert get(ELSEWHERE, name).status_code == 404


def test_a_qr_code_is_dark_on_light_with_its_edge():
    """Cameras need both; the longest link of a class still gives squares that are large from afar."""
    made = qr_picture("https://[2a02:8109:9a40:1234:5678:9abc:def0:1234]:8501/?code=KQXWMB", label="Code")
    size = re.search(r"viewBox='0 0 (\d+) (\d+)'", unquote(unescape(made)))
    assert size is not None
    assert int(size[1]) == int(size[2]) <= 49
