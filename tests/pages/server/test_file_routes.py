"""The routes of large files: sent from the disk, under a good name, to whoever was shown them."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.middleware import Middleware

from core.datasets.exporting import export_path
from core.datasets.library import Library
from core.export.desk import ExportDesk
from core.export.exports import zip_path
from core.export.formats import find_format
from core.inference.classifier_cache import ClassifierCache
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.runs.folder import RunFolder
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from pages.server import file_routes
from pages.server.file_routes import EVERYTHING, FILE_ROUTES, LABELS, dataset_url, export_url, model_url
from pages.server.served_page import ServedPage
from tests.core.export.export_samples import certificate, write_export
from tests.core.inference.model_samples import own_record
from tests.pages.server.route_visits import count_bytes, fetch

LARGE_BYTES = 60_000_000
ZIP = b"PK" + bytes(range(256)) * 40
TITLE = "Rotkehlchen & Blåmes: “Vögel” 🐦"


@dataclass(frozen=True)
class FileServices:
    """The part of the services that the routes ask for."""

    settings: Settings
    library: Library
    runs: Any
    exports: ExportDesk


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServices]:
    database = open_database(settings)
    runs = SimpleNamespace(get_run=lambda run_id: SimpleNamespace(id=run_id, name=TITLE))
    queue = TaskQueue(database, TASK_KINDS)
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
    exports = ExportDesk(runs, queue, supervisor, ClassifierCache(settings), settings)
    opened = FileServices(settings=settings, library=Library(database), runs=runs, exports=exports)
    monkeypatch.setattr(file_routes, "services_of", lambda _: opened)
    monkeypatch.setattr(file_routes, "whole_services", lambda: opened)
    yield opened
    database.close()


@pytest.fixture
def address(services: FileServices) -> str:
    """Of the zip of a dataset."""
    dataset = services.library.datasets.create(TITLE)
    path = export_path(services.settings, dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ZIP)
    return f"/{dataset_url(dataset.id, dataset.revision)}"


@pytest.fixture
def folder(services: FileServices) -> RunFolder:
    """Of a run with a model of three files."""
    folder = RunFolder(services.settings, 3)
    folder.create()
    for path in (folder.keras_path, folder.litert_path, folder.labels_path):
        path.write_bytes(path.name.encode())
    return folder


def test_a_dataset_comes_whole_under_its_name(address: str):
    """Letters of all languages arrive; it is kept for no one else, and no server packs it again."""
    answer = fetch(address, FILE_ROUTES)
    assert (answer.status_code, answer.content) == (200, ZIP)
    kind, _, name = answer.headers["content-disposition"].partition("filename*=utf-8''")
    assert (kind, unquote(name)) == ("attachment; ", "Rotkehlchen & Blåmes_ “Vögel” 🐦.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["content-encoding"] == "identity"


def test_a_download_that_broke_off_goes_on_where_it_stopped(address: str):
    """Also when the browser asks as for a page; with another file it begins anew."""
    whole = fetch(address, FILE_ROUTES)
    asked = {"range": "bytes=100-", "if_range": whole.headers["etag"], "accept": "text/html"}
    rest = fetch(address, FILE_ROUTES, middleware=[Middleware(ServedPage)], **asked)
    assert (rest.status_code, rest.content) == (206, ZIP[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(ZIP) - 1}/{len(ZIP)}"
    anew = fetch(address, FILE_ROUTES, range="bytes=100-", if_range='"another"')
    assert (anew.status_code, anew.content) == (200, ZIP)


def test_only_whoever_was_shown_a_file_can_fetch_it(address: str, folder: RunFolder):
    """Numbers can be guessed; the mark in the address cannot, and holds for one file alone."""
    for shown in (address, f"/{model_url(3, 'keras')}"):
        _, _, _, mark, kind, row_id, part = shown.split("/")
        for other in (
            f"/bluetit/files/{'0' * len(mark)}/{kind}/{row_id}/{part}",
            f"/bluetit/files/{mark}/{kind}/{int(row_id) + 1}/{part}",
            f"/bluetit/files/{mark}/{kind}/{row_id}/{LABELS}",
            f"/bluetit/files/ä/{kind}/{row_id}/{part}",
        ):
            assert fetch(other, FILE_ROUTES).status_code == 404


def test_a_file_that_is_gone_is_told(address: str, folder: RunFolder, services: FileServices):
    """In words for the page, which asks before it lets the browser fetch; and nobody keeps the answer."""
    dataset = services.library.datasets.get(int(address.split("/")[-2]))
    export_path(services.settings, dataset).unlink()
    folder.keras_path.unlink()
    folder.litert_path.unlink()
    folder.labels_path.unlink()
    gone = [address, *(f"/{model_url(3, part)}" for part in ("keras", LABELS, EVERYTHING)), f"/{dataset_url(99, 1)}"]
    for each in gone:
        answer = fetch(each, FILE_ROUTES)
        assert answer.status_code == 404
        assert "not there any more" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert fetch(each, FILE_ROUTES, method="HEAD").status_code == 404


def test_a_question_makes_no_file(address: str, folder: RunFolder, services: FileServices):
    """The page asks whether a file is there; a bundle is made only for whoever takes it, and leaves nothing behind."""
    for each in (address, f"/{model_url(3, EVERYTHING)}"):
        answer = fetch(each, FILE_ROUTES, method="HEAD")
        assert (answer.status_code, answer.content) == (200, b"")
    bundle = fetch(f"/{model_url(3, EVERYTHING)}", FILE_ROUTES)
    assert int(bundle.headers["content-length"]) == len(bundle.content)
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert b"model.keras" in {archive.read(name) for name in archive.namelist()}
    assert [path for path in services.settings.cache_path.iterdir() if path.is_file()] == []


def test_a_large_file_is_never_in_memory_as_a_whole(folder: RunFolder):
    """Neither one that lies on the disk nor a bundle: a piece at a time."""
    with folder.keras_path.open("wb") as file:
        file.truncate(LARGE_BYTES)
    for part in ("keras", EVERYTHING):
        tracemalloc.start()
        assert count_bytes(f"/{model_url(3, part)}", FILE_ROUTES) >= LARGE_BYTES
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < LARGE_BYTES / 4


def test_an_export_is_sent_as_it_was_proven(folder: RunFolder):
    """Named after model and format; one that was tampered with, refused or never made is not, with the reason."""
    folder.write_json(folder.model_record_path, own_record().to_json())
    address = f"/{export_url(3, 'litert')}"
    assert fetch(address, FILE_ROUTES).status_code == 409
    write_export(folder, content=ZIP, title=TITLE)
    answer = fetch(address, FILE_ROUTES)
    assert (answer.status_code, answer.content) == (200, ZIP)
    assert unquote(answer.headers["content-disposition"]).endswith("“Vögel” 🐦 LiteRT.zip")
    zip_path(folder, find_format("litert")).write_bytes(ZIP[:-1] + b"!")
    for method in ("HEAD", "GET"):
        assert fetch(address, FILE_ROUTES, method=method).status_code == 409
    assert "was changed or cut off" in fetch(address, FILE_ROUTES).text
    write_export(folder, certificate(top1_agreement=0.5), title=TITLE)
    assert "another class for 100 of 200 photos" in fetch(address, FILE_ROUTES).text
