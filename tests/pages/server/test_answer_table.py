"""The answers as a table to take away, asked for as a browser does."""

import csv
import io
from types import SimpleNamespace

import pytest

from core.inference.batch_notes import batch_owner
from core.inference.batch_records import PhotoOrigin
from core.inference.photo_batch import PhotoBatch
from core.settings import Settings
from core.storage.schema import HOME_SPACE_ID
from pages.server import answer_routes
from pages.server.answer_table import ANSWER_TABLE_ROUTES
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.core.inference.running_registry import running_registry
from tests.pages.server.route_visits import fetch

OWNER = new_secret()


@pytest.fixture
def batch(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> PhotoBatch:
    """A visitor's photos, of which one is none."""
    with running_registry(settings) as batches:
        services = SimpleNamespace(batches=batches, space_id=HOME_SPACE_ID)
        monkeypatch.setattr(answer_routes, "services_of", lambda _: services)
        batch = batches.open(None, owner=batch_owner(services.space_id, OWNER))
        batch.add_file("grün.jpg", b"some bytes", PhotoOrigin.FILE)
        yield batch


def test_the_table_is_a_file_that_spreadsheets_read(batch: PhotoBatch) -> None:
    """It has a row for each photo, a mark that says UTF-8, a name, and the network as the page calls it."""
    address = f"/bluetit/answers/{batch.batch_id}/none/table.csv?network=Mine%20%26%20yours"
    response = fetch(address, ANSWER_TABLE_ROUTES, cookie=f"{COOKIE_NAME}={OWNER}")
    assert response.headers["content-disposition"] == 'attachment; filename="bluetit.csv"'
    (row,) = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (row["file"], row["network"], row["error"]) == ("grün.jpg", "Mine & yours", "not classified")
    assert response.content.startswith("\ufeff".encode())


def test_nobody_else_has_the_table(batch: PhotoBatch) -> None:
    """To another visitor who has the address the photos are not there."""
    address = f"/bluetit/answers/{batch.batch_id}/none/table.csv"
    response = fetch(address, ANSWER_TABLE_ROUTES, cookie=f"{COOKIE_NAME}={new_secret()}")
    assert response.status_code == 404
    assert "not yours" in response.json()["error"]
