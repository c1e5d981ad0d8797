"""A page that is opened with another's number in its address shows what it shows for one that nobody has."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.environment import to_environment
from core.services import Services
from core.settings import Settings
from core.spaces.records import SpaceKind
from pages.server.services import close_services, whole_services
from pages.server.visitor import new_secret
from pages.widgets import links
from tests.conftest import PROJECT_DIR
from tests.core.spaces.lives import Life, live, nobodys, number_from
from tests.pages.conftest import RUN_TIMEOUT_SECONDS, VISITOR_SECRET

THEIRS, OURS = "Geheim-7f3a", "Eigenes-11b2"
SECTIONS = ("Photos", "Split")
PLACES: dict[str, Callable[[Life], links.Place]] = {
    **{
        f"dataset-{section}": lambda life, section=section: links.dataset(life.dataset_id, section)
        for section in SECTIONS
    },
    "deleted-dataset": lambda life: links.dataset(life.trashed_dataset_id, "Photos"),
    "training": lambda life: links.training(life.run_id),
    "waiting": lambda life: links.training(life.queued_run_id),
    "deleted-run": lambda life: links.training(life.trashed_run_id),
    "race": lambda life: links.race(life.race),
    "results": lambda life: links.results(life.run_id),
    "results-of-deleted": lambda life: links.results(life.trashed_run_id),
    "comparison": lambda life: links.comparison([life.run_id, life.trashed_run_id]),
    "classify": lambda life: links.classify_with_model(life.run_id),
    "stage": lambda life: links.stage_with_model(life.run_id),
}
# Numbers and hours that are others at each look.
_MADE_UP = re.compile(r"[0-9a-f]{16,}|[A-Za-z0-9_-]{22}|\d+(\.\d+)?( s\b|:\d\d)?")


@dataclass(frozen=True, kw_only=True)
class Class:
    """Two visitors of a server, with a space each."""

    services: Services
    ours: Life
    theirs: Life
    our_secret: str
    their_secret: str


@pytest.fixture
def two(prepared_settings: Settings, no_workers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Class]:
    settings = Settings(workspace_dir=prepared_settings.workspace_dir, access="class")
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)
    close_services()
    whole = whole_services()
    spaces = [whole.spaces.create(SpaceKind.PUPIL, name) for name in ("Quiet Otter", "Brave Heron")]
    secrets = [new_secret(), new_secret()]
    for space, secret in zip(spaces, secrets, strict=True):
        whole.spaces.let_in(secret, space.id)
    ours = live(whole.of_space(spaces[0].id), OURS, first_photo=500, worker_id="our worker")
    number_from(71_000, whole.database)
    theirs = live(whole.of_space(spaces[1].id), THEIRS, first_photo=700, worker_id="their worker")
    yield Class(services=whole, ours=ours, theirs=theirs, our_secret=secrets[0], their_secret=secrets[1])
    close_services()


def visit(secret: str, place: links.Place) -> AppTest:
    """What a browser with this cookie gets that opens an address."""
    app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
    app.session_state[VISITOR_SECRET] = secret
    app.query_params.update(place.address)
    app.switch_page(place.page).run()
    assert not app.exception, (place, app.exception)
    return app


def shown(app: AppTest) -> str:
    """Everything that a page sends to the browser, whatever it is made of, and its address."""
    return f"{_texts(app._tree.main)}{_texts(app._tree.sidebar)}{dict(app.query_params)}"


def _texts(block: Any) -> str:
    found = [str(block.proto)] if getattr(block, "proto", None) is not None else []
    for child in getattr(block, "children", {}).values():
        found.append(_texts(child))
    return "\n".join(found)


def compared(text: str, life: Life, word: str) -> str:
    for number in (life.dataset_id, life.trashed_dataset_id, life.run_id, life.queued_run_id, life.trashed_run_id):
        text = re.sub(rf"\b{number}\b", "<number>", text)
    return _MADE_UP.sub("", text.replace(word, "<word>"))


def test_foreign_addresses(two: Class) -> None:
    """Each page says that this is not here, as of a number that nobody has, and shows nothing of the other's."""
    nobody = nobodys(two.theirs)
    for name, place in PLACES.items():
        foreign = shown(visit(two.our_secret, place(two.theirs)))
        absent = shown(visit(two.our_secret, place(nobody)))
        assert THEIRS not in foreign.replace(two.theirs.race, ""), name
        assert not [photo_hash for photo_hash in two.theirs.hashes if photo_hash in foreign], name
        assert compared(foreign, two.theirs, THEIRS) == compared(absent, nobody, nobody.word), name


def test_the_owner_sees_it(two: Class) -> None:
    """Or the test above could not fail; and of the one who tried the address there is nothing."""
    for name in ("dataset-Photos", "training", "results"):
        own = shown(visit(two.their_secret, PLACES[name](two.theirs)))
        assert THEIRS in own, name
        assert OURS not in own, name


def test_whoever_was_not_let_in_sees_no_page(two: Class) -> None:
    """A cookie that nobody has let in opens none of them."""
    for place in (links.datasets(), links.trainings(), links.results(two.theirs.run_id)):
        told = shown(visit(new_secret(), place))
        assert THEIRS not in told
        assert OURS not in told
