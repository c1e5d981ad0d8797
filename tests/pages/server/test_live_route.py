"""The route of the live camera, asked with real photos of a real network."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.fair_pool import FairPool
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from pages.server import live_route
from pages.server.live_route import LIVE_ROUTES, UnderWay, live_url
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.inference.model_runs import NAMES, Models
from tests.core.inference.model_samples import SAMPLES
from tests.pages.server.route_visits import fetch

LITE0 = "EfficientNetLite0"


@dataclass(frozen=True)
class LiveServices:
    """The part of the services that the route asks for."""

    classifiers: ClassifierCache
    runs: RunLibrary
    pool: FairPool


@pytest.fixture(autouse=True)
def services(prepared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServices]:
    database = open_database(prepared_settings)
    pool = FairPool(1)
    opened = LiveServices(ClassifierCache(prepared_settings), RunLibrary(database), pool)
    monkeypatch.setattr(live_route, "services_of", lambda _: opened)
    monkeypatch.setattr(live_route, "whole_services", lambda: opened)
    yield opened
    pool.close()
    database.close()


def as_frame(photo: bytes, side_px: int = 320) -> bytes:
    """A sample photo as the page's camera sends it."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    image.thumbnail((side_px, side_px))
    return saved(image, "JPEG", quality=85)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, file_format, **options)
    return target.getvalue()


def send(frame: bytes, network: str = LITE0, query: str = "") -> httpx.Response:
    """A frame of a new visitor."""
    cookie = f"{COOKIE_NAME}={new_secret()}"
    return fetch(f"/{live_url(network)}{query}", LIVE_ROUTES, method="POST", body=frame, cookie=cookie)


def test_a_frame_is_answered_as_the_photo_is(classifier: Classifier) -> None:
    """The likeliest classes and their probabilities, what part of the frame was seen, and no heat unasked."""
    frame = as_frame(SAMPLES[0])
    answer = send(frame).json()
    found = classifier.classify(frame, "cat.jpg")
    assert [each["label"] for each in answer["classes"][:5]] == [each.label for each in found.predictions]
    assert answer["classes"][0]["probability"] == pytest.approx(found.predictions[0].probability, abs=1e-3)
    assert (answer["refusal"], answer["heat"], answer["num_classes"]) == (None, None, 1000)
    assert next(iter(answer["groups"])) == found.group
    left, top, right, bottom = answer["seen"]
    assert 0 < left < right < 1
    assert 0 < top < bottom < 1
    assert answer["useful_side_px"] == 256
    assert answer["milliseconds"] > 0


def test_the_heat_of_a_class_comes_along(classifier: Classifier) -> None:
    """The same map as that of the photo; a class that there is not has none."""
    frame = as_frame(SAMPLES[0])
    index = classifier.classify(frame, "cat.jpg").predictions[0].index
    heat = send(frame, query=f"?heat={index}").json()["heat"]
    assert heat == pytest.approx(classifier.heat(classifier.square(frame, "cat.jpg"), index), abs=0.01)
    assert send(frame, query="?heat=1000").json()["heat"] is None


def test_a_model_answers_with_its_own_classes_and_limits(prepared_settings: Settings, classifier: Classifier) -> None:
    """All of its classes, by their names; where it does not know, it says why."""
    run_id = Models(prepared_settings, classifier).add("Things")
    answer = send(as_frame(SAMPLES[0]), f"model:{run_id}").json()
    assert answer["classes"][0]["label"] == NAMES[0]
    assert {each["label"] for each in answer["classes"]} == set(NAMES)
    assert (answer["groups"], answer["has_rule"], answer["refusal"]) == ({}, False, None)
    write_decision(RunFolder(prepared_settings, run_id), Decision(min_probability=0.999999))
    answer = send(as_frame(SAMPLES[3]), f"model:{run_id}").json()
    assert answer["has_rule"]
    assert "its best guess" in answer["refusal"]


def test_what_is_not_there_is_told(prepared_settings: Settings, classifier: Classifier, services: LiveServices) -> None:
    """No such network, no such run, a deleted model, a network that is not prepared: each with a sentence."""
    run_id = Models(prepared_settings, classifier).add("Things")
    services.runs.trash(run_id)
    frame = as_frame(SAMPLES[0])
    for network, status, part in (
        ("NoSuchNet", 404, "NoSuchNet"),
        ("model:999", 404, "999"),
        ("model:x", 404, "no number"),
        (f"model:{run_id}", 404, "was deleted"),
        ("MobileNetV2", 409, "prepared"),
    ):
        answer = send(frame, network)
        assert (answer.status_code, part in answer.json()["error"]) == (status, True), answer.json()


BAD_FRAMES = {
    "nothing": b"",
    "text": b"no picture",
    "cut": as_frame(SAMPLES[0])[:2000],
    "png": saved(Image.new("RGB", (9, 9)), "PNG"),
    "16-bit": saved(Image.new("I;16", (9, 9)), "PNG"),
    "too-many-pixels": saved(Image.new("L", (2000, 2000)), "JPEG", progressive=True),
}
ODD_FRAMES = {
    "grey": saved(Image.new("L", (320, 240), 128), "JPEG"),
    "one-pixel": saved(Image.new("RGB", (1, 1)), "JPEG"),
    "four-colours": saved(Image.new("CMYK", (320, 240)), "JPEG"),
    "a-line": saved(Image.new("RGB", (1, 3000)), "JPEG"),
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_what_is_no_frame_is_refused_with_a_sentence(frame: bytes) -> None:
    """Whatever a browser sends."""
    answer = send(frame)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("frame", ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_odd_pictures_are_answered(frame: bytes) -> None:
    """As they are of photos."""
    assert len(send(frame).json()["classes"]) >= 10


def test_a_frame_has_a_size_limit() -> None:
    """Much more than the network's input is not even read."""
    answer = send(b"\xff\xd8\xff" + bytes(400_000))
    assert (answer.status_code, "400 kB" in answer.json()["error"]) == (413, True)


def test_no_frame_waits_long(services: LiveServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose turn comes too late is dropped, and the page is told when to send another."""
    monkeypatch.setattr(live_route, "_MAX_WAIT_SECONDS", -1.0)
    answer = send(as_frame(SAMPLES[0]))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "left out" in answer.json()["error"]


def test_a_visitor_has_one_frame_under_way() -> None:
    """Others have theirs, as far as there is room; whoever has been answered may send again."""
    under_way = UnderWay(max_visitors=2)
    assert under_way.refuse("a") is None
    assert "before this one" in (under_way.refuse("a") or "")
    assert under_way.refuse("b") is None
    assert "So many" in (under_way.refuse("c") or "")
    under_way.leave("a")
    assert under_way.refuse("c") is None


def test_nothing_of_a_frame_is_kept(prepared_settings: Settings) -> None:
    """No file comes, and the network remembers nothing of it."""

    def files() -> set[Path]:
        return set(prepared_settings.workspace_dir.rglob("*"))

    before = files()
    assert send(as_frame(SAMPLES[1])).status_code == 200
    assert files() == before
