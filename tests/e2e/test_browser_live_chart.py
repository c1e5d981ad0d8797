"""The live chart in a real browser, on a page of its own that hears of an epoch more several times a second."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenTab
from tests.e2e.live_chart_app import NUM_EPOCHS, TICK_SECONDS
from tests.e2e.running_app import serving_script

APP = Path("tests", "e2e", "live_chart_app.py")
DESKTOP = {"width": 1100, "height": 700}
PHONE = {"width": 360, "height": 740}
NUM_UPDATES = 12

# Counts what the drawing goes through, from now on, and tags the node and what Plotly has made in it.
_WATCH_JS = """plot => {
  plot.sameAsBefore = true;
  plot.querySelector(".main-svg").sameAsBefore = true;
  plot.numUpdates = 0;
  plot.numHidden = 0;
  plot.on("plotly_afterplot", () => { plot.numUpdates += 1; });
  const observer = new MutationObserver(() => {
    if (!plot.querySelector(".main-svg .scatterlayer path") || !plot.checkVisibility()) plot.numHidden += 1;
  });
  observer.observe(plot.parentElement, { childList: true, subtree: true, attributes: true });
}"""
_IS_SAME_JS = "plot => plot.sameAsBefore === true && plot.querySelector('.main-svg').sameAsBefore === true"
# Not the number of points: lines of many batches are thinned as they grow.
_LAST_EPOCH_JS = "plot => Math.max(...plot.data.flatMap(trace => Array.from(trace.x, Number)))"
_LINE_COLOURS_JS = "plot => [...new Set(plot.data.map(trace => trace.line?.color).filter(Boolean))]"
_IS_SETTLED_JS = """([node, milliseconds]) => {
  if (window.lastText !== node.textContent) {
    window.lastText = node.textContent;
    window.sameTextSince = performance.now();
  }
  return performance.now() - window.sameTextSince > milliseconds;
}"""
SETTLED_MILLISECONDS = 500
_IS_BEYOND_JS = "([figure, epoch]) => Number(figure.ariaLabel.match(/^Epoch ([0-9]+) of/)[1]) > epoch"
# As the browser does when another tab is chosen.
_HIDE_JS = """isHidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
HIDDEN_MILLISECONDS = 4 * 1000 * TICK_SECONDS
_OVERFLOW_JS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

OpenChart = Callable[..., "ChartPage"]


class ChartPage:
    """One tab that shows the chart."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.figure = page.get_by_role("figure")
        self.plot = page.locator(".bluetit-live-plot")

    def open(self, url: str) -> None:
        """Go to the page and wait for the drawing."""
        self.page.goto(url)
        expect(self.plot.get_by_text("Learning rate")).to_be_visible()

    def ask(self, question_js: str) -> Any:
        """What the node of the drawing answers."""
        return self.plot.evaluate(question_js)

    def epoch(self) -> int:
        """The epoch that the label tells of."""
        label = self.figure.get_attribute("aria-label") or ""
        found = re.fullmatch(r"Epoch (\d+) of 40: training accuracy [\d.]+ %, validation accuracy [\d.]+ %, .+", label)
        assert found, label
        return int(found[1])

    def wait_for_updates(self, count: int) -> None:
        """Until the drawing has been updated so many times since `watch`."""
        self.page.wait_for_function(
            "([plot, count]) => plot.numUpdates >= count", arg=[self.plot.element_handle(), count]
        )

    def watch(self) -> None:
        """Begin to count updates."""
        self.ask(_WATCH_JS)

    def range(self) -> list[float]:
        """First and last epoch in sight."""
        return self.ask("plot => plot.layout.xaxis.range")

    def point_at(self, share: float) -> tuple[float, float]:
        """A place in the panel of accuracy, by its share of the width."""
        box = self.plot.bounding_box()
        assert box
        return box["x"] + share * box["width"], box["y"] + 0.25 * box["height"]


@pytest.fixture(scope="module")
def chart_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with the chart, served as the app is; a traceback of the project in its log is a failure."""
    with serving_script(APP, tmp_path_factory.mktemp("live_chart") / "streamlit.log") as url:
        yield url


@pytest.fixture
def open_chart(open_tab: OpenTab, chart_url: str) -> OpenChart:
    """Opens the chart after `start` epochs; the test fails on any error in the browser."""

    def open_page(start: int, *, is_growing: bool = False, **options: Any) -> ChartPage:
        chart = ChartPage(open_tab(**{"viewport": DESKTOP, **options}))
        chart.open(f"{chart_url}/?start={start}" + ("" if is_growing else "&still"))
        return chart

    return open_page


def test_one_drawing_takes_up_every_update(open_chart: OpenChart):
    """After many updates the node is the very same, was never empty or hidden, and shows more, as its label says."""
    chart = open_chart(1, is_growing=True)
    chart.watch()
    epoch_before, drawn_before = chart.epoch(), chart.ask(_LAST_EPOCH_JS)
    chart.wait_for_updates(NUM_UPDATES)
    assert chart.ask(_IS_SAME_JS)
    assert chart.ask("plot => plot.numHidden") == 0
    # The label may be a tick ahead of the drawing, or behind; whoever comes late sees the last epoch go and come.
    assert chart.ask(_LAST_EPOCH_JS) >= min(drawn_before + NUM_UPDATES // 2, NUM_EPOCHS - 1)
    assert chart.epoch() >= min(epoch_before + NUM_UPDATES // 2, NUM_EPOCHS - 1)


def test_zoom_and_numbers_at_the_pointer_survive_updates(open_chart: OpenChart):
    """Whoever looks closely is not thrown out by the next epoch, and gets back with a button."""
    chart = open_chart(12, is_growing=True)
    everything = chart.range()
    show_all = chart.page.get_by_role("button", name="Show all epochs")
    expect(show_all).to_be_hidden()
    chart.page.mouse.move(*chart.point_at(0.15))
    chart.page.mouse.down()
    chart.page.mouse.move(*chart.point_at(0.3), steps=4)
    chart.page.mouse.up()
    expect(show_all).to_be_visible()
    expect(chart.page.get_by_text("Double-click to")).to_have_count(0)  # the button says it without covering anything
    zoomed = chart.range()
    assert zoomed != everything
    numbers = chart.plot.locator(".hoverlayer")
    chart.page.mouse.move(*chart.point_at(0.5), steps=3)
    expect(numbers).to_contain_text(re.compile(r"Epoch \d+.*validation accuracy [\d.]+ %"))
    # The pointer's last step is answered a moment after it is made.
    chart.page.wait_for_function(_IS_SETTLED_JS, arg=[numbers.element_handle(), SETTLED_MILLISECONDS])
    told = numbers.text_content()
    chart.watch()
    chart.wait_for_updates(3)
    assert chart.range() == zoomed
    assert numbers.text_content() == told
    show_all.click()
    chart.page.wait_for_function(
        "([plot, range]) => String(plot.layout.xaxis.range) === String(range)",
        arg=[chart.plot.element_handle(), everything],
    )
    expect(show_all).to_be_hidden()


def test_the_page_is_made_anew_when_the_training_ends_and_no_earlier(open_chart: OpenChart):
    """Epochs reach the drawing past Python; the end makes the page once more, around the very same drawing."""
    chart = open_chart(20, is_growing=True)
    chart.watch()
    made = chart.page.get_by_text(re.compile(r"^Made \d+ times$"))
    chart.wait_for_updates(3)
    expect(made).to_have_text("Made 1 times")
    chart.page.evaluate("() => fetch('bluetit/growing/20/end', { method: 'POST' })")
    expect(made).to_have_text("Made 2 times")
    expect(chart.figure).to_have_attribute("aria-label", re.compile(f"^Epoch {NUM_EPOCHS} of "))
    assert chart.ask(_IS_SAME_JS)
    chart.page.wait_for_timeout(2 * 1000 * TICK_SECONDS)
    expect(made).to_have_text("Made 2 times")


def test_a_connection_that_breaks_is_told_and_taken_up_again(open_chart: OpenChart):
    """After a while without the server a sentence says that this may be old; it goes when the network is back."""
    chart = open_chart(2, is_growing=True, may_fail=True)
    trouble = chart.page.get_by_role("status").get_by_text("The server does not answer")
    chart.page.context.set_offline(True)
    expect(trouble).to_be_visible()
    epoch = chart.epoch()
    chart.page.context.set_offline(False)
    expect(trouble).to_be_hidden()
    chart.page.wait_for_function(_IS_BEYOND_JS, arg=[chart.figure.element_handle(), epoch])


def test_a_hidden_tab_asks_for_nothing(open_chart: OpenChart):
    """Whoever comes back to it sees the training as it is by then."""
    chart = open_chart(3, is_growing=True)
    chart.watch()
    chart.wait_for_updates(1)
    asked: list[str] = []
    chart.page.evaluate(_HIDE_JS, True)
    chart.page.on("request", lambda request: asked.append(request.url))
    epoch = chart.epoch()
    chart.page.wait_for_timeout(HIDDEN_MILLISECONDS)
    assert asked == []
    assert chart.epoch() == epoch
    chart.page.evaluate(_HIDE_JS, False)
    chart.page.wait_for_function(_IS_BEYOND_JS, arg=[chart.figure.element_handle(), epoch])


def test_dark_theme_has_its_own_colours(open_chart: OpenChart):
    """Lines, text and background are those of the theme."""
    chart = open_chart(15)
    questions = (_LINE_COLOURS_JS, "plot => plot.layout.font.color", "plot => plot.layout.paper_bgcolor")
    light = [chart.ask(question) for question in questions]
    chart.page.emulate_media(color_scheme="dark")
    chart.open(chart.page.url)
    dark = [chart.ask(question) for question in questions]
    assert all(one != other for one, other in zip(light, dark, strict=True))


def test_the_chart_fits_on_a_small_phone(open_chart: OpenChart):
    """At 360 pixels nothing is cut off, and a finger that scrolls does not zoom."""
    chart = open_chart(25, viewport=PHONE, has_touch=True, is_mobile=True)
    assert chart.page.evaluate(_OVERFLOW_JS) == 0
    box = chart.plot.bounding_box()
    assert box
    labels = chart.plot.locator(".annotation-text, .ytick text, .y2tick text, .y3tick text, .xtick text")
    assert labels.count() > 10
    for label in labels.all():
        place = label.bounding_box()
        assert place
        assert box["x"] - 1 <= place["x"]
        assert place["x"] + place["width"] <= box["x"] + box["width"] + 1
    assert chart.ask("plot => plot.layout.dragmode") is False


def test_what_will_come_is_told_before_the_first_epoch(open_chart: OpenChart):
    """An empty chart has its axes already, and says what it waits for."""
    chart = open_chart(0)
    expect(chart.figure).to_have_attribute("aria-label", "Training: none of 40 epochs is finished yet")
    expect(chart.plot.get_by_text("waiting for the first epoch")).to_be_visible()
    expect(chart.plot.get_by_text("fine-tuning starts here")).to_be_visible()
