"""What phones ask the server for: with a link that lives, and with everything that is none."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.datasets.library import Library
from core.errors import NoSpaceError
from core.phones.links import PhoneLinks
from core.phones.photos import PhonePhotos
from core.phones.records import MAX_PHOTO_BYTES
from core.photos.store import PhotoStore
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.schema import PhoneLink, Space
from pages.server import phone_routes
from pages.server.headers import SecurityHeaders
from pages.server.json_routes import Rate, RateLimit
from pages.server.phone_routes import PHONE_ROUTES
from tests.core.phones.conftest import sent
from tests.pages.server.route_visits import fetch

PHOTOS, LINK, TAKE_BACK = "/bluetit/phone/photos", "/bluetit/phone/link", "/bluetit/phone/photos/take-back"
MARK = "0123456789abcdef" * 2


@dataclass(frozen=True)
class PhoneServices:
    """The part of the services that the routes ask for."""

    settings: Settings
    database: Database
    phone_links: PhoneLinks
    phone_photos: PhonePhotos
    classroom: ClassroomDesk

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "PhoneServices":
        store = PhotoStore(settings.photos_path, settings.cache_path)
        photos = PhonePhotos(settings, database, store)
        return cls(settings, database, PhoneLinks(settings, database), photos, ClassroomDesk(database))

    def of_space(self, space_id: int) -> "PhoneServices":
        return PhoneServices.of(self.settings, self.database.of_space(space_id))


@dataclass(frozen=True)
class Lesson:
    """A dataset with a class for which there is a code."""

    services: PhoneServices
    library: Library
    dataset_id: int
    link_id: int
    token: str

    def photos(self) -> list[str]:
        return [image.name for image in self.library.images.of(self.dataset_id)]

    def send(self, number: int = 1, **headers: str) -> httpx.Response:
        return ask(PHOTOS, self.token, body=sent(number).data, **{"x_photo": f"{number:032x}"} | headers)


def ask(address: str, token: str, *, method: str = "POST", body: bytes | None = None, **headers: str) -> httpx.Response:
    return fetch(address, PHONE_ROUTES, method=method, body=body, **{"x_phone_link": token} | headers)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has asked anything before."""
    for name in ("_limit", "_look_limit"):
        monkeypatch.setattr(phone_routes, name, RateLimit(Rate(per_second=1_000, burst=1_000)))


@pytest.fixture
def lesson(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lesson]:
    database = open_database(settings)
    whole = PhoneServices.of(settings, database)
    monkeypatch.setattr(phone_routes, "whole_services", lambda: whole)
    services = whole.of_space(SpaceRegistry(database).create(SpaceKind.PUPIL, "Quiet Otter").id)
    library = Library(services.database)
    dataset_id = library.datasets.create("Pets", ["cat"]).id
    link_id = services.phone_links.open(library.classes.of(dataset_id)[0].id).id
    token = services.phone_links.token_of(link_id)
    assert token is not None
    yield Lesson(services, library, dataset_id, link_id, token)
    database.close()


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("bluetit.sqlite3")}


def test_the_page_runs_nothing_of_others() -> None:
    """Its policy lets it load from here alone, and no site may show it in a frame; the server's own adds nothing."""
    answer = fetch("/bluetit/phone", PHONE_ROUTES, middleware=[Middleware(SecurityHeaders)], accept="text/html")
    assert answer.status_code == 200
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy[0]
    assert (answer.headers["referrer-policy"], answer.headers["x-frame-options"]) == ("no-referrer", "DENY")
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


@pytest.mark.parametrize("name", ["phone.js", "phone_queue.js", "camera.js", "phone.css", "bluetit.svg"])
def test_its_files_are_there(name: str) -> None:
    """As the page names them, relative to itself."""
    answer = fetch(f"/bluetit/phone/{name}", PHONE_ROUTES)
    assert answer.status_code == 200
    assert f"phone/{name}" in fetch("/bluetit/phone", PHONE_ROUTES).text


@pytest.mark.parametrize("name", ["page.css", "..%2Fserver%2Fservices.py", "%2e%2e%2f%2e%2e%2fpyproject.toml", "phone"])
def test_no_other_file_is_given_out(name: str) -> None:
    """Whatever is asked for."""
    assert fetch(f"/bluetit/phone/{name}", PHONE_ROUTES).status_code == 404


def test_a_photo_arrives(lesson: Lesson) -> None:
    """It is in the class when the phone hears of it; the phone learns the class's name and the time, nothing else."""
    assert lesson.send().json() == {"photo": f"{1:032x}"}
    assert len(lesson.photos()) == 1
    told = ask(LINK, lesson.token, method="GET").json()
    assert told.keys() == {"class", "seconds_left", "paused"}
    assert told["class"] == "cat"
    assert 0 < told["seconds_left"] <= 90 * 60


def test_a_phone_of_a_pupil_is_held_up(lesson: Lesson) -> None:
    """With the teacher's line of text, as the pupil's pages are; what it sends is taken meanwhile."""
    desk = lesson.services.classroom
    assert ask(LINK, lesson.token, method="GET").json()["paused"] is None
    classroom, _ = desk.hold()
    with lesson.services.database.of_space(None).session() as session:
        session.execute(update(Space).where(Space.kind == SpaceKind.PUPIL).values(classroom_id=classroom.id))
    desk.set_paused(classroom.id, "Eyes to me")
    assert ask(LINK, lesson.token, method="GET").json()["paused"] == "Eyes to me"
    assert lesson.send().status_code == 200
    with lesson.services.database.of_space(None).session() as session:
        session.execute(update(Space).where(Space.kind == SpaceKind.PUPIL).values(kind=SpaceKind.TEACHER))
    assert ask(LINK, lesson.token, method="GET").json()["paused"] is None


def test_a_burst_is_one_capture(lesson: Lesson) -> None:
    """Photos with the same mark were taken in one go."""
    for number in range(3):
        lesson.send(number, x_burst=MARK)
    assert len({image.capture_id for image in lesson.library.images.of(lesson.dataset_id)}) == 1
    assert len(lesson.library.images.captures(lesson.dataset_id)) == 1


def test_taking_back(lesson: Lesson) -> None:
    """With the photo's own key alone."""
    lesson.send()
    assert ask(TAKE_BACK, lesson.token, x_photo=MARK).status_code == 200
    assert len(lesson.photos()) == 1
    assert ask(TAKE_BACK, lesson.token, x_photo=f"{1:032x}").status_code == 200
    assert lesson.photos() == []


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 43 + "\t", "a" * 5_000, "../" * 14 + "x", "%00" * 14 + "x", "' OR 1=1 --"]
)
@pytest.mark.parametrize("address", [PHOTOS, TAKE_BACK, LINK])
def test_no_token_but_the_own_opens_anything(lesson: Lesson, token: str, address: str) -> None:
    """Forged, cut, long or crafted: a sentence, and nothing is kept."""
    before = files_below(lesson.services.settings.workspace_dir)
    answer = ask(address, token, method="GET" if address == LINK else "POST", body=sent(1).data, x_photo=f"{1:032x}")
    assert answer.status_code == 410
    assert answer.json()["error"].endswith("once more.")
    assert lesson.photos() == []
    assert files_below(lesson.services.settings.workspace_dir) == before


def test_ends(lesson: Lesson) -> None:
    """Over, withdrawn, deleted: each in a sentence that says so."""
    with lesson.services.database.session() as session:
        session.execute(update(PhoneLink).values(expires_at=time.time() - 1))
    assert (lesson.send().status_code, "time of this code" in lesson.send().json()["error"]) == (410, True)
    lesson.services.phone_links.withdraw(lesson.link_id)
    assert "withdrawn" in lesson.send().json()["error"]
    lesson.library.datasets.delete(lesson.dataset_id)
    assert "deleted" in lesson.send().json()["error"]
    assert lesson.photos() == []


BAD_BODIES = {
    "nothing": (b"", 422),
    "text": (b"no picture", 422),
    "cut": (sent(1).data[:300], 422),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422),
    "zip": (b"PK\x03\x04" + bytes(500), 422),
    "huge": (bytes(MAX_PHOTO_BYTES + 1), 413),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_what_is_no_photo_is_refused(lesson: Lesson, body: bytes, status: int) -> None:
    """With a sentence, and nothing of it is kept."""
    before = files_below(lesson.services.settings.workspace_dir)
    answer = ask(PHOTOS, lesson.token, body=body, x_photo=MARK)
    assert (answer.status_code, answer.json()["error"].endswith(".")) == (status, True)
    assert lesson.photos() == []
    assert files_below(lesson.services.settings.workspace_dir) == before


@pytest.mark.parametrize(
    "headers",
    [{}, {"x_photo": ""}, {"x_photo": "../../x"}, {"x_photo": MARK + "0"}, {"x_photo": MARK, "x_burst": "../x"}],
)
def test_marks_are_what_phones_make(lesson: Lesson, headers: dict[str, str]) -> None:
    """Names and paths are none of them, and no name of a file is ever taken from a phone."""
    answer = ask(PHOTOS, lesson.token, body=sent(1).data, **headers)
    assert (answer.status_code, lesson.photos()) == (400, [])


def test_other_sites_cannot_send(lesson: Lesson) -> None:
    """Not even with a token that they have come by."""
    assert lesson.send(sec_fetch_site="cross-site").status_code == 403
    assert lesson.photos() == []


def test_a_link_is_used_only_so_often(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends faster waits and is told when to come again; other links are not held up."""
    monkeypatch.setattr(phone_routes, "_limit", RateLimit(Rate(per_second=0.001, burst=2)))
    answers = [lesson.send(number) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    other = lesson.services.phone_links.open(lesson.library.classes.create(lesson.dataset_id, "dog").id)
    token = lesson.services.phone_links.token_of(other.id)
    assert token is not None
    assert ask(LINK, token, method="GET").status_code == 200


def test_there_is_room_for_so_many_at_once(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond, none is read: the phone keeps it and sends it again."""
    monkeypatch.setattr(phone_routes, "_num_under_way", 64)
    answer = lesson.send()
    assert (answer.status_code, answer.headers["retry-after"], lesson.photos()) == (503, "1", [])


def test_a_thousand_guesses(lesson: Lesson) -> None:
    """Each gets its sentence; the lesson goes on beside them, and nothing of them is kept."""

    async def guess() -> set[int]:
        transport = httpx.ASGITransport(Starlette(routes=PHONE_ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            statuses = set()
            for _ in range(10):
                answers = await asyncio.gather(
                    *(
                        client.post(PHOTOS, content=b"x", headers={"X-Phone-Link": secrets.token_urlsafe(32)})
                        for _ in range(100)
                    )
                )
                statuses |= {answer.status_code for answer in answers}
            return statuses

    before = files_below(lesson.services.settings.workspace_dir)
    assert asyncio.run(guess()) <= {410, 429}
    assert files_below(lesson.services.settings.workspace_dir) == before
    assert lesson.send().status_code == 200
    assert len(lesson.photos()) == 1


def test_a_full_disk_is_told_without_its_folder(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The phone keeps the photo and tries again; the log says which disk, and has no token."""

    def fail(*_: object) -> None:
        raise NoSpaceError("The disk that holds /srv/secret is full.")

    monkeypatch.setattr(PhotoStore, "put", fail)
    caplog.set_level(logging.DEBUG)
    answer = lesson.send()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "secret" not in answer.text
    assert "/srv/secret" in caplog.text
    assert lesson.token not in caplog.text
    assert lesson.photos() == []


def test_no_cookie_is_needed(lesson: Lesson) -> None:
    """A phone is nobody here: neither a visitor's cookie nor a space opens or closes anything."""
    assert lesson.send(cookie="bluetit_visitor=" + "A" * 43).status_code == 200
    assert ask(LINK, "A" * 43, method="GET", cookie="bluetit_visitor=" + "A" * 43).status_code == 410
