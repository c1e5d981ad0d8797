"""A kiosk answers whoever is of its class, by its own key, keeps nothing, and opens nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update
from starlette.middleware import Middleware

from core.actions.records import ClassAction
from core.backbones.catalog import find_backbone
from core.errors import KioskError, UnknownRunError
from core.services import Services, open_services
from core.settings import Settings
from core.spaces.kiosks import KioskSetup, KioskSource
from core.spaces.records import SpaceKind
from core.storage.schema import Run
from pages.server import services as served
from pages.server.action_routes import ACTION_ROUTES, action_url
from pages.server.kiosk_routes import KIOSK_ROUTES, KioskAddress, kiosk_address, kiosk_page
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.conftest import link_backbones
from tests.core.actions.sounds import wav
from tests.core.inference.model_runs import NAMES, Models
from tests.core.inference.model_samples import SAMPLES
from tests.pages.server.route_visits import fetch
from tests.pages.server.test_live_route import as_frame

OTTER, HERON, STRANGER, ELSEWHERE = (new_secret() for _ in range(4))
CAT = NAMES[0]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Iterator[Services]:
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("kiosks") / "workspace", access="class")
    settings.workspace_dir.mkdir()
    link_backbones(prepared_cache, settings)
    opened = open_services(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "_opened", [opened])
        yield opened
    opened.close()


@pytest.fixture(scope="module")
def owner(services: Services) -> Services:
    """What Otter has: one model; Heron is of the same class, one other of none of it."""
    classroom, _ = services.classroom.hold()
    otter, _ = services.classroom.enter(classroom.id, "Quiet Otter", OTTER)
    services.classroom.enter(classroom.id, "Brave Heron", HERON)
    services.spaces.let_in(ELSEWHERE, services.spaces.create(SpaceKind.ACCOUNT, "Somebody").id)
    classifier = services.classifiers.get(find_backbone("EfficientNetLite0"))
    run_id = Models(services.settings, classifier).add("Things")
    with services.database.session() as session:
        session.execute(update(Run).where(Run.id == run_id).values(space_id=otter.id))
    own = services.of_space(otter.id)
    own.actions.put_sound(run_id, CAT, wav())
    own.actions.choose(run_id, CAT, replace(own.actions.of_run(run_id).by_class[CAT], words="Meow!"))
    return own


@pytest.fixture(scope="module")
def run_id(owner: Services) -> int:
    return owner.runs.list_runs()[0].id


@pytest.fixture
def network(run_id: int) -> str:
    return f"model:{run_id}"


@pytest.fixture
def token(owner: Services, network: str, run_id: int) -> Iterator[str]:
    yield owner.kiosks.put_up(network, KioskSetup(title="Kitchen"), run_id=run_id).token
    owner.kiosks.take_down(network)


def ask(key: str, part: str, secret: str, body: bytes | None = None, **headers: str) -> httpx.Response:
    address, cookie = f"/{kiosk_page(key)}/{part}", f"{COOKIE_NAME}={secret}"
    return fetch(address, KIOSK_ROUTES, method="GET" if body is None else "POST", body=body, cookie=cookie, **headers)


def test_the_screen_is_told_what_it_shows(owner: Services, token: str) -> None:
    """Title, words, idle time, classes, and what happens at them with addresses below its own."""
    about = ask(token, "about", HERON).json()
    assert (about["title"], about["idle_seconds"], about["source"]) == ("Kitchen", 20, "camera")
    assert about["classes"] == list(NAMES)
    assert about["actions"]["by_label"][CAT]["words"] == "Meow!"
    sound = ask(token, about["actions"]["by_label"][CAT]["sound"], HERON)
    assert (sound.content, sound.headers["content-type"]) == (wav(), "audio/wav")
    assert sound.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_what_is_changed_holds_for_the_same_address(owner: Services, token: str, network: str, run_id: int) -> None:
    """A screen that runs hears of it; the browser plays a part of a sound when it asks for one."""
    setup = KioskSetup(unknown="Nie gesehen!", source=KioskSource.SAMPLES)
    assert owner.kiosks.put_up(network, setup, run_id=run_id).token == token
    about = ask(token, "about", HERON).json()
    assert (about["title"], about["unknown"], about["num_photos"] > 0) == ("Things", "Nie gesehen!", True)
    photo = ask(token, "photos/0.jpg", HERON)
    assert photo.content.startswith(b"\xff\xd8\xff")
    assert photo.headers["cache-control"] == "no-store"
    part = ask(token, about["actions"]["by_label"][CAT]["sound"], HERON, range="bytes=0-3")
    assert (part.status_code, part.content) == (206, b"RIFF")


def test_a_picture_is_answered_and_forgotten(owner: Services, token: str) -> None:
    """As the live camera answers; the workspace has the same files afterwards."""
    before = {path for path in owner.settings.workspace_dir.rglob("*") if path.is_file()}
    answer = ask(token, "answer", HERON, as_frame(SAMPLES[0])).json()
    assert answer["classes"][0]["label"] == CAT
    assert {path for path in owner.settings.workspace_dir.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("part", ["about", "answer", "photos/0.jpg", "actions/x.wav"])
def test_who_is_not_of_the_class(owner: Services, token: str, run_id: int, part: str) -> None:
    """A browser that nobody let in, somebody from elsewhere, and one of the class without the key reach nothing."""
    body = as_frame(SAMPLES[0]) if part == "answer" else None
    assert ask(token, part, STRANGER, body).status_code == 403
    for key, secret in ((token, ELSEWHERE), (f"model:{run_id}", HERON), ("0" * 32, HERON), ("..%2Fx", HERON)):
        answer = ask(key, part, secret, body)
        assert answer.status_code == 404
        assert "Things" not in answer.text


def test_a_model_of_ones_own_needs_no_setting_up(owner: Services, run_id: int) -> None:
    """Its owner opens it by its number, and a ready-made network by its name."""
    assert ask(f"model:{run_id}", "about", OTTER).json()["title"] == "Things"
    about = ask("EfficientNetLite0", "about", HERON).json()
    assert (about["title"], about["classes"]) == ("EfficientNet-Lite0", [])
    assert ask("NoSuchNetwork", "about", HERON).status_code == 404


def test_what_is_taken_down_opens_nothing(owner: Services, network: str, run_id: int) -> None:
    """Nor does one whose model is in the trash; put up anew it has another address."""
    token = owner.kiosks.put_up(network, KioskSetup(), run_id=run_id).token
    owner.runs.trash(run_id)
    assert ask(token, "about", HERON).status_code in (404, 409)
    owner.runs.restore(run_id)
    assert ask(token, "about", HERON).status_code == 200
    owner.kiosks.take_down(network)
    assert ask(token, "about", HERON).status_code == 404
    assert owner.kiosks.of_network(network) is None
    assert owner.kiosks.put_up(network, KioskSetup(), run_id=run_id).token != token
    owner.kiosks.take_down(network)


@pytest.mark.parametrize(
    ("body", "status"), [(b"no photo", 422), (b"", 422), (b"\xff\xd8\xff", 422), (bytes(400_001), 413)]
)
def test_what_is_no_picture(token: str, body: bytes, status: int) -> None:
    """A sentence, and the next one is answered."""
    assert ask(token, "answer", HERON, body).status_code == status


@pytest.mark.parametrize("number", ["-1", "9999", "x", "1e3", "9" * 30])
def test_a_photo_that_there_is_not(token: str, number: str) -> None:
    """Is not here, whatever stands in the address."""
    assert ask(token, f"photos/{number}.jpg", HERON).status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"idle_seconds": 1},
        {"idle_seconds": 100_000},
        {"title": "a" * 61},
        {"note": "b" * 81},
        {"invitation": " "},
        {"unknown": ""},
        {"title": "a\u202eb"},
    ],
)
def test_what_no_screen_can_show(values: dict[str, object]) -> None:
    """Is refused with a sentence."""
    with pytest.raises(KioskError):
        KioskSetup(**values)  # type: ignore[arg-type]


def test_nobody_puts_up_what_is_not_theirs(services: Services, run_id: int) -> None:
    """To another space the run is not there."""
    heron = services.spaces.find_by_secret(HERON)
    assert heron is not None
    with pytest.raises(UnknownRunError):
        services.of_space(heron.id).kiosks.put_up(f"model:{run_id}", KioskSetup(), run_id=run_id)


def test_the_address_of_the_app_leads_to_the_page(token: str) -> None:
    """By `?kiosk=`, relative, for pages alone; anything that is no key passes."""

    def opened(address: str, accept: str = "text/html") -> httpx.Response:
        return fetch(address, KIOSK_ROUTES, middleware=[Middleware(KioskAddress)], accept=accept)

    found = opened(f"/{kiosk_address(token)}")
    assert (found.status_code, found.headers["location"]) == (303, f"./{kiosk_page(token)}")
    assert opened("/?kiosk=model:7").headers["location"] == "./bluetit/kiosk/model:7"
    for address in ("/?kiosk=", "/?other=1", "/?kiosk=../../door", "/?kiosk=" + "x" * 200, "/dataset?kiosk=abc"):
        assert opened(address).status_code == 404
    assert opened(f"/{kiosk_address(token)}", accept="application/json").status_code == 404
    assert opened("/?kiosk=%0d%0aSet-Cookie:x").headers["location"] == "./bluetit/kiosk/%0D%0ASet-Cookie:x"


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """Its policy allows scripts, styles and answers of this server alone, and frames of it only on our own pages."""
    page = fetch(f"/{kiosk_page('any')}", KIOSK_ROUTES, accept="text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'self'" in policy
    for name in ("kiosk.js", "kiosk.css", "bluetit.svg"):
        assert f"./files/{name}" in page.text
        assert fetch(f"/{kiosk_page('files')}/{name}", KIOSK_ROUTES).status_code == 200
    assert fetch(f"/{kiosk_page('files')}/page.css", KIOSK_ROUTES).status_code == 404


def test_the_owner_hears_a_reaction_on_the_live_camera(owner: Services, run_id: int) -> None:
    """By the number of the run; nobody else does, and no other file is given out."""
    name = str(owner.actions.of_run(run_id).by_class[CAT].sound)
    for secret, file_name, status in ((OTTER, name, 200), (OTTER, "model.json", 404), (HERON, name, 404)):
        found = fetch(f"/{action_url(run_id, file_name)}", ACTION_ROUTES, cookie=f"{COOKIE_NAME}={secret}")
        assert found.status_code == status
    assert fetch(f"/{action_url(9 * 10**20, name)}", ACTION_ROUTES, cookie=f"{COOKIE_NAME}={OTTER}").status_code == 404


def test_an_action_that_is_empty_is_none(owner: Services, run_id: int) -> None:
    """The screen is told of no class at which nothing happens."""
    owner.actions.choose(run_id, NAMES[1], ClassAction())
    assert NAMES[1] not in ask(f"model:{run_id}", "about", OTTER).json()["actions"]["by_label"]
