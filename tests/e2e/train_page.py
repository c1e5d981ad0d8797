"""The train page as a visitor uses it: what can be done, and what can be read."""

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

from tests.e2e.classify_page import ClassifyPage

# A worker loads TensorFlow before its first run.
BEGIN_TIMEOUT_MILLISECONDS = 120_000
END_TIMEOUT_MILLISECONDS = 120_000

# Counts the drawings from now on, and tags the node and what Plotly has made in it.
_WATCH_JS = """plot => {
  plot.sameAsBefore = true;
  plot.querySelector(".main-svg").sameAsBefore = true;
  plot.numUpdates = 0;
  plot.on("plotly_afterplot", () => { plot.numUpdates += 1; });
}"""
_IS_SAME_JS = "plot => plot.sameAsBefore === true && plot.querySelector('.main-svg').sameAsBefore === true"
_HAS_UPDATES_JS = "([plot, count]) => plot.numUpdates >= count"


class TrainPage:
    """The train page in one tab of a browser."""

    def __init__(self, visited: ClassifyPage) -> None:
        self.visited = visited
        self.page: Page = visited.page

    # What can be done

    def open(self) -> None:
        """Go to the page from wherever the visitor is."""
        self.visited.go_to("Train")
        self.rest()

    def choose_expert_view(self) -> None:
        """Show every setting."""
        self.main.get_by_role("radio", name="Expert").click()
        self.rest()

    def choose_tab(self, title: str) -> None:
        """Turn to a tab of the expert view."""
        self.main.get_by_role("tab", name=title, exact=True).click()

    def set_number(self, label: str, value: int) -> None:
        """Type a number into the visible box with this label."""
        box = self.main.get_by_label(label, exact=True).locator("visible=true")
        box.fill(str(value))
        box.press("Enter")
        self.rest()

    def move_to_start(self, label: str) -> None:
        """Move a slider to its first value with the keyboard."""
        self.main.get_by_role("slider", name=label).press("Home")
        self.rest()

    def sweep(self, setting: str, values: Sequence[int]) -> None:
        """Fill the panel of a sweep in: a setting, and whole numbers in place of the suggested values.

        What a suggested value begins with is that value to the box: 2 would become 20.
        """
        self.main.get_by_text("Try several values of one setting").click()
        self.visited.choose("Setting", setting)
        self.rest()
        box = self.main.get_by_test_id("stMultiSelect").filter(has_text="Values")
        box.get_by_role("button", name="Clear all").click()
        self.rest()
        for value in values:
            box.get_by_role("combobox").fill(str(value))
            box.get_by_role("combobox").press("Enter")
            self.rest()
        box.get_by_role("combobox").press("Tab")  # or the list of the others lies over the button below

    def press(self, name: str) -> None:
        """Press the only visible button of that name on the page."""
        self.main.get_by_role("button", name=name, exact=True).locator("visible=true").click()

    def watch_chart(self) -> None:
        """Begin to count the chart's drawings, once it is drawn at all."""
        expect(self.plot.get_by_text("Learning rate")).to_be_visible()
        self.plot.evaluate(_WATCH_JS)

    # What can be read

    @property
    def main(self) -> Locator:
        """The page without the sidebar and the bar on top."""
        return self.page.get_by_test_id("stMain")

    def listed_run(self, name: str) -> Locator:
        """The only run in the list whose name has these words."""
        return self.page.get_by_test_id("stSidebar").get_by_role("listitem").filter(has_text=name)

    @property
    def sweep_rows(self) -> Locator:
        """The rows of a sweep's table, one a training."""
        return self.main.locator("table.race tbody tr")

    @property
    def sweep_points(self) -> Locator:
        """What is drawn in the chart of a sweep."""
        return self.main.locator(".bluetit-sweep-plot .scatterlayer .point")

    @property
    def plot(self) -> Locator:
        """The node in which the curves are drawn."""
        return self.main.locator(".bluetit-live-plot")

    @property
    def chart(self) -> Locator:
        """The chart with its description."""
        return self.main.get_by_role("figure", name=re.compile("^(Training|Epoch)"))

    def expect_training(self, epoch: int = 1) -> None:
        """Wait until an epoch, or a later one, is finished and on the chart."""
        self.expect_status("training", timeout_milliseconds=BEGIN_TIMEOUT_MILLISECONDS)
        numbers = "|".join(["[1-9]\\d+", *map(str, range(epoch, 10))])
        expect(self.chart).to_have_attribute(
            "aria-label", re.compile(rf"^Epoch ({numbers}) of"), timeout=BEGIN_TIMEOUT_MILLISECONDS
        )

    def expect_status(self, words: str, *, timeout_milliseconds: float = END_TIMEOUT_MILLISECONDS) -> None:
        """Wait until the run stands like this; the name of an icon is in front of the words."""
        badge = self.main.locator(".st-key-train-above").get_by_text(re.compile(rf"^\w+ {re.escape(words)}$"))
        expect(badge.first).to_be_visible(timeout=timeout_milliseconds)

    def expect_updates(self, count: int) -> None:
        """Wait until the chart has been drawn so many times since `watch_chart`."""
        self.page.wait_for_function(_HAS_UPDATES_JS, arg=[self.plot.element_handle(), count])

    def is_same_chart(self) -> bool:
        """Whether the drawing is still the one that `watch_chart` saw, and not another in its place."""
        return bool(self.plot.evaluate(_IS_SAME_JS))

    def epoch(self) -> int:
        """The last finished epoch, as the chart's description has it."""
        found = re.match(r"Epoch (\d+) of", self.chart.get_attribute("aria-label") or "")
        return int(found[1]) if found else 0

    def rest(self) -> None:
        """Wait until the page has been complete for a moment."""
        self.visited.expect_rest()
