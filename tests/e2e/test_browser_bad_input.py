"""Files and links that cannot be used, in a real browser: each gets its message while good photos are answered."""

from pathlib import Path

from playwright.sync_api import FilePayload, expect

from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import LINK_TIMEOUT_SECONDS
from tests.e2e.photos import as_jpeg, one_colour_png, sample, sparse_file
from tests.loopback_server import LoopbackServer

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
# With characters that mean something elsewhere.
NAMES = ("notes *1* of $2 for $3.jpg", "![x](y) :smile: <b>.jpg")


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


def test_names_are_shown_as_they_are(page: ClassifyPage):
    """A file's name is text, on a photo and in a message, whatever characters it has."""
    photo = as_jpeg(sample("Coffee"))
    page.upload(*(payload(name, b"no photo") for name in NAMES), *(payload(f"good {name}", photo) for name in NAMES))
    page.expect_answered(4)
    for name in NAMES:
        page.expect_refused(name)
        expect(page.card(f"good {name}")).to_have_count(1)


def test_files_over_the_limit_are_refused_by_name_and_size(page: ClassifyPage, tmp_path: Path):
    """Whoever refuses them, browser or server, they are listed once, with size and limit; the uploader stays usable."""
    page.upload(sparse_file(tmp_path / "alone.jpg", 300_000_000))
    page.expect_answered(1)
    page.expect_refused("alone.jpg", "300 MB", "50 MB")
    page.upload(
        sparse_file(tmp_path / "barely.jpg", 50_000_001),
        sparse_file(tmp_path / "slightly.jpg", 51_000_000),
        sparse_file(tmp_path / "little.jpg", 53_000_000),
        sparse_file(tmp_path / "clearly.jpg", 60_000_000),
        sparse_file(tmp_path / "far.jpg", 300_000_000),
        sample("Coffee"),
    )
    page.expect_answered(7)
    for name in ("barely.jpg", "slightly.jpg", "little.jpg"):
        page.expect_refused(name, "50 MB")
    page.expect_refused("clearly.jpg", "60 MB", "50 MB")
    page.expect_refused("far.jpg", "300 MB", "50 MB")
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")


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
    page.expect_refused(f"did not deliver the photo within {LINK_TIMEOUT_SECONDS:.0f} seconds")
    page.expect_refused("more than 50.0 MB")
    page.expect_refused("leads to a web page")
    page.expect_refused("status 404")
    page.expect_refused("leads on to another address", "10.0.0.1", "private network")
    page.expect_refused("127.0.0.1:22", "private network")
    page.expect_refused("'ftp'", "only links beginning with http: or https:")
    expect(page.card("photo.jpg")).to_contain_text("cat")
