"""Every way in which photos reach the app, in a real browser: dropped, pasted, photographed, linked, picked."""

import re

from playwright.sync_api import expect

from core.photos.samples import SAMPLE_PHOTOS
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.clipboard import CLIPBOARD_PERMISSIONS, as_base64, copy_picture, copy_text, paste
from tests.e2e.conftest import OpenPage
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp
from tests.loopback_server import LoopbackServer

_DROP_JS = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  return transfer;
}"""


def test_photos_can_be_dropped(page: ClassifyPage):
    """A file that is dropped on the uploader is classified like one that was chosen in its dialog."""
    transfer = page.page.evaluate_handle(_DROP_JS, ["dropped.png", as_base64(sample("Coffee"))])
    page.page.get_by_test_id("stFileUploaderDropzone").dispatch_event("drop", {"dataTransfer": transfer})
    page.expect_answered(1)
    assert page.top_five("dropped.png")[0][0] in ("espresso", "cup")


def test_copied_links_and_pictures_can_be_pasted(open_page: OpenPage, app: RunningApp, photo_server: LoopbackServer):
    """Ctrl+V takes a picture, or the photo behind a link, but not while the visitor types, and not other text."""
    page = open_page(app, permissions=CLIPBOARD_PERMISSIONS)
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
    copy_picture(page.page, sample("Coffee"))
    paste(page.page)
    page.expect_answered(2)
    assert page.top_five("image.png")[0][0] in ("espresso", "cup")


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
