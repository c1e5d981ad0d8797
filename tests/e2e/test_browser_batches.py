"""Many photos at once in a real browser: stop, go on, reload, leave and come back."""

import re
from pathlib import Path

from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.e2e.clipboard import paste_files
from tests.e2e.conftest import OpenPage
from tests.e2e.photos import sample, slow_photos, small_photos
from tests.e2e.running_app import RunningApp
from tests.waiting import wait_until

BATCH_TIMEOUT_MILLISECONDS = 300_000

# What is under way when somebody presses Stop is finished.
FEW_PHOTOS = 4
# In the document, of however many.
MOST_CARDS = 40


class HeldBackServer:
    """A server from which the browser hears nothing for a while, as on a slow line, from a certain word on."""

    def __init__(self, page: ClassifyPage, word: bytes) -> None:
        """Listen to a page from its next load on.

        Args:
            page: of the classify page.
            word: the server falls silent when the browser has sent a message with it.
        """
        self._word = word
        self._is_silent = False
        self._held_back: list[str | bytes] = []
        self._page = page.page
        self._page.route_web_socket("**/_stcore/stream", self._connect)

    def wait_for_word(self) -> None:
        """Until the word has been said."""
        wait_until(self._hears, PAGE_TIMEOUT_SECONDS)

    def _hears(self) -> bool:
        self._page.wait_for_timeout(1)  # without which nothing is heard
        return self._is_silent

    def speak(self) -> None:
        """All at once what was held back, and from now on everything."""
        self._is_silent, self._word = False, b"no word"
        while self._held_back:
            self._socket.send(self._held_back.pop(0))

    def _connect(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        server = socket.connect_to_server()

        def to_server(message: str | bytes) -> None:
            self._is_silent = self._is_silent or (isinstance(message, bytes) and self._word in message)
            server.send(message)

        def to_browser(message: str | bytes) -> None:
            if self._is_silent:
                self._held_back.append(message)
            else:
                socket.send(message)

        socket.on_message(to_server)
        server.on_message(to_browser)


def num_waiting(page: ClassifyPage) -> int:
    found = re.search(r"(\d+) waiting$", page.summary.inner_text())
    return int(found[1]) if found else 0


def test_a_batch_is_stopped_continued_and_outlives_a_reload(page: ClassifyPage, tmp_path: Path):
    """Stop leaves the rest waiting, whatever else the visitor does on the page, until Go on. After a reload in the
    middle all photos are there, once each, and those that waited are answered; half-typed text stays."""
    page.upload(*slow_photos(tmp_path, 60, side_px=3000))
    page.expect_num_photos(60)
    expect(page.page.get_by_text(re.compile(r"^[1-9]\d* of 60 photos · about .* left$"))).to_be_visible()
    page.press_button("Stop")
    expect(page.page.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    page.expect_rest()
    left = num_waiting(page)
    assert left > 1
    page.filter("slow-060")
    expect(page.cards).to_have_count(1)
    expect(page.card("slow-060.png").get_by_text("slow-060.png is waiting")).to_be_visible()
    assert left - FEW_PHOTOS <= num_waiting(page) <= left

    page.press_button("Go on")
    page.filter("")
    wait_until(lambda: num_waiting(page) < left - FEW_PHOTOS, PAGE_TIMEOUT_SECONDS)
    page.page.reload()
    page.expect_open()
    page.expect_num_photos(60)
    page.filter_box.press_sequentially("slow")
    assert num_waiting(page) > 0
    page.expect_answered(60, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    expect(page.filter_box).to_be_focused()
    expect(page.filter_box).to_have_value("slow")
    page.filter("slow-01")
    page.expect_order([f"slow-{number:03}.png" for number in range(19, 9, -1)])


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
    """Of uploads that follow each other, while answers are still being made, no photo is lost or doubled."""
    for number in range(1, 6):
        page.upload(sample("Cat"))
        page.expect_num_photos(number)
    page.expect_answered(5)


def test_a_thousand_photos_can_be_looked_through(page: ClassifyPage, tmp_path: Path):
    """None of 160 photos that are chosen is lost, and the page says so; 40 more while these are being answered, and 800
    from the clipboard, come on top. Few cards are in the document, wherever one scrolls to, and filter, order, table
    and a reload know of all."""
    page.upload(*small_photos(tmp_path, 160, name="chosen"))
    given = page.page.get_by_text("160 photos given: 160 taken.", exact=True)
    expect(given).to_be_visible(timeout=BATCH_TIMEOUT_MILLISECONDS)
    page.upload(*small_photos(tmp_path, 40, name="more"))
    page.expect_num_photos(200)
    paste_files(page.page, small_photos(tmp_path, 800))
    page.expect_answered(1000, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    expect(page.card("small-800.jpg")).to_be_visible()
    assert page.cards.count() <= MOST_CARDS

    page.scroll_to_end(page.card("chosen-001.jpg"))
    expect(page.card("small-800.jpg")).to_have_count(0)
    assert page.cards.count() <= MOST_CARDS

    page.filter("small-05")
    page.sort("By file name")
    expect(page.cards.first).to_contain_text("small-050.jpg")
    expect(page.cards.first).to_have_attribute("aria-setsize", "10")
    page.filter("")
    page.show_as("Table")
    table = page.page.get_by_role("table")
    expect(table).to_have_attribute("aria-rowcount", "1001")  # with the row of titles
    expect(table.get_by_role("row").nth(1)).to_contain_text("chosen-001.jpg")

    page.page.reload()
    page.expect_open()
    page.expect_answered(1000)
    expect(page.card("small-800.jpg")).to_be_visible()


def test_photos_chosen_while_the_box_is_emptied_all_arrive(open_page: OpenPage, app: RunningApp, tmp_path: Path):
    """The page that empties the box comes late: what was put into it meanwhile goes into the next, once."""
    page = open_page(app, is_altered=True)
    server = HeldBackServer(page, b"/_stcore/upload_file/")  # in the report of what has been uploaded
    page.page.reload()
    page.expect_open()
    page.upload(*small_photos(tmp_path, 30, name="first"))
    server.wait_for_word()
    page.page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(
        small_photos(tmp_path, 20, name="second")
    )
    server.speak()
    page.expect_answered(50, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    expect(page.page.get_by_text("20 photos given: 20 taken.", exact=True)).to_be_visible()
