"""The classify page as a visitor uses it: what can be done, and what can be read."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.waiting import wait_until

# What a page does takes a second on a quiet machine, and tests must pass on a busy one.
PAGE_TIMEOUT_SECONDS = 60.0
_ONE_TRY_MILLISECONDS = 5_000  # where another try may find the page otherwise

SUMMARY = re.compile(r"^[\d,]+ photos?: ")
_PLACES_JS = (
    "images => images.map(image => [image.getBoundingClientRect().x, image.getBoundingClientRect().y, image.alt])"
)
# Streamlit says on its root whether the page is being made. It rests for a moment between two runs in a row, and before
# it notices a click.
_REST_MILLISECONDS = 300
_IS_AT_REST_JS = """(milliseconds) => {
  const isDone = document.querySelector("[data-test-script-state]")?.dataset.testScriptState === "notRunning";
  window.restingSince = isDone ? (window.restingSince ?? performance.now()) : undefined;
  return isDone && performance.now() - window.restingSince > milliseconds;
}"""
_TIMES = re.compile(r" · \d+ ms \(reading \d+, network \d+\)$")
_MORE_PAGES = re.compile(r"^\d+ more$")
_PREDICTION = re.compile(r"(.+?) (< 0\.1|[\d.]+) %(?:, |$)")


class ClassifyPage:
    """One tab of a browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self) -> None:
        """Go to the app and wait until it listens to its visitor."""
        self.page.goto(self.url)
        self.expect_open()
        self.expect_rest()

    def expect_open(self) -> None:
        """Wait until the page is there, to its end."""
        expect(self.page.get_by_role("heading", name="What is in your photo?")).to_be_visible()
        expect(self.class_search).to_be_visible()

    # What can be done

    def upload(self, *files: Path | FilePayload) -> None:
        """Choose files in the uploader's dialog, which takes a person longer than the page takes to come to rest."""
        self.expect_rest()
        box = self.page.get_by_test_id("stFileUploader").locator("input[type=file]")
        expect(box).to_have_count(1)  # the one of the previous files goes when the page is complete
        box.set_input_files(list(files))

    def add_sample(self, title: str) -> None:
        """Pick a sample photo, such as "Cat", once the page has come to rest.

        A page that is made anew before the browser has fetched its pictures takes them away, and the browser complains.
        """
        self.expect_rest()
        self.page.get_by_role("button", name=title, exact=True).click()

    def add_links(self, links: Sequence[str]) -> None:
        """Type links into the box of an empty page, one after the other."""
        self.page.get_by_role("tab", name="Link").click()
        box = self.page.get_by_role("textbox", name="Link to a photo")
        for number, link in enumerate(links, start=1):
            box.fill(link)
            self.press_button("Add")
            self.expect_num_photos(number)
            expect(box).to_have_value("")

    def start_camera(self) -> None:
        """Open the camera's tab and press its button; the browser agrees by itself."""
        self.page.get_by_role("tab", name="Camera").click()
        self.page.get_by_role("button", name="Start camera").click()

    def choose(self, label: str, option: str | re.Pattern[str]) -> None:
        """Pick an option of a select box, once the page has come to rest: until then the box may be replaced."""
        self.expect_rest()
        box = self.page.get_by_role("combobox", name=label)
        box.scroll_into_view_if_needed()
        self._wait_for_frames()  # a list that has just opened closes when the page scrolls
        wait_until(lambda: self._has_chosen(box, self.page.get_by_role("option", name=option)))

    def _has_chosen(self, box: Locator, option: Locator) -> bool:
        """Try once; a long list is still being filled when it has opened, and then takes no click."""
        try:
            if not option.is_visible():
                box.click(timeout=_ONE_TRY_MILLISECONDS)
            option.click(timeout=_ONE_TRY_MILLISECONDS)
            option.wait_for(state="hidden", timeout=_ONE_TRY_MILLISECONDS)
        except PlaywrightTimeoutError:
            return False
        return True

    def filter(self, text: str) -> None:
        """Type into the filter of the answers."""
        self.filter_box.fill(text)

    def sort(self, order: str) -> None:
        """Have the answers sorted in another order, such as "By file name"."""
        self.page.get_by_role("combobox", name="Sort").select_option(order)

    def show_as(self, layout: str) -> None:
        """Look at the answers as "Cards" or as a "Table"."""
        self.page.get_by_role("radio", name=layout, exact=True).check()

    def scroll_to_end(self, card: Locator) -> None:
        """Go to where the page ends, and again when cards turn out to be higher than thought, until one is there."""

        def is_there() -> bool:
            self.page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
            self._wait_for_frames()
            return card.is_visible()

        wait_until(is_there, PAGE_TIMEOUT_SECONDS)

    def go_to(self, title: str) -> None:
        """Go to another page of the app; small screens hide the way behind a button, middling ones the last few."""
        wait_until(lambda: self._has_gone_to(title))

    def _has_gone_to(self, title: str) -> bool:
        """Try once; while a screen of another width is being laid out, what could be clicked may go away again."""
        more = self.page.get_by_role("button", name="Expand sidebar")
        if more.is_visible():
            more.click()
        link = self.page.get_by_role("navigation").get_by_role("link", name=title)
        others = self.page.get_by_role("navigation").get_by_text(_MORE_PAGES)
        if others.is_visible() and not link.is_visible():
            others.click()
            link = self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=title)
        try:
            link.click(timeout=_ONE_TRY_MILLISECONDS)
        except PlaywrightTimeoutError:
            return False
        return True

    def press_button(self, name: str) -> None:
        """Press the page's only button of that name; Streamlit shows a "Stop" of its own outside the page."""
        self.page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).click()

    def follow_link(self, name: str) -> None:
        """Follow the page's only link of that name, past the navigation."""
        self.page.get_by_test_id("stMain").get_by_role("link", name=name, exact=True).click()

    def _wait_for_frames(self) -> None:
        """Two frames on, everything that happened up to now has been drawn and reported."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    # What can be read

    @property
    def live_bars(self) -> Locator:
        """What is said to the camera's picture right now, likeliest first."""
        return self.page.get_by_role("list", name="Likeliest classes").get_by_role("listitem")

    def is_camera_on(self) -> bool:
        """Whether the page holds the camera."""
        return bool(self.page.locator("video").evaluate("video => Boolean(video.srcObject?.active)"))

    @property
    def summary(self) -> Locator:
        """The line that counts the photos."""
        return self.page.get_by_role("heading", name=SUMMARY)

    @property
    def class_search(self) -> Locator:
        """The box that answers "does it know …?"."""
        return self.page.get_by_label("Search the 1,000 things")

    @property
    def filter_box(self) -> Locator:
        """Where the text stands that the answers shown must have."""
        return self.page.get_by_role("searchbox", name="Filter")

    @property
    def cards(self) -> Locator:
        """Every photo's card that is in the document: of a few all, of many those near the screen."""
        return self.page.locator(".card")

    def card(self, text: str) -> Locator:
        """The card that contains a text, such as a file's name."""
        return self.cards.filter(has_text=text)

    def expect_num_photos(self, num_photos: int) -> None:
        """Wait until that many photos are there, answered or not."""
        expect(self.summary).to_have_text(re.compile(rf"^{num_photos:,} photos?: "))

    def expect_answered(self, num_photos: int, *, timeout_milliseconds: float | None = None) -> None:
        """Wait until that many photos are there, none waits, and the page has come to rest."""
        text = re.compile(rf"^{num_photos:,} photos?: (?!.*waiting)")
        expect(self.summary).to_have_text(text, timeout=timeout_milliseconds)
        self.expect_rest()

    def expect_rest(self) -> None:
        """Wait until the page has been complete for a moment; until then, parts of the previous one linger."""
        self.page.evaluate("() => { window.restingSince = undefined; }")
        self.page.wait_for_function(_IS_AT_REST_JS, arg=_REST_MILLISECONDS)

    def expect_refused(self, *parts: str) -> None:
        """Wait for one message of a refused photo that has all these parts."""
        message = self.cards.locator(".refusal")
        for part in parts:
            message = message.filter(has_text=part)
        expect(message).to_have_count(1)

    def top_five(self, name: str) -> list[tuple[str, str]]:
        """Label and percentage of an answered photo's likeliest classes, as its chart is described to the blind."""
        return _PREDICTION.findall(self.bars(name).get_attribute("aria-label") or "")

    def bars(self, name: str) -> Locator:
        """The chart of a photo's likeliest classes."""
        return self.card(name).locator(".bars")

    def times(self) -> list[str]:
        """The line under each chart: the file's name with the milliseconds that its answer took."""
        return self.cards.get_by_text(_TIMES).all_inner_texts()

    def expect_order(self, names: Sequence[str]) -> None:
        """Wait until these answered photos are on the screen, in this order, and no others."""
        wait_until(lambda: self.shown_order() == list(names), PAGE_TIMEOUT_SECONDS)

    def shown_order(self) -> list[str]:
        """Names of the answered photos that are on the screen, row by row."""
        images = self.cards.get_by_role("img", name=re.compile("^Photo "))
        columns: dict[int, list[tuple[float, str]]] = {}
        for left, top, description in images.evaluate_all(_PLACES_JS):
            columns.setdefault(round(left), []).append((top, description.removeprefix("Photo ")))
        rows = itertools.zip_longest(*(sorted(column) for _, column in sorted(columns.items())))
        return [place[1] for row in rows for place in row if place]
