"""Files and links that cannot be used, in a real browser: each gets its message while good photos are answered."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import as_jpeg, one_colour_png, sample, sparse_file
from tests.loopback_server import LoopbackServer

LINK_TIMEOUT_SECONDS = 2.0
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


@pytest.fixture(scope="module")
def photo_server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.photo = as_jpeg(sample("Cat"))
        yield running


@pytest.fixture(scope="module")
def dead_host() -> Iterator[str]:
    """A host and port where nobody listens, kept from others."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory, photo_server: LoopbackServer, dead_host: str) -> Settings:
    return Settings(
        workspace_dir=tmp_path_factory.mktemp("workspace"),
        link_timeout_seconds=LINK_TIMEOUT_SECONDS,
        link_allowed_private_hosts=(photo_server.host_and_port, dead_host),
    )


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def test_bad_files_are_refused_by_name_and_good_ones_answered(page: ClassifyPage):
    """Each bad file has a message that names it and says what it is; a photo under a wrong ending is just a photo."""
    photo = as_jpeg(sample("Coffee"))
    page.upload(
        payload("renamed.jpg", b"Dear diary, today I saw a blue tit."),
        payload("empty.jpg", b""),
        payload("truncated.jpg", photo[: len(photo) // 2]),
        payload("drawing.svg", SVG),
        payload("enormous.png", one_colour_png(20_000, 20_000)),
        payload("photo.jpg", sample("Coffee").read_bytes()),  # a PNG
        payload("good.jpg", photo),
    )
    page.expect_answered(7)
    page.expect_refused("renamed.jpg", "text file")
    page.expect_refused("empty.jpg", "empty")
    page.expect_refused("truncated.jpg", "incomplete or damaged")
    page.expect_refused("drawing.svg", "SVG")
    page.expect_refused("enormous.png", "20000 × 20000 pixels", "100 megapixels")
    for name in ("photo.jpg", "good.jpg"):
        assert page.top_five(name)[0][0] in ("espresso", "cup")
    expect(page.summary).to_have_text("7 photos: 2 recognised, 5 refused")


def test_files_over_the_limit_are_refused_by_name_and_size(page: ClassifyPage, tmp_path: Path):
    """Files that are too large are listed with their size and the limit, while the good one is answered."""
    page.upload(
        sparse_file(tmp_path / "clearly.jpg", 60_000_000),
        sparse_file(tmp_path / "far.jpg", 300_000_000),
        sample("Coffee"),
    )
    page.expect_answered(3)
    page.expect_refused("clearly.jpg", "60 MB", "50 MB")
    page.expect_refused("far.jpg", "300 MB", "50 MB")
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")


@pytest.mark.parametrize("num_bytes", [50_000_001, 51_000_000, 53_000_000])
def test_a_file_a_little_over_the_limit_is_refused_too(page: ClassifyPage, tmp_path: Path, num_bytes: int):
    """Whoever refuses it, the browser or the server, the file is listed once, with the reason."""
    page.upload(sparse_file(tmp_path / "little.jpg", num_bytes), sample("Coffee"))
    page.expect_answered(2)
    page.expect_refused("little.jpg", "50 MB")


def test_a_single_file_over_the_limit_leaves_the_uploader_usable(page: ClassifyPage, tmp_path: Path):
    """After a refused file the next photo can be chosen as if nothing had happened."""
    page.upload(sparse_file(tmp_path / "far.jpg", 300_000_000))
    page.expect_answered(1)
    page.expect_refused("far.jpg", "300 MB")
    page.upload(sample("Coffee"))
    page.expect_answered(2)


@pytest.mark.parametrize("name", ["notes *1* of $2 for $3.jpg", "![x](y) :smile: <b>.jpg"])
def test_names_are_shown_as_they_are(page: ClassifyPage, name: str):
    """A file's name is text, on a photo and in a message, whatever characters it has."""
    page.upload(payload(name, b"no photo"), payload(f"good {name}", as_jpeg(sample("Coffee"))))
    page.expect_answered(2)
    page.expect_refused(name)
    expect(page.card(f"good {name}")).to_have_count(1)


def test_bad_links_are_refused_and_good_ones_answered(page: ClassifyPage, photo_server: LoopbackServer, dead_host: str):
    """Each bad link has a message that says what is wrong with it, while the photo behind a good one is answered."""
    page.add_links(
        [
            f"http://{dead_host}/dead.jpg",
            photo_server.url("/stalled"),
            photo_server.url("/huge"),
            photo_server.url("/page"),
            photo_server.url("/status/404"),
            photo_server.redirect_to("http://10.0.0.1/router.jpg"),
            "http://127.0.0.1:22/private.jpg",
            "ftp://example.org/old.jpg",
            photo_server.url("/photo.jpg"),
        ]
    )
    page.expect_answered(9)
    page.expect_refused(dead_host, "cannot be reached")
    page.expect_refused("did not deliver the photo within 2 seconds")
    page.expect_refused("more than 50.0 MB")
    page.expect_refused("leads to a web page")
    page.expect_refused("status 404")
    page.expect_refused("leads on to another address", "10.0.0.1", "private network")
    page.expect_refused("127.0.0.1:22", "private network")
    page.expect_refused("'ftp'", "only links beginning with http: or https:")
    expect(page.card("photo.jpg")).to_contain_text("cat")
