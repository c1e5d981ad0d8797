"""What the browser asks while photos are sorted: what is next, what was decided, what is taken back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.datasets.library import Library
from core.datasets.pile import PILE_NAME
from core.features.cache import FeatureCache
from core.features.table import FeatureTable
from core.foreign.library import ForeignLibrary
from core.inference.classifier_cache import ClassifierCache
from core.inference.own_classifiers import OwnClassifiers
from core.runs.library import RunLibrary
from core.settings import Settings
from core.sorting.desk import SortingDesk
from core.storage.db import open_database
from core.storage.schema import HOME_SPACE_ID
from pages.server import sort_routes
from pages.server.sort_routes import SORT_ROUTES, sorting_url
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.datasets.library_samples import add, class_ids, contents, photo_hash
from tests.pages.server.route_visits import fetch


@dataclass(frozen=True)
class SortServices:
    """The part of the services that the routes ask for."""

    library: Library
    sorting: SortingDesk
    dataset_id: int


@pytest.fixture
def services(prepared_settings: Settings, lite0: Backbone, monkeypatch: pytest.MonkeyPatch) -> Iterator[SortServices]:
    """Two crows and two tits, and sixty photos to sort that look like crows, more and more like tits."""
    opened = open_database(prepared_settings)
    database = opened.of_space(HOME_SPACE_ID)
    library, runs = Library(database), RunLibrary(database)
    dataset_id = library.datasets.create("Web", ["crow", "tit", PILE_NAME]).id
    shares = {0: 0.0, 1: 0.05, 10: 0.95, 11: 1.0} | {100 + number: number / 59 for number in range(60)}
    for name, numbers in (("crow", range(2)), ("tit", range(10, 12)), (PILE_NAME, range(100, 160))):
        add(library, dataset_id, name, numbers)
    artefact = find_artefact(lite0, prepared_settings)
    assert artefact is not None
    crow, tit = np.random.default_rng(0).random((2, 1280), np.float32)
    features = {photo_hash(number): (1 - share) * crow + share * tit for number, share in shares.items()}
    FeatureCache(prepared_settings).put(artefact.record.fingerprint, artefact.record.fit_mode, features)
    classifiers = OwnClassifiers(ClassifierCache(prepared_settings), runs, ForeignLibrary(database))
    desk = SortingDesk(prepared_settings, library, runs, classifiers, FeatureTable(prepared_settings))
    made = SortServices(library, desk, dataset_id)
    monkeypatch.setattr(sort_routes, "services_of", lambda _: made)
    yield made
    opened.close()


def ask(services: SortServices, path: str, payload: Any = None, *, dataset_id: object = None) -> httpx.Response:
    number: Any = services.dataset_id if dataset_id is None else dataset_id
    address, cookie = f"/{sorting_url(number)}/{path}", f"{COOKIE_NAME}={new_secret()}"
    if payload is None:
        return fetch(address, SORT_ROUTES, cookie=cookie)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return fetch(address, SORT_ROUTES, method="POST", body=body, cookie=cookie)


def test_the_next_fifty_are_told(services: SortServices) -> None:
    """Best first, with what the page shows of each, and how many are left."""
    ids = class_ids(services.library, services.dataset_id)
    told = ask(services, "alike", {"into": ids["crow"], "among": ids[PILE_NAME]}).json()
    assert {name for _, _, name, _ in told["photos"][:4]} == {"100.jpg", "101.jpg", "102.jpg", "103.jpg"}
    assert {photo_hash(number) for number in range(100, 104)} == {each[1] for each in told["photos"][:4]}
    assert told["photos"][0][3] == PILE_NAME
    assert (len(told["photos"]), told["num_left"], told["num_unknown"]) == (50, 60, 0)


def test_decisions_are_applied_and_taken_back(services: SortServices) -> None:
    """A move of two photos; one of them comes back."""
    library, ids = services.library, class_ids(services.library, services.dataset_id)
    pile = [image.id for image in library.images.of(services.dataset_id, class_id=ids[PILE_NAME])]
    moved = ask(services, "moves", {"moves": [[pile[0], ids["crow"]], [pile[59], ids["tit"]]]})
    assert moved.json()["summary"] == "Sorted 2 photos into 2 classes"
    assert "159.jpg" in contents(library, services.dataset_id)["tit"]
    back = ask(services, "take-back", {"operation": moved.json()["operation"], "image_ids": [pile[59]]})
    assert back.json() == {"num_restored": 1, "num_left_alone": 0}
    assert "159.jpg" in contents(library, services.dataset_id)[PILE_NAME]
    assert "100.jpg" in contents(library, services.dataset_id)["crow"]


def test_a_split_goes_along(services: SortServices) -> None:
    """Where the person has chosen one."""
    library, ids = services.library, class_ids(services.library, services.dataset_id)
    pile = [image.id for image in library.images.of(services.dataset_id, class_id=ids[PILE_NAME])]
    ask(services, "moves", {"moves": [[pile[0], ids["crow"]]], "split": "test"})
    assert library.images.get(pile[:1])[0].split == "test"


def test_suggestions_are_columns(services: SortServices) -> None:
    """Most certain first, in as many columns as the page needs."""
    ids = class_ids(services.library, services.dataset_id)
    told = ask(services, f"suggestions/{ids[PILE_NAME]}/examples").json()
    assert {len(told[name]) for name in ("ids", "hashes", "names", "class_ids", "certainties")} == {60}
    assert told["certainties"] == sorted(told["certainties"], reverse=True)
    by_name = dict(zip(told["names"], told["class_ids"], strict=True))
    assert (by_name["100.jpg"], by_name["159.jpg"]) == (ids["crow"], ids["tit"])
    assert told["unsorted"] == ""


def test_photos_without_a_suggestion_are_told(services: SortServices) -> None:
    """How many, and why."""
    ids = class_ids(services.library, services.dataset_id)
    add(services.library, services.dataset_id, PILE_NAME, range(900, 902))
    told = ask(services, f"suggestions/{ids[PILE_NAME]}/examples").json()
    assert told["unsorted"] == "Without a suggestion: 2 photos: they have not been looked at, or cannot be read."


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("alike", b"not JSON"),
        ("alike", []),
        ("alike", {"into": "crow"}),
        ("alike", {"into": 1, "wanted": [True]}),
        ("moves", {"moves": [[1, 2, 3]]}),
        ("moves", {"moves": [[1, 2]], "split": "all"}),
        ("moves", {"moves": [[1, 10**30]]}),
        ("take-back", {"operation": -1, "image_ids": [1]}),
    ],
)
def test_what_cannot_be_read_is_refused(services: SortServices, path: str, payload: Any) -> None:
    """With a sentence, and without a trace of it in the log of bugs."""
    response = ask(services, path, payload)
    assert response.status_code == 409
    assert "cannot be read" in response.json()["error"]


@pytest.mark.parametrize("dataset_id", [999, "x", -1, 10**30])
def test_of_no_dataset(services: SortServices, dataset_id: object) -> None:
    """Nothing is told or done, whatever stands in the address."""
    for path, payload in (("alike", {"into": 1}), ("moves", {"moves": [[1, 1]]}), ("suggestions/1/examples", None)):
        assert ask(services, path, payload, dataset_id=dataset_id).status_code == 404
