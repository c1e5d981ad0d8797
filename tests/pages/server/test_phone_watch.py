"""What the page of a dataset hears of phones."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from core.datasets.library import Library
from core.phones.links import PhoneLinks
from core.phones.photos import PhonePhotos
from core.photos.store import PhotoStore
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import HOME_SPACE_ID
from pages.server import dataset_routes
from pages.server.phone_watch import PHONE_WATCH_ROUTES, phones_url
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.phones.conftest import sent
from tests.pages.server.route_visits import fetch


@dataclass(frozen=True)
class WatchServices:
    """The part of the services that the route asks for."""

    database: Database
    library: Library
    phone_links: PhoneLinks
    phone_photos: PhonePhotos
    space_id: int = HOME_SPACE_ID


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchServices]:
    opened = open_database(settings)
    database = opened.of_space(HOME_SPACE_ID)
    store = PhotoStore(settings.photos_path, settings.cache_path)
    made = WatchServices(
        database, Library(database), PhoneLinks(settings, database), PhonePhotos(settings, database, store)
    )
    monkeypatch.setattr(dataset_routes, "services_of", lambda _: made)
    yield made
    opened.close()


def ask(dataset_id: object, since: str = "") -> httpx.Response:
    address = f"/{phones_url(dataset_id)}?since={since}"  # type: ignore[arg-type]
    return fetch(address, PHONE_WATCH_ROUTES, cookie=f"{COOKIE_NAME}={new_secret()}")


def test_a_photo_that_comes_is_told(services: WatchServices) -> None:
    """With how many there are."""
    dataset_id = services.library.datasets.create("Pets", ["cat"]).id
    link = services.phone_links.open(services.library.classes.of(dataset_id)[0].id)
    first = ask(dataset_id).json()
    assert first["links"] == [{"class": "cat", "text": "no photo has come yet · open for 90 minutes"}]
    services.phone_photos.add(link.id, sent(1))
    second = ask(dataset_id, first["tag"]).json()
    assert second["links"] == [{"class": "cat", "text": "1 photo has come · open for 90 minutes"}]
    services.phone_links.withdraw(link.id)
    third = ask(dataset_id, second["tag"]).json()
    assert third["links"] == []


@pytest.mark.parametrize("dataset_id", [999, "x", -1, 10**30])
def test_of_no_dataset(services: WatchServices, dataset_id: object) -> None:
    """Nothing is told, whatever stands in the address."""
    assert ask(dataset_id).status_code == 404
