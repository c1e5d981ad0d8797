"""The tab with the code that phones scan."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.library import Library
from core.phones.links import PhoneLinks
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import HOME_SPACE_ID
from pages.dataset.ways_in import phone
from pages.server.reachable import ReachableAddress
from pages.words.qr_picture import qr_picture

ADDRESS = "https://192.168.1.20:8443/bluetit/phone"

Open = Callable[..., AppTest]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch, no_workers: None) -> None:
    """A phone can reach the app; a test has no browser that could say at which address."""
    monkeypatch.setattr(phone, "reachable_address", lambda _: ReachableAddress(url=ADDRESS))


@pytest.fixture
def database(prepared_settings: Settings) -> Iterator[Database]:
    with closing(open_database(prepared_settings)) as opened:
        yield opened.of_space(HOME_SPACE_ID)


@pytest.fixture
def dataset_id(database: Database) -> int:
    return Library(database).datasets.create("Pets", ["cat", "dog"]).id


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def addresses(app: AppTest) -> list[str]:
    return [each.value for each in app.code if each.value.startswith(ADDRESS)]


def test_a_code_is_shown_until_it_is_withdrawn(
    reached: None, open_app: Open, prepared_settings: Settings, database: Database, dataset_id: int
) -> None:
    """Of the class that is chosen; the other class has one of its own, and what can be scanned is in no other page."""
    app = open_app(prepared_settings, dataset=str(dataset_id)).switch_page("pages/dataset/page.py").run()
    button(app, "Use a phone").click().run()
    (first,) = addresses(app)
    links = PhoneLinks(prepared_settings, database)
    assert links.find(first.partition("#")[2]).class_name == "cat"
    button(app, "New code").click().run()
    (second,) = addresses(app)
    assert links.find(second.partition("#")[2]).class_name == "cat"
    assert [link.class_name for link in links.living(dataset_id)] == ["cat"]
    button(app, "Withdraw").click().run()
    assert addresses(app) == []
    assert links.living(dataset_id) == []
    assert button(app, "Use a phone")
    assert not app.exception


def test_a_code_of_before(
    reached: None, open_app: Open, prepared_settings: Settings, database: Database, dataset_id: int
) -> None:
    """After the server was started anew it goes on, cannot be shown, and can be withdrawn, in whichever class it is."""
    links = PhoneLinks(prepared_settings, database)
    for view in Library(database).classes.of(dataset_id):
        links.open(view.id)
    app = open_app(prepared_settings, dataset=str(dataset_id)).switch_page("pages/dataset/page.py").run()
    assert addresses(app) == []
    assert any("cannot be shown again" in each.value for each in app.caption)
    button(app, "Withdraw the code of dog").click().run()
    assert [link.class_name for link in links.living(dataset_id)] == ["cat"]


def test_what_a_class_is_called_is_text() -> None:
    """Whatever letters it has, also where it says what the picture is."""
    made = qr_picture(f"{ADDRESS}#{'A' * 43}", label='<script>alert(1)</script>&"')
    assert made.count("<") == 3
    assert made.count('"') == 6
