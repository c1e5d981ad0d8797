"""The route that serves heat maps of stored photos, asked of a real model."""

import asyncio
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from core.datasets.library import Library
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import open_database
from pages.server import heat_route
from pages.server.heat_route import HEAT_ROUTES, heat_url
from tests.core.inference.model_runs import Models
from tests.core.inference.model_samples import SAMPLES

Get = Callable[[str], httpx.Response]


@dataclass(frozen=True)
class HeatServices:
    """The part of the services that the route asks for."""

    library: Library
    photo_store: PhotoStore
    classifiers: ClassifierCache


@pytest.fixture
def run_id(prepared_settings: Settings, classifier: Classifier) -> int:
    """A run whose model knows the sample photos."""
    return Models(prepared_settings, classifier).add("Things")


@pytest.fixture
def services(prepared_settings: Settings, run_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeatServices]:
    database = open_database(prepared_settings)
    store = PhotoStore(prepared_settings.photos_path, prepared_settings.cache_path)
    opened = HeatServices(Library(database), store, ClassifierCache(prepared_settings))
    monkeypatch.setattr(heat_route, "services_of", lambda _: opened)
    yield opened
    database.close()


@pytest.fixture
def photo_hash(services: HeatServices) -> str:
    """The first sample photo, stored."""
    stored = encode_photo(SAMPLES[0], "sample")
    services.photo_store.put(stored)
    services.library.photos.add([stored.record])
    return stored.record.hash


@pytest.fixture
def get(services: HeatServices) -> Get:
    """Asks a server that has nothing but the route."""

    async def ask(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=HEAT_ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(address)

    return lambda address: asyncio.run(ask(address))


def test_the_heat_of_each_class_is_a_picture_that_browsers_may_keep(get: Get, run_id: int, photo_hash: str) -> None:
    """Two classes look at different places of one photo; the address changes with the model, so it is kept."""
    answers = [get(heat_url(run_id, f"f{run_id}", class_index, photo_hash)) for class_index in (0, 1)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"] == "image/jpeg"
    assert "immutable" in answers[0].headers["cache-control"]
    assert answers[0].headers["cross-origin-resource-policy"] == "same-origin"
    first, second = (np.asarray(Image.open(io.BytesIO(answer.content)), np.int16) for answer in answers)
    assert first.shape == second.shape
    assert np.abs(first - second).mean() > 2


WRONG_PATHS = (
    "1/f1/9/{hash}",
    "1/f2/0/{hash}",
    "2/f1/0/{hash}",
    "x/f1/0/{hash}",
    "1/f1/-1/{hash}",
    "1/f1/0/{zeros}",
    "1/f1/0/nohash",
    "9999999999999999999999/f1/0/{hash}",
)


def test_what_cannot_be_shown_is_not_found(get: Get, run_id: int, photo_hash: str) -> None:
    """No such class, another model, no such run, no numbers, no such photo: one plain answer, which is not kept."""
    assert run_id == 1
    for path in WRONG_PATHS:
        answer = get(f"/bluetit/heat/{path.format(hash=photo_hash, zeros='0' * 64)}.jpg")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path


def test_a_damaged_photo_or_model_is_not_found(
    get: Get, run_id: int, photo_hash: str, services: HeatServices, prepared_settings: Settings
) -> None:
    """A file that was changed or deleted since is no error of the server."""
    address = heat_url(run_id, f"f{run_id}", 0, photo_hash)
    record = services.library.photos.get([photo_hash])[photo_hash]
    path = services.photo_store.path(photo_hash, record.suffix)
    content = path.read_bytes()
    path.write_bytes(b"something else")
    assert get(address).status_code == 404
    path.write_bytes(content)
    Path(prepared_settings.workspace_dir / "runs" / str(run_id) / "model.json").unlink()
    assert get(address).status_code == 404
