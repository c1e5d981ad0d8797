"""Public sources: the real libraries, against servers on this computer, and without any network."""

import contextlib
import http.server
import importlib.util
import io
import json
import socket
import threading
import urllib.parse
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.datasets.sources.public_sources import LICENCE_WORDS, kaggle_handle, open_public_source
from core.datasets.sources.requests import Kaggle, Licence, TensorFlowDataset, WebSearch
from core.datasets.sources.source_files import SourceFile
from core.errors import SourceError
from core.settings import Settings
from tests.loopback_server import LoopbackServer, photo_bytes

# Where kagglehub looks for its server when KAGGLE_API_ENVIRONMENT is TEST.
KAGGLE_TEST_PORT = 7777


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def settings(server: LoopbackServer, tmp_path: Path) -> Settings:
    """Photos may be read from the loopback server."""
    return Settings(
        workspace_dir=tmp_path, link_allowed_private_hosts=(server.host_and_port,), link_timeout_seconds=5.0
    )


@contextlib.contextmanager
def serve(answers: dict[str, tuple[int, str, bytes]], *, port: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Answer requests by the last part of their path; gives the port and the list of what was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.path)
            status, media_type, body = answers[urllib.parse.urlsplit(self.path).path.rpartition("/")[2]]
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.handle_one()

        def do_POST(self) -> None:
            self.handle_one()

        def log_message(self, format: str, *args) -> None:
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", port), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running.server_port, asked
        finally:
            running.shutdown()
            thread.join()


def read(source: Kaggle | TensorFlowDataset | WebSearch, settings: Settings, **kwargs) -> list[SourceFile]:
    arguments = {"report": lambda fraction, message: None, "cancelled": lambda: False, **kwargs}
    return list(open_public_source(source, settings=settings, folder=settings.workspace_dir / "import", **arguments))


def needs_no_network(host: str) -> None:
    """Skip when the host can be reached: then there is no failure to see."""
    with contextlib.suppress(OSError):
        socket.getaddrinfo(host, 443)
        pytest.skip("needs a network that does not lead to the internet")


def needs_package(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs the optional package {name}")


# --- absent packages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "extra", "source"),
    [
        ("kagglehub", "kaggle", Kaggle(handle="owner/birds")),
        ("tensorflow_datasets", "tfds", TensorFlowDataset(name="cats_vs_dogs")),
        ("ddgs", "websearch", WebSearch(query="blue tit")),
    ],
    ids=["kaggle", "tfds", "websearch"],
)
def test_an_absent_package_is_named_with_its_extra(package, extra, source, settings, monkeypatch):
    """The message says what whoever runs the server has to type."""
    # The other finders stay as they are; this one package is hidden, as if it had never been installed.
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else real(name))
    with pytest.raises(SourceError, match=rf'pip install "bluetit\[{extra}\]"'):
        read(source, settings)


# --- Kaggle ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("owner/birds", "owner/birds"),
        (" owner/birds-of_2.0 ", "owner/birds-of_2.0"),
        ("owner/birds/versions/3", "owner/birds/versions/3"),
        ("https://www.kaggle.com/datasets/owner/birds", "owner/birds"),
        ("https://www.kaggle.com/datasets/owner/birds/data?select=train#top", "owner/birds"),
        ("kaggle.com/owner/birds/", "owner/birds"),
        ("https://www.kaggle.com/datasets/owner/birds/versions/12", "owner/birds/versions/12"),
    ],
)
def test_a_data_set_is_found_by_its_name_or_the_address_of_its_page(text: str, handle: str):
    """People paste what their browser shows."""
    assert kaggle_handle(text) == handle


@pytest.mark.parametrize(
    "text", ["birds", "https://www.kaggle.com/competitions/dogs", "https://example.org/a/b", "--x"]
)
def test_what_is_no_kaggle_data_set_is_refused(text: str):
    """The message says what to copy instead."""
    with pytest.raises(SourceError, match="copy its address"):
        kaggle_handle(text)


def kaggle_archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("train/robin/1.jpg", photo_bytes())
        archive.writestr("train/crow/2.jpg", photo_bytes())
        archive.writestr("labels.csv", b"x" * 2_000_000)
    return target.getvalue()


@contextlib.contextmanager
def kaggle_server(monkeypatch, answers: dict[str, tuple[int, str, bytes]]) -> Iterator[list[str]]:
    needs_package("kagglehub")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    try:
        with serve(answers, port=KAGGLE_TEST_PORT) as (_, asked):
            yield asked
    except OSError:
        pytest.skip(f"port {KAGGLE_TEST_PORT}, the only one that kagglehub's test mode knows, is in use")


def test_a_kaggle_data_set_is_downloaded_once_and_read(settings, monkeypatch):
    """kagglehub itself, against a server on this computer; too large files are refused one by one."""
    dataset = json.dumps({"currentVersionNumber": 3}).encode()
    answers = {
        "GetDataset": (200, "application/json", dataset),
        "DownloadDataset": (200, "application/zip", kaggle_archive()),
    }
    small = Settings(workspace_dir=settings.workspace_dir, max_photo_bytes=1_000_000)
    with kaggle_server(monkeypatch, answers) as asked:
        files = read(Kaggle(handle="owner/birds"), small)
        again = read(Kaggle(handle="owner/birds"), small)
    assert [file.path for file in files] == ["labels.csv", "train/crow/2.jpg", "train/robin/1.jpg"]
    assert [file.data for file in files] == [None, photo_bytes(), photo_bytes()]
    assert "more than 1 MB" in (files[0].reason or "")
    assert again == files
    assert sum(path.endswith("DownloadDataset") for path in asked) == 1


@pytest.mark.parametrize(
    ("status", "message"), [(404, "has no data set named"), (403, "kaggle.json"), (500, "Try again")]
)
def test_what_kaggle_refuses_is_explained(status: int, message: str, settings, monkeypatch):
    """The person reads what to do, not a status code alone."""
    answers = {"GetDataset": (status, "application/json", b'{"message": "no"}')}
    with kaggle_server(monkeypatch, answers), pytest.raises(SourceError, match=message):
        read(Kaggle(handle="owner/birds"), settings)


def test_a_download_that_is_not_wanted_any_more_ends(settings):
    """The library cannot be stopped; its process can."""
    needs_package("kagglehub")
    with pytest.raises(SourceError, match="stopped"):
        read(Kaggle(handle="owner/birds"), settings, cancelled=lambda: True)


def test_kaggle_without_a_network_says_so(settings, monkeypatch):
    """In plain words, and soon."""
    needs_package("kagglehub")
    needs_no_network("api.kaggle.com")
    with pytest.raises(SourceError, match="connected to the internet"):
        read(Kaggle(handle="owner/birds"), settings)


# --- TensorFlow Datasets ---------------------------------------------------------------------------------


def make_toy_set(settings: Settings, splits: str, *labels: str) -> None:
    """A data set as the library writes it, in the folder where it looks first: no network is asked."""
    needs_package("tensorflow_datasets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        import tensorflow_datasets as tfds

        label = tfds.features.ClassLabel(names=labels) if labels else tfds.features.Text()
        rows = [
            (
                number,
                {
                    "image": np.full((8, 8, 3), number * 20, np.uint8),
                    "label": labels[number % len(labels)] if labels else "x",
                },
            )
            for number in range(12)
        ]
        tfds.dataset_builders.store_as_tfds_dataset(
            name="toy_birds",
            version="1.0.0",
            data_dir=settings.workspace_dir / "import" / "data",
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(8, 8, 3)), "label": label}),
            split_datasets=dict.fromkeys(splits.split(","), rows),
        )


def test_a_tensorflow_data_set_gives_folders_per_split_and_class(settings):
    """Its own splits and labels; equally many photos of each class, in proportion to the splits."""
    make_toy_set(settings, "train,test", "blue tit", "a/b")
    files = read(TensorFlowDataset(name="toy_birds", max_photos=8), settings)
    folders = [file.path.rpartition("/")[0] for file in files]
    assert sorted(folders) == sorted(["test/a-b", "test/blue tit", "train/a-b", "train/blue tit"] * 2)
    assert all(file.data and file.data.startswith(b"\x89PNG") for file in files)


def test_a_single_split_is_none(settings):
    """Where everything is called train, nothing has been split."""
    make_toy_set(settings, "train", "robin", "crow")
    files = read(TensorFlowDataset(name="toy_birds", max_photos=100), settings)
    assert len(files) == 12
    assert {file.path.rpartition("/")[0] for file in files} == {"robin", "crow"}


def test_a_set_without_classes_lists_what_it_has(settings):
    """Not every data set is one of labelled photos."""
    make_toy_set(settings, "train")
    with pytest.raises(SourceError, match="it has image, label"):
        read(TensorFlowDataset(name="toy_birds"), settings)


def test_an_unknown_tensorflow_data_set_is_named(settings):
    """The library's list of thousands is cut."""
    needs_package("tensorflow_datasets")
    with pytest.raises(SourceError, match="has no data set named no_such_birds") as caught:
        read(TensorFlowDataset(name="no_such_birds"), settings)
    assert len(str(caught.value)) < 500


# --- web search ------------------------------------------------------------------------------------------


@pytest.fixture
def bing_only(monkeypatch):
    """The one engine whose address can be changed; gives the function that changes it."""
    needs_package("ddgs")
    from ddgs.engines import ENGINES
    from ddgs.engines.bing_images import BingImages

    monkeypatch.setitem(ENGINES, "images", {"bing": BingImages})
    return lambda url: monkeypatch.setattr(BingImages, "search_url", url)


def result_page(*results: tuple[str, str]) -> bytes:
    """A page of the search engine that lists (photo's address, its page's address)."""
    entries = ""
    for photo, page in results:
        found = json.dumps({"t": "A blue tit", "murl": photo, "purl": page, "turl": photo}).replace('"', "&quot;")
        entries += f'<div><div class="imgpt"><a class="iusc" m="{found}"></a></div><div class="infopt"></div></div>'
    return f"<html><body>{entries}</body></html>".encode()


def test_a_web_search_brings_photos_with_their_pages(settings, server, bing_only):
    """Photos come through the safe link reader, keep their source, and what cannot be read says why."""
    page = result_page(
        (server.url("/photo.jpg"), "https://example.org/tits"),
        (server.url("/status/404"), "https://example.org/gone"),
        ("http://10.0.0.1/private.jpg", "https://example.org/private"),
        (server.url("/photo.jpg"), "https://example.org/twice"),
        (server.url("/disposition?inline"), "javascript:alert(1)"),
    )
    with serve({"search": (200, "text/html", page)}) as (port, asked):
        bing_only(f"http://127.0.0.1:{port}/search")
        files = read(WebSearch(query="blue tit / garden", max_photos=5), settings)
    by_url = {file.url: file for file in files}
    assert len(files) == len(by_url) == 4
    assert all(file.path.startswith("blue tit garden/000") for file in files)
    assert by_url["https://example.org/tits"].data == server.photo
    assert by_url[server.url("/disposition?inline")].data == server.photo  # no web page to keep: the photo's own link
    assert "404" in (by_url["https://example.org/gone"].reason or "")
    assert by_url["https://example.org/private"].data is None
    assert len(asked) == 2  # the second page brings nothing new


def test_a_web_search_stops_at_the_number_asked_for(settings, server, bing_only):
    """Photos that failed are replaced by the next ones, and no more are fetched than wanted."""
    photos = [(server.url(f"/photo.jpg?{number}"), "https://example.org/") for number in range(30)]
    page = result_page((server.url("/status/500"), "https://example.org/"), *photos)
    with serve({"search": (200, "text/html", page)}) as (port, _):
        bing_only(f"http://127.0.0.1:{port}/search")
        files = read(WebSearch(query="robin", max_photos=10), settings)
    assert sum(file.data is not None for file in files) == 10
    assert len(server.paths) <= 11


def test_a_search_that_finds_nothing_says_what_to_try(settings, bing_only):
    """An empty page of the engine."""
    with serve({"search": (200, "text/html", result_page())}) as (port, _):
        bing_only(f"http://127.0.0.1:{port}/search")
        with pytest.raises(SourceError, match="Use other words"):
            read(WebSearch(query="qqqq"), settings)


def test_a_search_without_a_network_says_so(settings):
    """In plain words; the licence filter is never dropped to get an answer."""
    needs_package("ddgs")
    needs_no_network("duckduckgo.com")
    with pytest.raises(SourceError, match="connected to the internet"):
        read(WebSearch(query="robin", licence=Licence.PUBLIC), settings)


def test_every_licence_has_plain_words():
    """The page lists them all."""
    assert set(LICENCE_WORDS) == set(Licence)
