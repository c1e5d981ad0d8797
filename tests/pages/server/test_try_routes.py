"""A model that somebody lets others try answers photos of the same class, keeps none, and counts what is said of it."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import update

from core.errors import RunStateError, UnknownRunError
from core.inference.classifier import Classifier
from core.services import Services, open_services
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.storage.schema import Run
from pages.server import services as served
from pages.server.doorkeeper import WANTED_COOKIE
from pages.server.try_routes import TRY_ROUTES, try_page
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.inference.model_runs import NAMES, Models
from tests.core.inference.model_samples import SAMPLES
from tests.pages.server.route_visits import fetch

OTTER, HERON, STRANGER, ELSEWHERE = (new_secret() for _ in range(4))


@pytest.fixture
def services(prepared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    opened = open_services(replace(prepared_settings, access="class"))
    monkeypatch.setattr(served, "_opened", [opened])
    yield opened
    opened.close()


@pytest.fixture
def owner(services: Services, classifier: Classifier) -> Services:
    """What Otter has: one model; Heron is of the same class, one other of none of it."""
    classroom, _ = services.classroom.hold()
    otter, _ = services.classroom.enter(classroom.id, "Quiet Otter", OTTER)
    services.classroom.enter(classroom.id, "Brave Heron", HERON)
    services.spaces.let_in(ELSEWHERE, services.spaces.create(SpaceKind.ACCOUNT, "Somebody").id)
    run_id = Models(services.settings, classifier).add("Things")
    with services.database.session() as session:
        session.execute(update(Run).where(Run.id == run_id).values(space_id=otter.id))
    return services.of_space(otter.id)


@pytest.fixture
def run_id(owner: Services) -> int:
    return owner.runs.list_runs()[0].id


def ask(token: str, part: str, secret: str, body: bytes | None = None) -> httpx.Response:
    """A request of the page; with a body it sends something."""
    address, cookie = f"/{try_page(token)}/{part}", f"{COOKIE_NAME}={secret}"
    return fetch(address, TRY_ROUTES, method="GET" if body is None else "POST", body=body, cookie=cookie)


def test_another_of_the_class_tries_a_model(owner: Services, run_id: int) -> None:
    """The page is told whose model it is and what it knows, and answers as the owner's own page does."""
    token = owner.offers.offer(run_id).token
    about = ask(token, "about", HERON).json()
    assert (about["title"], about["owner"], about["classes"]) == ("Things", "Quiet Otter", list(NAMES))
    answer = ask(token, "answer", HERON, SAMPLES[0]).json()
    found = owner.classifiers.get_trained(run_id).classify(SAMPLES[0], "cat.png")
    assert [each["label"] for each in answer["classes"]] == [each.label for each in found.predictions]
    assert answer["classes"][0]["probability"] == pytest.approx(found.predictions[0].probability, abs=1e-6)


def test_who_is_not_in_comes_in_first(owner: Services, run_id: int) -> None:
    """By the door, which leads back to the model; who is in gets its page."""
    token = owner.offers.offer(run_id).token
    away, inside = (
        fetch(f"/{try_page(token)}", TRY_ROUTES, cookie=f"{COOKIE_NAME}={each}") for each in (STRANGER, HERON)
    )
    assert (away.status_code, away.headers["location"]) == (303, f"../../bluetit/door?to=bluetit%2Ftry%2F{token}")
    assert (inside.status_code, "Try a model" in inside.text) == (200, True)


def test_accounts_sign_in_first(services: Services, owner: Services, run_id: int) -> None:
    """On the first page, and the browser keeps for that long where it wanted to go."""
    token = owner.offers.offer(run_id).token
    served._opened[0] = replace(services, settings=replace(services.settings, access="accounts"))
    away = fetch(f"/{try_page(token)}", TRY_ROUTES)
    assert (away.status_code, away.headers["location"]) == (303, "../../")
    assert away.headers["set-cookie"].startswith(f"{WANTED_COOKIE}=bluetit%2Ftry%2F{token};")


def test_the_owner_sees_how_often_it_was_right(owner: Services, run_id: int) -> None:
    """Each answer is judged once at most; who has seen none says nothing."""
    token = owner.offers.offer(run_id).token
    assert ask(token, "verdict", HERON, b"right").status_code == 409
    for verdict in (b"right", b"right", b"wrong"):
        ask(token, "answer", HERON, SAMPLES[0])
        assert ask(token, "verdict", HERON, verdict).status_code == 200
    assert ask(token, "verdict", HERON, b"right").status_code == 409
    assert ask(token, "verdict", HERON, b"perhaps").status_code == 400
    offer = owner.offers.of_run(run_id)
    assert offer is not None
    assert (offer.num_photos, offer.num_right, offer.num_wrong, offer.num_judged) == (3, 2, 1, 3)


def test_nothing_of_a_photo_is_kept(owner: Services, run_id: int) -> None:
    """The workspace has the same files afterwards."""
    token = owner.offers.offer(run_id).token
    ask(token, "about", HERON)  # loads the model
    before = {path for path in owner.settings.workspace_dir.rglob("*") if path.is_file()}
    assert ask(token, "answer", HERON, SAMPLES[1]).status_code == 200
    assert {path for path in owner.settings.workspace_dir.rglob("*") if path.is_file()} == before
    assert owner.library.datasets.all() == []


@pytest.mark.parametrize("part", ["about", "answer", "verdict"])
def test_who_is_not_of_the_class(owner: Services, run_id: int, part: str) -> None:
    """A browser that nobody let in, and somebody from elsewhere, reach nothing with the link."""
    token, body = owner.offers.offer(run_id).token, None if part == "about" else SAMPLES[0][:100]
    body = b"right" if part == "verdict" else body
    assert ask(token, part, STRANGER, body).status_code == 403
    elsewhere = ask(token, part, ELSEWHERE, body)
    assert elsewhere.status_code == 404
    assert "Things" not in elsewhere.text


def test_a_link_that_is_withdrawn(owner: Services, run_id: int) -> None:
    """It opens nothing any more, and neither does a made-up one; a new link is another."""
    token = owner.offers.offer(run_id).token
    assert owner.offers.offer(run_id).token == token
    owner.offers.withdraw(run_id)
    assert owner.offers.of_run(run_id) is None
    for each in (token, "made-up"):
        answer = ask(each, "answer", HERON, SAMPLES[0])
        assert (answer.status_code, "not offered any more" in answer.json()["error"]) == (404, True)
    assert owner.offers.offer(run_id).token != token


def test_a_model_that_is_deleted(owner: Services, run_id: int) -> None:
    """It is not offered any more, and cannot be."""
    token = owner.offers.offer(run_id).token
    owner.runs.trash(run_id)
    assert ask(token, "about", HERON).status_code == 404
    with pytest.raises(RunStateError):
        owner.offers.offer(run_id)


def test_nobody_offers_what_is_not_theirs(services: Services, owner: Services, run_id: int) -> None:
    """To another space the run is not there, nor how it is offered."""
    owner.offers.offer(run_id)
    heron = services.spaces.find_by_secret(HERON)
    assert heron is not None
    theirs = services.of_space(heron.id)
    with pytest.raises(UnknownRunError):
        theirs.offers.offer(run_id)
    assert theirs.offers.of_run(run_id) is None
    theirs.offers.withdraw(run_id)
    assert owner.offers.of_run(run_id) is not None


@pytest.mark.parametrize(
    ("body", "status"), [(b"no photo", 422), (b"", 422), (b"\xff\xd8\xff cut", 422), (bytes(3_000_001), 413)]
)
def test_what_is_no_photo(owner: Services, run_id: int, body: bytes, status: int) -> None:
    """A sentence, and nothing counts."""
    token = owner.offers.offer(run_id).token
    answer = ask(token, "answer", HERON, body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert owner.offers.of_run(run_id).num_photos == 0


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """Its policy allows scripts, styles and answers of this server alone."""
    page = fetch(f"/{try_page('any')}", TRY_ROUTES, accept="text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    for name in ("try.js", "try.css"):
        assert f"./files/{name}" in page.text
        assert fetch(f"/{try_page('files')}/{name}", TRY_ROUTES).status_code == 200
    assert fetch(f"/{try_page('files')}/page.css", TRY_ROUTES).status_code == 404
