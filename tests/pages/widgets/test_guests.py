"""What somebody reads who is a guest on this computer: how much is left, and none of its folders."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from streamlit.testing.v1 import AppTest

from core.datasets.library import Library
from core.errors import RunFileError
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database
from core.storage.own_use import bind_space
from pages.server.json_routes import Rate, json_route
from pages.server.services import get_services, services_of, told_to, whole_services
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.datasets.library_samples import add
from tests.pages.server.route_visits import fetch

ERROR = "The file /srv/bluetit/runs/7/model.tflite is damaged."
TOLD = "The file model.tflite is damaged."


@pytest.fixture
def class_settings(prepared_settings: Settings, tmp_path: Path) -> Settings:
    return replace(prepared_settings, access="class", max_space_photos=10, import_dirs=(str(tmp_path),))


@pytest.fixture
def secrets(class_settings: Settings) -> dict[str, str]:
    """The secrets of a teacher and a pupil, each with a dataset of nine photos."""
    found = {}
    with closing(open_database(class_settings)) as database:
        registry = SpaceRegistry(database)
        for kind in (SpaceKind.TEACHER, SpaceKind.PUPIL):
            space, secret = registry.create(kind, f"{kind}"), new_secret()
            registry.let_in(secret, space.id)
            library = Library(bind_space(database, class_settings, space.id).database)
            add(library, library.datasets.create("Birds").id, "crow", range(9))
            found[kind.value] = secret
    return found


def visit(app: AppTest) -> str:
    app.switch_page("pages/dataset/page.py").run()
    assert not app.exception, app.exception
    return " ".join(str(each.value) for each in (*app.caption, *app.markdown, *app.info))


@pytest.mark.parametrize(("who", "is_told"), [("pupil", True), ("teacher", False)])
def test_nearly_full(
    open_app: Callable[..., AppTest],
    no_workers: None,
    class_settings: Settings,
    secrets: dict[str, str],
    who: str,
    is_told: bool,
) -> None:
    """Beside their photos a pupil reads how many of the possible ones they have; a teacher may have any number."""
    app = open_app(class_settings, secret=secrets[who])
    app.query_params["dataset"] = str(services_of(secrets[who]).library.datasets.all()[0].id)
    words = visit(app)
    assert ("Nearly full: 9 of 10 photos" in words) == is_told


def test_folders_in_sentences(
    open_app: Callable[..., AppTest], no_workers: None, class_settings: Settings, secrets: dict[str, str]
) -> None:
    """A pupil, and whoever is not let in, read the sentence without the folder; a teacher reads all of it."""
    open_app(class_settings, secret=secrets["teacher"])
    assert told_to(secrets["teacher"], ERROR) == ERROR
    assert told_to(secrets["pupil"], ERROR) == told_to(new_secret(), ERROR) == told_to(None, ERROR) == TOLD
    assert services_of(secrets["pupil"]).is_guest
    assert not services_of(secrets["teacher"]).is_guest

    async def fail(_: Request, __: str) -> Response:
        raise RunFileError(ERROR)

    for who, sentence in (("pupil", TOLD), ("teacher", ERROR)):
        route = json_route("/test", fail, rate=Rate(per_second=100, burst=100))
        answer = fetch("/bluetit/test", [route], cookie=f"{COOKIE_NAME}={secrets[who]}")
        assert (answer.status_code, answer.json()["error"]) == (409, sentence)


def test_who_is_alone_reads_everything(
    open_app: Callable[..., AppTest], no_workers: None, prepared_settings: Settings
) -> None:
    """It is their own computer; where it is open to all, nobody knows whose eyes read it."""
    open_app(prepared_settings)
    assert told_to(None, ERROR) == ERROR
    assert not get_services().is_guest


def test_settings_of_a_guest(
    open_app: Callable[..., AppTest], no_workers: None, class_settings: Settings, secrets: dict[str, str]
) -> None:
    """What pages ask the settings about is not there for guests: folders of the server, modules of TensorFlow Hub."""
    open_app(class_settings, secret=secrets["pupil"])
    guest, teacher = services_of(secrets["pupil"]).settings, services_of(secrets["teacher"]).settings
    assert (guest.import_dirs, guest.allow_hub) == ((), False)
    assert teacher == whole_services().settings
