"""The dataset page as a visitor uses it: what can be done, and what can be read."""

import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.waiting import wait_until

# What a worker does, which may have to load TensorFlow first.
WORKER_TIMEOUT_MILLISECONDS = 120_000

_A_FEW = re.compile(r"^([3-9]|\d\d+)$")


class DatasetPage:
    """The dataset page in one tab of a browser."""

    def __init__(self, visited: ClassifyPage) -> None:
        self.visited = visited
        self.page: Page = visited.page

    # What can be done

    def open(self) -> None:
        """Go to the page from wherever the visitor is."""
        self.visited.go_to("Dataset")
        expect(self.page.get_by_role("heading", name="Teach it your own photos")).to_be_visible()
        self.rest()

    def visit(self, dataset_id: int | None = None) -> None:
        """Go to the page by its address: to a dataset, or to the start page."""
        if dataset_id is None:
            self.page.goto(f"{self.visited.url}/dataset")
            expect(self.page.get_by_role("heading", name="Teach it your own photos")).to_be_visible()
        else:
            self.page.goto(f"{self.visited.url}/dataset?dataset={dataset_id}")
            expect(self.section("Collect")).to_be_visible()
        self.rest()

    def create(self, name: str, classes: Sequence[str]) -> None:
        """Make a dataset on the start page."""
        self.page.get_by_role("textbox", name="What is it about?").fill(name)
        self.page.get_by_role("textbox", name="What should it tell apart?").fill(", ".join(classes))
        self.press("Create")
        self.expect_open(name)

    def open_existing(self, name: str) -> None:
        """Open a dataset from the list on the start page."""
        # The card is the innermost box with the name and a button.
        card = self.main.get_by_test_id("stVerticalBlock").filter(has_text=name).filter(has=self.button("Open")).last
        card.get_by_role("button", name="Open").click()
        self.expect_open(name)

    def choose_section(self, title: str) -> None:
        """Turn to one of Collect, Photos, Sort, Check, Split, Map, Vary."""
        self.section(title).click()
        self.rest()

    def choose_class(self, name: str) -> None:
        """Pick a class to collect for; the place to drop photos says so."""
        choice = self.main.get_by_role("radio", name=re.compile(rf"^{re.escape(name)} · "))
        choice.click()
        expect(choice).to_be_checked()
        expect(self.main.get_by_role("region", name=f"Drop photos of {name} here")).to_be_visible()
        self.rest()

    def choose_tab(self, title: str) -> None:
        """Turn to one of the ways in."""
        self.main.get_by_role("tab", name=title).click()
        self.rest()

    def upload(self, *files: Path | FilePayload) -> None:
        """Choose files in the uploader that is on the screen."""
        box = self.main.get_by_test_id("stFileUploader").locator("visible=true").locator("input[type=file]").first
        box.set_input_files(list(files))

    def fetch_links(self, *links: str, into_class: bool = True) -> None:
        """Type links, one per line, and have them fetched."""
        box = self.main.get_by_role("textbox", name="Links, one per line")
        box.fill("\n".join(links))
        if not into_class:
            self.main.get_by_text("Photos go into").click()
        self.press("Fetch")
        expect(box).to_have_value("")
        self.rest()

    def choose_server_folder(self, name: str) -> None:
        """Pick one of the folders that the server offers."""
        self.main.get_by_role("combobox", name="A folder of this server").click()
        self.page.get_by_role("option", name=re.compile(rf"[\\/]{re.escape(name)}$")).click()

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press the only visible button of that name."""
        self.page.get_by_role("button", name=name, exact=isinstance(name, str)).locator("visible=true").click()

    def circle_everything(self) -> None:
        """Draw a lasso around all points of the map, once it is there."""
        plot = self.main.locator(".js-plotly-plot .nsewdrag").last
        expect(plot).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
        self.rest()
        box = plot.bounding_box()
        assert box is not None
        left, top, right, bottom = box["x"] + 2, box["y"] + 2, box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
        self.page.mouse.move(left, top)
        self.page.mouse.down()
        for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
            self.page.mouse.move(x, y, steps=5)
        self.page.mouse.up()
        self.rest()

    def press_keys(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)
        self.rest()

    def hold_to_record(self) -> None:
        """Keep the camera's button pressed until it has taken a few photos."""
        self.press("Start camera")
        button = self.page.get_by_role("button", name="Hold to record")
        button.scroll_into_view_if_needed()
        expect(button).to_be_enabled()
        button.hover()
        self.page.mouse.down()
        expect(self.main.locator(".number")).to_have_text(_A_FEW)
        self.page.mouse.up()

    def select(self, *names: str) -> None:
        """Select photos in the grid: the first by a click, the others by Ctrl-clicks."""
        for number, name in enumerate(names):
            self.photo(name).click(modifiers=["ControlOrMeta"] if number else [])
        expect(self.main.get_by_text(f"{len(names)} photo{'s' if len(names) > 1 else ''} selected")).to_be_visible()
        self.rest()

    def move_selected_to(self, class_name: str) -> None:
        """Move what is selected to another class."""
        self.press("Move to")
        self.page.get_by_role("menuitem", name=class_name).or_(
            self.page.get_by_role("option", name=class_name)
        ).first.click()
        self.rest()

    # What can be read

    @property
    def main(self) -> Locator:
        """The page without the sidebar and the bar on top."""
        return self.page.get_by_test_id("stMain")

    def button(self, name: str) -> Locator:
        """A button, to look for inside of something."""
        return self.page.get_by_role("button", name=name)

    def section(self, title: str) -> Locator:
        """The control that leads to a section; it may carry a number behind its title."""
        return self.main.get_by_role("radio", name=re.compile(rf"^{title}( \(\d+\))?$"))

    @property
    def grid(self) -> Locator:
        """The grid of the section Photos; findings have grids of their own."""
        return self.main.get_by_role("listbox", name="Photos", exact=True)

    def photo(self, name: str) -> Locator:
        """A photo in the grid."""
        return self.grid.get_by_role("option", name=re.compile(re.escape(name)))

    def large_photo(self, name: str) -> Locator:
        """The view over the whole window, while it shows this photo."""
        return self.page.get_by_role("dialog", name=name)

    def expect_open(self, name: str) -> None:
        """Wait until a dataset is on the screen."""
        expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        self.rest()

    def expect_counts(self, *counts: str) -> None:
        """Wait until the chart in the sidebar says these things, such as "crow: 3 not split yet"."""
        for text in counts:
            chart = self.page.get_by_test_id("stSidebar").get_by_role("figure", name=re.compile(re.escape(text)))
            expect(chart.first).to_be_attached(timeout=WORKER_TIMEOUT_MILLISECONDS)
        self.rest()

    def expect_added(self, text: str) -> None:
        """Wait until the report of an import says so."""
        expect(self.main.get_by_text(text).first).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
        self.rest()

    def expect_photos(self, *names: str) -> None:
        """Wait until exactly these photos are in the grid."""
        wait_until(lambda: sorted(self._names_in_grid()) == sorted(names), PAGE_TIMEOUT_SECONDS)

    def rest(self) -> None:
        """Wait until the page has been complete for a moment."""
        self.visited.expect_rest()

    def _names_in_grid(self) -> list[str]:
        labels = self.grid.get_by_role("option").evaluate_all("all => all.map(option => option.ariaLabel ?? '')")
        return [str(label).split(",")[0] for label in labels]
