"""Small screens, dark screens, and no mouse, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, OpenPage
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}

# More presses than the page has controls above the answers.
MAX_TAB_PRESSES = 40

_OVERFLOW_JS = """() => [document.scrollingElement, ...document.querySelectorAll("[data-testid='stMain']")]
  .map(element => element.scrollWidth - element.clientWidth)"""
_BRIGHTNESS_JS = """() => Math.max(...getComputedStyle(document.querySelector("[data-testid='stApp']"))
  .backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number))"""


def tab_to(page: Page, name: re.Pattern[str]) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(MAX_TAB_PRESSES):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        if name.search(focused or ""):
            return
    raise AssertionError(f"{MAX_TAB_PRESSES} times Tab did not lead to {name.pattern}.")


def test_everything_fits_a_phone(open_page: OpenPage, app: RunningApp):
    """At phone width nothing has to be scrolled sideways, on either page, and uploads are answered."""
    page = open_page(app, **PHONE)
    assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]
    page.upload(sample("Cat"), sample("Coffee"), sample("Rocket"))
    page.expect_answered(3)
    page.card("coffee.png").get_by_text("Why?").click()
    expect(page.page.get_by_text("Evidence for")).to_be_visible()
    page.expect_rest()
    assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]


def test_photos_are_in_order_on_a_phone(open_page: OpenPage, app: RunningApp):
    """Where the cards stand in one column they are in the order asked for, too."""
    page = open_page(app, **PHONE)
    page.upload(sample("Cat"), sample("Coffee"), sample("Rocket"), sample("Astronaut"))
    page.expect_answered(4)
    page.expect_order(["astronaut.png", "rocket.jpg", "coffee.png", "chelsea.png"])


@pytest.mark.parametrize("width_px", [360, 390, 768, 1024])
def test_the_networks_page_fits(open_page: OpenPage, app: RunningApp, width_px: int):
    """The table of networks scrolls in itself, not the page."""
    page = open_page(app, viewport={**DESKTOP, "width": width_px})
    page.go_to("Networks")
    expect(page.page.get_by_role("figure", name=re.compile("^Scatter chart"))).to_be_visible()
    assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]


def test_the_dark_scheme_is_dark(open_page: OpenPage, app: RunningApp, tmp_path: Path):
    """A visitor whose system is dark gets a dark page; the light one is light."""
    page = open_page(app, color_scheme="dark")
    page.add_sample("Coffee")
    page.expect_answered(1)
    assert page.page.evaluate(_BRIGHTNESS_JS) < 60
    page.page.screenshot(path=tmp_path / "dark.png")
    light = open_page(app, color_scheme="light")
    assert light.page.evaluate(_BRIGHTNESS_JS) > 200
