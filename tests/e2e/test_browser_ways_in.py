"""Every way in which photos reach the app, in a real browser: dropped, pasted, photographed, linked, picked."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from core.photos.samples import SAMPLE_PHOTOS
from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.clipboard import CLIPBOARD_PERMISSIONS, as_base64, copy_picture, copy_text, paste
from tests.e2e.conftest import OpenPage
from tests.e2e.photos import as_jpeg, sample
from tests.e2e.running_app import RunningApp
from tests.loopback_server import LoopbackServer

_DROP_JS = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  return transfer;
}"""


@pytest.fixture(scope="module")
def photo_server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.photo = as_jpeg(sample("Cat"))
        yield running


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory, photo_server: LoopbackServer) -> Settings:
    return Settings(
        workspace_dir=tmp_path_factory.mktemp("workspace"), link_allowed_private_hosts=(photo_server.host_and_port,)
    )


@pytest.fixture
def page_with_clipboard(open_page: OpenPage, app: RunningApp) -> ClassifyPage:
    """A page that may use the clipboard."""
    return open_page(app, permissions=CLIPBOARD_PERMISSIONS)


def test_photos_can_be_dropped(page: ClassifyPage):
    """A file that is dropped on the uploader is classified like one that was chosen in its dialog."""
    transfer = page.page.evaluate_handle(_DROP_JS, ["dropped.png", as_base64(sample("Coffee"))])
    page.page.get_by_test_id("stFileUploaderDropzone").dispatch_event("drop", {"dataTransfer": transfer})
    page.expect_answered(1)
    assert page.top_five("dropped.png")[0][0] in ("espresso", "cup")


def test_a_copied_picture_can_be_pasted(page_with_clipboard: ClassifyPage):
    """Ctrl+V anywhere on the page takes the picture in the clipboard."""
    page = page_with_clipboard
    copy_picture(page.page, sample("Coffee"))
    paste(page.page)
    page.expect_answered(1)
    assert page.top_five("image.png")[0][0] in ("espresso", "cup")


def test_a_copied_link_can_be_pasted(page_with_clipboard: ClassifyPage, photo_server: LoopbackServer):
    """Ctrl+V takes the photo behind a link, but not while the visitor types into a box, and not other text."""
    page = page_with_clipboard
    link = photo_server.url("/photo.jpg")
    copy_text(page.page, link)
    page.class_search.click()
    paste(page.page)
    expect(page.class_search).to_have_value(link)
    page.page.get_by_role("heading", name="What is in your photo?").click()
    copy_text(page.page, "What a lovely bird")
    paste(page.page)
    copy_text(page.page, link)
    paste(page.page)
    page.expect_answered(1)
    expect(page.card("photo.jpg")).to_contain_text("cat")


def test_a_link_to_a_photo_is_read(page: ClassifyPage, photo_server: LoopbackServer):
    """The photo behind a link, also behind a redirect, is fetched by the app and classified."""
    page.add_links([photo_server.url("/photo.jpg"), photo_server.url("/redirect")])
    page.expect_answered(2)
    for card in page.cards.all():
        expect(card.get_by_role("heading", name=re.compile("cat$"))).to_be_visible()


def test_every_sample_photo_can_be_picked(page: ClassifyPage):
    """Each sample photo is one click away from its answer."""
    for number, photo in enumerate(SAMPLE_PHOTOS, start=1):
        page.add_sample(photo.title)
        page.expect_num_photos(number)
    page.expect_answered(len(SAMPLE_PHOTOS))
    assert page.top_five("motorcycle_left.png")[0][0] in ("moped", "motor scooter", "disk brake", "crash helmet")
