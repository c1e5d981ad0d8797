"""The routes of the answers, asked of real photos and a real network, as the browser of a visitor asks."""

import asyncio
import io
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from core.foreign.library import ForeignLibrary
from core.inference.batch_notes import batch_owner
from core.inference.batch_records import GivenPhoto, PhotoOrigin
from core.inference.batch_registry import BatchRegistry
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.own_classifiers import OwnClassifiers
from core.inference.photo_batch import PhotoBatch
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from core.storage.schema import HOME_SPACE_ID
from pages.server import answer_routes
from pages.server.answer_routes import ANSWER_ROUTES
from pages.server.stopping import give_notice
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.inference.running_registry import running_registry
from tests.waiting import TIMEOUT_SECONDS, wait_until

CAT, COFFEE = (sample_path(sample).read_bytes() for sample in SAMPLE_PHOTOS[:2])
Visit = Callable[[httpx.AsyncClient], Awaitable[Any]]


class Browser:
    """A visitor, who has not asked for anything yet."""

    def __init__(self) -> None:
        self.secret = new_secret()

    def visit(self, actions: Visit) -> Any:
        """What the visitor does, in one event loop."""

        async def run() -> Any:
            transport = httpx.ASGITransport(Starlette(routes=ANSWER_ROUTES))
            async with httpx.AsyncClient(
                transport=transport,
                base_url="http://localhost/bluetit/answers",
                cookies={COOKIE_NAME: self.secret},
            ) as client:
                return await asyncio.wait_for(actions(client), TIMEOUT_SECONDS)

        return asyncio.run(run())

    def get(self, address: str) -> httpx.Response:
        return self.visit(lambda client: client.get(address))

    def post(self, address: str, body: bytes) -> httpx.Response:
        return self.visit(lambda client: client.post(address, content=body))


@pytest.fixture
def anna() -> Browser:
    return Browser()


@dataclass(frozen=True)
class AnswerServices:
    """The part of the services that the routes ask for."""

    batches: BatchRegistry
    classifiers: OwnClassifiers
    space_id: int = HOME_SPACE_ID


@pytest.fixture
def classifiers(prepared_settings: Settings) -> Iterator[OwnClassifiers]:
    with closing(open_database(prepared_settings)) as database:
        yield OwnClassifiers(ClassifierCache(prepared_settings), RunLibrary(database), ForeignLibrary(database))


@pytest.fixture
def network(classifiers: OwnClassifiers, lite0: Any) -> Classifier:
    """The default network, as the page loads it."""
    return classifiers.get(lite0)


@pytest.fixture
def batch(
    anna: Browser, prepared_settings: Settings, classifiers: OwnClassifiers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PhotoBatch]:
    """Anna's photos."""
    with running_registry(prepared_settings) as registry:
        services = AnswerServices(registry, classifiers)
        monkeypatch.setattr(answer_routes, "services_of", lambda _: services)
        yield registry.open(None, owner=batch_owner(services.space_id, anna.secret))


def answered(batch: PhotoBatch, network: Classifier) -> PhotoBatch:
    batch.start(network)
    wait_until(lambda: not batch.changes(network.fingerprint).is_running)
    return batch


def picture(response: httpx.Response) -> Image.Image:
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg"), response.text
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    return Image.open(io.BytesIO(response.content))


def test_answers_come_as_they_are_given(anna: Browser, batch: PhotoBatch, network: Classifier) -> None:
    """Each request brings what is new; together they are all answers, each once, and the last says that it is over."""
    batch.add([GivenPhoto(name=f"{number}.png", origin=PhotoOrigin.FILE, data=CAT) for number in range(20)])
    batch.add_file("notes.txt", b"no photo", PhotoOrigin.FILE)
    url = f"/{batch.batch_id}/{network.fingerprint}"

    async def follow(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        told = [(await client.get(url)).json()]
        batch.start(network)
        while told[-1]["is_running"] or told[-1]["num_waiting"]:
            told.append((await client.get(url, params={"since": told[-1]["version"]})).json())
        return told

    first, *later = anna.visit(follow)
    assert first["photo_ids"] == list(range(1, 22))
    assert (first["num_waiting"], first["is_running"]) == (21, False)
    assert first["photos"][0] == {"id": 1, "name": "0.png", "has_picture": True, "error": None}
    assert len(later) > 2
    versions = [answer["version"] for answer in (first, *later)]
    assert versions == sorted(set(versions))
    photos = [photo for answer in later for photo in answer["photos"] if "classes" in photo or photo["error"]]
    assert sorted(photo["id"] for photo in photos) == list(range(1, 22))
    assert {photo["verdict"]["kind"] for photo in photos if "verdict" in photo} == {"perhaps"}
    (refused,) = (photo for photo in photos if photo["error"])
    assert "notes.txt" in refused["error"]
    assert not refused["has_picture"]


def test_a_request_waits_for_the_next_change(anna: Browser, batch: PhotoBatch, network: Classifier) -> None:
    """Nothing comes while nothing happens; a photo that another tab takes out comes at once, from whatever thread."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    batch.add_file("coffee.png", COFFEE, PhotoOrigin.FILE)
    url = f"/{answered(batch, network).batch_id}/{network.fingerprint}"

    async def wait(client: httpx.AsyncClient) -> dict[str, Any]:
        asking = asyncio.ensure_future(client.get(url, params={"since": batch.version}))
        while not batch.bell.num_listeners:
            assert not asking.done()
            await asyncio.sleep(0)
        threading.Thread(target=batch.remove, args=(1,)).start()
        return (await asking).json()

    told = anna.visit(wait)
    assert (told["photo_ids"], told["photos"], told["version"]) == ([2], [], batch.version)
    assert batch.bell.num_listeners == 0


def test_a_request_is_answered_when_nothing_happens_for_long(
    anna: Browser, batch: PhotoBatch, network: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a server on the way cuts the connection."""
    monkeypatch.setattr(answer_routes, "_WAIT_SECONDS", 0.01)
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    told = anna.get(f"/{batch.batch_id}/{network.fingerprint}?since={batch.version}").json()
    assert (told["version"], told["photos"], told["photo_ids"]) == (batch.version, [], None)


@pytest.mark.parametrize("since", ["0", "", "999999", None], ids=["0", "empty", "beyond", "none"])
def test_who_knows_nothing_is_told_all(
    anna: Browser, batch: PhotoBatch, network: Classifier, since: str | None
) -> None:
    """Or knows a version of another server."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    query = "" if since is None else f"?since={since}"
    response = anna.get(f"/{batch.batch_id}/{network.fingerprint}{query}")
    if since == "":
        assert response.status_code == 400
    else:
        assert (response.json()["photo_ids"], len(response.json()["photos"])) == ([1], 1)


ADDRESSES = (
    "{batch}/{network}",
    "{batch}/{network}?since=1",
    "{batch}/photos/1.jpg?side=320",
    "{batch}/{network}/heat/1/seen.jpg",
    "{batch}/{network}/heat/1/281.jpg",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_told_to_other_visitors(anna: Browser, batch: PhotoBatch, network: Classifier, address: str) -> None:
    """To whoever has the address and another cookie, photos are as far away as if there were none."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    answered(batch, network)
    foreign = Browser().get("/" + address.format(batch=batch.batch_id, network=network.fingerprint))
    missing = anna.get("/" + address.format(batch="made-up", network=network.fingerprint))
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert foreign.status_code == 404
    assert Browser().post(f"/{batch.batch_id}/remove", b'{"photo_ids": "all"}').status_code == 404
    assert len(batch.view("").answers) == 1


@pytest.mark.parametrize("side", [320, 640, 1280])
def test_a_photo_comes_in_the_size_that_was_asked_for(anna: Browser, batch: PhotoBatch, side: int) -> None:
    """Upright, in its own proportions, never larger than it is."""
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (900, 600), "teal").save(content, "JPEG", exif=exif)
    batch.add_file("tall.jpg", content.getvalue(), PhotoOrigin.FILE)
    shown = picture(anna.get(f"/{batch.batch_id}/photos/1.jpg?side={side}"))
    assert shown.size == {320: (213, 320), 640: (427, 640), 1280: (600, 900)}[side]


def test_photos_that_cannot_be_shown_say_so(anna: Browser, batch: PhotoBatch) -> None:
    """Removed ones, links that were not read, other sizes, no numbers; and a file that is no photo after all."""
    batch.add_file("notes.jpg", b"no photo", PhotoOrigin.FILE)
    batch.add_link("https://example.org/tit.jpg")
    url = f"/{batch.batch_id}/photos"
    for name in ("2", "3", "0", "-1", "x", "1" * 30, "\N{SUPERSCRIPT TWO}"):
        assert anna.get(f"{url}/{name}.jpg").status_code == 404, name
    for side in ("1", "0", "-320", "100000", "x", ""):
        assert anna.get(f"{url}/1.jpg?side={side}").status_code == 400, side
    unreadable = anna.get(f"{url}/1.jpg?side=320")
    assert unreadable.status_code == 422
    assert "notes.jpg" in unreadable.json()["error"]
    batch.remove(1)
    assert anna.get(f"{url}/1.jpg?side=320").status_code == 404


def test_what_the_network_saw_and_where_it_looked(anna: Browser, batch: PhotoBatch, network: Classifier) -> None:
    """The square of a photo, the same with the evidence for a class, and another for another class."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    batch.add_file("coffee.png", COFFEE, PhotoOrigin.FILE)
    url = f"/{answered(batch, network).batch_id}/{network.fingerprint}/heat/1"
    pictures = [picture(anna.get(f"{url}/{shown}.jpg")) for shown in ("seen", "281", "504")]
    assert {shown.size for shown in pictures} == {network.record.image_size}
    assert len({shown.tobytes() for shown in pictures}) == 3
    for wrong in ("1000", "-1", "x", "SEEN"):
        assert anna.get(f"{url}/{wrong}.jpg").status_code == 404, wrong
    assert anna.get(f"/{batch.batch_id}/another/heat/1/281.jpg").status_code == 404


def test_heat_comes_from_a_network_that_was_let_go(
    anna: Browser, batch: PhotoBatch, network: Classifier, classifiers: OwnClassifiers
) -> None:
    """It is loaded again; networks in memory are few, photos stay for an hour."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    answered(batch, network)
    classifiers._cache._loaded.clear()
    assert (
        picture(anna.get(f"/{batch.batch_id}/{network.fingerprint}/heat/1/281.jpg")).size == network.record.image_size
    )


def test_a_photo_of_one_pixel_is_shown_and_explained(anna: Browser, batch: PhotoBatch, network: Classifier) -> None:
    """However little there is to see."""
    content = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(content, "PNG")
    batch.add_file("dot.png", content.getvalue(), PhotoOrigin.FILE)
    url = f"/{answered(batch, network).batch_id}"
    assert picture(anna.get(f"{url}/photos/1.jpg?side=1280")).size == (1, 1)
    assert picture(anna.get(f"{url}/{network.fingerprint}/heat/1/0.jpg")).size == network.record.image_size


def test_photos_are_taken_out(anna: Browser, batch: PhotoBatch) -> None:
    """Some, those that are gone already, and all."""
    batch.add([GivenPhoto(name=f"{number}.png", origin=PhotoOrigin.FILE, data=CAT) for number in range(5)])
    url = f"/{batch.batch_id}/remove"
    response = anna.post(url, json.dumps({"photo_ids": [1, 3, 3, 99, -1, 10**30]}).encode())
    assert response.json() == {"version": batch.version}
    assert batch.changes("").photo_ids == (2, 4, 5)
    assert anna.post(url, b'{"photo_ids": []}').json() == {"version": batch.version}
    assert anna.post(url, b'{"photo_ids": "all"}').json() == {"version": batch.version}
    assert batch.changes("").photo_ids == ()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 50_000, b'{"photo_ids": null}', b'{"photo_ids": "some"}'),
        *(b'{"photo_ids": [true]}', b'{"photo_ids": ["1"]}', b'{"photo_ids": [1.0]}'),
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_a_body_that_says_nothing_takes_nothing_out(anna: Browser, batch: PhotoBatch, body: bytes) -> None:
    """The answer says what was expected."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    response = anna.post(f"/{batch.batch_id}/remove", body)
    assert response.status_code == 400
    assert "photo_ids" in response.json()["error"]
    assert batch.changes("").photo_ids == (1,)


def test_a_body_of_any_size_is_refused(anna: Browser, batch: PhotoBatch) -> None:
    """No more of it is read than ten thousand ids have."""
    assert anna.post(f"/{batch.batch_id}/remove", b'{"photo_ids": "all"}' + b" " * 70_000).status_code == 413


def wait_with(anna: Browser, batch: PhotoBatch, number: int, end: Callable[[], object]) -> list[httpx.Response]:
    """Answers to requests that are all open when something ends their waiting."""
    url = f"/{batch.batch_id}/any?since={batch.version}"

    async def wait(client: httpx.AsyncClient) -> list[httpx.Response]:
        asking = [asyncio.ensure_future(client.get(url)) for _ in range(number)]
        while batch.bell.num_listeners + sum(each.done() for each in asking) < number:
            await asyncio.sleep(0)
        end()
        return await asyncio.gather(*asking)

    return anna.visit(wait)


def test_a_page_that_is_given_up_is_told(anna: Browser, batch: PhotoBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who still waits hears that the photos are not here any more."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    registry = answer_routes.services_of(anna.secret).batches
    (response,) = wait_with(anna, batch, 1, lambda: registry.close(keeps_photos=False))
    assert response.status_code == 404
    assert batch.bell.num_listeners == 0


def test_requests_left_open_are_few_and_do_no_harm(anna: Browser, batch: PhotoBatch) -> None:
    """Of a thousand connections of one visitor a dozen wait; nothing is left of them, and the next is answered."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    responses = wait_with(anna, batch, 100, lambda: batch.remove(1))
    statuses = sorted(response.status_code for response in responses)
    assert statuses == [200] * 12 + [429] * 88
    assert all(response.headers["retry-after"] for response in responses if response.status_code == 429)
    assert not answer_routes._num_waiting
    assert batch.bell.num_listeners == 0


def test_who_hangs_up_waits_no_more(anna: Browser, batch: PhotoBatch) -> None:
    """A page that was closed leaves nothing behind, long before its time is over."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)

    async def hang_up() -> None:
        is_open = asyncio.Event()
        sent: list[Any] = []

        async def receive() -> dict[str, object]:
            if not is_open.is_set():
                is_open.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            while not batch.bell.num_listeners:
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/bluetit/answers/{batch.batch_id}/any",
            "query_string": f"since={batch.version}".encode(),
            "headers": [(b"cookie", f"{COOKIE_NAME}={anna.secret}".encode())],
            "http_version": "1.1",
        }
        await asyncio.wait_for(Starlette(routes=ANSWER_ROUTES)(scope, receive, send), 5)

    asyncio.run(hang_up())
    assert batch.bell.num_listeners == 0
    assert not answer_routes._num_waiting


def test_requests_that_wait_do_not_hold_up_the_end_of_the_server(anna: Browser, batch: PhotoBatch) -> None:
    """When it is told to stop, they are answered at once."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    (response,) = wait_with(anna, batch, 1, give_notice)
    assert response.json()["photos"] == []
    assert batch.bell.num_listeners == 0
