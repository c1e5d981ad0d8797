"""Small screens and dark screens, in a real browser."""

import re

from playwright.sync_api import expect

from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import DESKTOP, OpenPage
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
WIDTHS_PX = (360, 390, 768, 1024)

_OVERFLOW_JS = """() => [document.scrollingElement, ...document.querySelectorAll("[data-testid='stMain']")]
  .map(element => element.scrollWidth - element.clientWidth)"""
_BRIGHTNESS_JS = """() => Math.max(...getComputedStyle(document.querySelector("[data-testid='stApp']"))
  .backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number))"""


def test_everything_fits_a_phone(open_page: OpenPage, app: RunningApp):
    """At phone width nothing has to be scrolled sideways; in one column the cards are in the order asked for, too."""
    page = open_page(app, **PHONE)
    assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]
    page.upload(sample("Cat"), sample("Coffee"), sample("Rocket"), sample("Astronaut"))
    page.expect_answered(4)
    page.expect_order(["astronaut.png", "rocket.jpg", "coffee.png", "chelsea.png"])
    page.card("coffee.png").get_by_role("button", name="Why?").click()
    expect(page.page.get_by_text("Evidence for")).to_be_visible()
    page.expect_rest()
    assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]


def test_the_networks_page_fits(page: ClassifyPage):
    """The table of networks scrolls in itself, not the page, however wide the screen is, and there is a way to it."""
    for width_px in WIDTHS_PX:
        page.page.set_viewport_size({**DESKTOP, "width": width_px})
        page.go_to("Networks")
        expect(page.page.get_by_role("figure", name=re.compile("^Scatter chart"))).to_be_visible()
        page.expect_rest()
        assert page.page.evaluate(_OVERFLOW_JS) == [0, 0]
        page.go_to("Classify")
        page.expect_open()


def test_the_dark_scheme_is_dark(page: ClassifyPage):
    """A visitor whose system is dark gets a dark page; the light one is light."""
    assert page.page.evaluate(_BRIGHTNESS_JS) > 200
    page.page.emulate_media(color_scheme="dark")
    page.open()
    page.add_sample("Coffee")
    page.expect_answered(1)
    assert page.page.evaluate(_BRIGHTNESS_JS) < 60
