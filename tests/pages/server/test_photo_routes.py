"""The routes that serve thumbnails and the chart library."""

import asyncio
import importlib.resources
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from core.datasets.library import Library
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import open_database
from pages.server import photo_routes
from pages.server.heat_route import heat_url
from pages.server.photo_routes import PHOTO_ROUTES, THUMBNAIL_SIDES_PX, plotly_url
from tests.conftest import PROJECT_DIR

UNKNOWN_HASH = "0" * 64

Get = Callable[..., httpx.Response]


@dataclass(frozen=True)
class PhotoServices:
    """The part of the services that the routes ask for."""

    library: Library
    photo_store: PhotoStore


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[PhotoServices]:
    """A workspace without photos, open for the routes."""
    database = open_database(settings)
    opened = PhotoServices(library=Library(database), photo_store=PhotoStore(settings.photos_path, settings.cache_path))
    monkeypatch.setattr(photo_routes, "services_of", lambda _: opened)
    yield opened
    database.close()


@pytest.fixture
def get(services: PhotoServices) -> Get:
    """Asks a server that has nothing but the routes."""

    async def ask(address: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=PHOTO_ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(address, headers=headers)

    return lambda address, **headers: asyncio.run(ask(address, headers))


@pytest.fixture
def photo_hash(services: PhotoServices) -> str:
    """A stored photo of 700 by 500 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (700, 500), (30, 120, 200)).save(file, "JPEG")
    stored = encode_photo(file.getvalue(), "blue.jpg")
    services.photo_store.put(stored)
    services.library.photos.add([stored.record])
    return stored.record.hash


@pytest.mark.parametrize("side_px", THUMBNAIL_SIDES_PX)
def test_a_thumbnail_is_a_jpeg_that_browsers_may_keep(get: Get, photo_hash: str, side_px: int):
    """Each size that the page asks for comes, and is not asked for again."""
    answer = get(f"/bluetit/photos/{photo_hash}/{side_px}.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    with Image.open(io.BytesIO(answer.content)) as thumbnail:
        assert max(thumbnail.size) == min(side_px, 700)


def test_other_sites_cannot_embed_a_photo(get: Get, photo_hash: str):
    """A page elsewhere that knows a photo's hash does not learn whether it is here."""
    answer = get(f"/bluetit/photos/{photo_hash}/128.jpg")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        f"{UNKNOWN_HASH}/128.jpg",
        f"{UNKNOWN_HASH[:-1]}/128.jpg",
        f"{UNKNOWN_HASH}0/128.jpg",
        f"{UNKNOWN_HASH[:-1]}G/128.jpg",
        f"{UNKNOWN_HASH}%0A/128.jpg",
        "..%2F..%2Fbluetit.sqlite3/128.jpg",
        f"{'é' * 64}/128.jpg",
    ],
)
def test_what_is_no_stored_photo_is_not_found(get: Get, path: str):
    """Wrong and hostile addresses all get the same plain answer, which browsers do not keep."""
    answer = get(f"/bluetit/photos/{path}")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


@pytest.mark.parametrize("side", ["0", "64", "129", "2048", "0128", "-128", "128.0", "x", "１２８"])
def test_only_the_sizes_of_the_page_are_made(get: Get, photo_hash: str, side: str):
    """Nobody can fill the disk with thumbnails of every size."""
    assert get(f"/bluetit/photos/{photo_hash}/{side}.jpg").status_code == 404


def test_a_damaged_photo_is_not_found(get: Get, photo_hash: str, services: PhotoServices):
    """A file that was changed on disk is a missing photo, not an error of the server."""
    services.photo_store.path(photo_hash, ".jpg").write_bytes(b"something else")
    assert get(f"/bluetit/photos/{photo_hash}/256.jpg").status_code == 404


def test_the_chart_library_comes_from_the_installed_package(get: Get):
    """Charts need no other server, and browsers keep the file under an address that changes with its version."""
    plotly_js = Path(str(importlib.resources.files("plotly"))) / "package_data" / "plotly.min.js"
    answer = get(plotly_url())
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < plotly_js.stat().st_size / 2
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert b"plotly.js" in answer.content[:200]
    assert plotly_js.read_bytes() == answer.content
    plain = get(plotly_url(), **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


@pytest.mark.parametrize(
    ("base_path", "path"), [("", "/bluetit"), ("photos", "/photos/bluetit"), ("/a/b/", "/a/b/bluetit")]
)
def test_addresses_are_relative_to_the_page(base_path: str, path: str, monkeypatch: pytest.MonkeyPatch):
    """The server knows its base path; what the browser asks for is relative, for only the browser knows the rest."""
    monkeypatch.setattr(photo_routes.st, "get_option", {"server.baseUrlPath": base_path}.get)
    assert photo_routes.routes_path() == path
    addresses = [photo_routes.routes_prefix(), plotly_url(), heat_url(1, "ab", 0, UNKNOWN_HASH)]
    assert all(re.match("bluetit(/|$)", address) for address in addresses)


def test_no_script_knows_an_address_by_heart():
    """Each address comes from Python, or is relative."""
    absolute = re.compile(r"""["'`]/bluetit""")
    scripts = (PROJECT_DIR / "pages" / "assets").glob("*.js")
    assert [script.name for script in scripts if absolute.search(script.read_text("utf-8"))] == []
