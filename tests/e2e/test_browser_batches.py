"""Many photos at once in a real browser: stop, go on, reload, leave and come back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import sample, slow_photos

BATCH_TIMEOUT_MILLISECONDS = 120_000

# One photo at a time, so that a batch takes long enough to be interrupted.
IS_HALF_WAY = re.compile(r"[1-9]\d* (recognised|unsure).*[1-9]\d* waiting$")


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(workspace_dir=tmp_path_factory.mktemp("workspace"), inference_threads=1)


def num_waiting(page: ClassifyPage) -> int:
    found = re.search(r"(\d+) waiting$", page.summary.inner_text())
    return int(found[1]) if found else 0


def test_a_reload_in_the_middle_of_a_batch_loses_nothing(page: ClassifyPage, tmp_path: Path):
    """After a reload all 60 photos are there, once each, and those that waited are answered, too."""
    page.upload(*slow_photos(tmp_path, 60, side_px=2500))
    page.expect_num_photos(60)
    expect(page.summary).to_have_text(IS_HALF_WAY)
    page.page.reload()
    page.expect_open()
    page.expect_num_photos(60)
    assert num_waiting(page) > 0
    page.expect_answered(60, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    pages = page.page.get_by_role("navigation", name="Pagination")
    pages.get_by_role("button", name="Page 5").click()
    page.expect_order([f"slow-{number:03}.png" for number in range(12, 0, -1)])


def test_a_batch_can_be_stopped_and_continued(page: ClassifyPage, tmp_path: Path):
    """Stop leaves the rest waiting, whatever else the visitor does on the page, until Go on."""
    page.upload(*slow_photos(tmp_path, 300, side_px=1000))
    page.expect_num_photos(300)
    expect(page.page.get_by_text(re.compile(r"^[1-9]\d* of 300 photos · about .* left$"))).to_be_visible()
    page.press_button("Stop")
    expect(page.page.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    page.expect_rest()
    left = num_waiting(page)
    assert left > 1
    page.filter("slow-300")
    expect(page.cards).to_have_count(1)
    expect(page.card("slow-300.png")).to_contain_text("waiting")
    assert num_waiting(page) in (left, left - 1)  # the photo under way at that moment is finished
    page.press_button("Go on")
    page.expect_answered(300, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    page.expect_order(["slow-300.png"])


def test_going_to_another_page_and_back_keeps_the_answers(page: ClassifyPage):
    """Photos and answers are there again after a look at the networks, at once and without classifying anew."""
    page.upload(sample("Cat"), sample("Coffee"))
    page.expect_answered(2)
    before = page.times()
    assert len(before) == 2
    page.go_to("Networks")
    expect(page.page.get_by_role("heading", name="Networks")).to_be_visible()
    expect(page.summary).to_be_hidden()
    page.go_to("Classify")
    page.expect_open()
    page.expect_answered(2)
    # The milliseconds would differ if they had been classified again.
    assert page.times() == before


def test_photos_added_one_after_the_other_are_each_taken_once(page: ClassifyPage):
    """However fast uploads follow each other, no photo is lost or doubled."""
    for number in range(1, 6):
        page.upload(sample("Cat"))
        page.expect_num_photos(number)
    page.expect_answered(5)


def test_a_late_message_of_the_browser_takes_no_photo_twice(page: ClassifyPage):
    """Files that were taken in already are not taken in again when a busy browser reports them once more.

    The message that a busy browser sends late is recorded and repeated, for how busy it is cannot be told in a test.
    """
    messages: list[bytes | str] = []
    servers: list[WebSocketRoute] = []

    def listen(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        servers.append(server)
        browser.on_message(lambda message: (messages.append(message), server.send(message)))

    page.page.route_web_socket("**/_stcore/stream*", listen)
    page.page.reload()
    page.expect_open()
    page.upload(sample("Cat"))
    page.expect_answered(1)
    (*_, with_file) = (message for message in messages if b"chelsea.png" in message)
    servers[-1].send(with_file)
    page.upload(sample("Coffee"))
    page.expect_answered(2)
