"""The page of a phone as somebody with a phone uses it."""

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS
from tests.e2e.conftest import OpenTab
from tests.e2e.running_app import RunningApp
from tests.waiting import wait_until

PHONE: Mapping[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


class PhonePage:
    """The page in the browser of one phone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._num_before = 0  # photos in the strip before the burst under way

    @classmethod
    def scan(cls, open_tab: OpenTab, app: RunningApp, address: str, **options: Any) -> "PhonePage":
        """Open what a code says; at localhost, as browsers lend their camera there without HTTPS."""
        phone = cls(open_tab(**PHONE, **options))
        phone.page.goto(f"{app.url}/bluetit/phone#{address.partition('#')[2]}")
        return phone

    # What can be done

    def start_camera(self) -> None:
        """Let the page have the camera."""
        self.page.get_by_role("button", name="Start camera").click()
        expect(self.shutter).to_be_visible()

    def tap(self) -> None:
        """Take one photo."""
        self.shutter.tap()

    def hold(self, *, until: int) -> int:
        """Hold the shutter until so many photos are taken, or a few more; how many they are."""
        self.begin_burst()
        self.expect_taken(until)
        return self.let_go()

    def begin_burst(self) -> None:
        """Press the shutter, and wait until it takes many."""
        self._num_before = self.photos.count()
        self.shutter.hover()
        self.page.mouse.down()
        expect(self.page.locator(".counter")).to_be_visible()

    def let_go(self) -> int:
        """Let go of the shutter, and wait until all photos of the burst are in the strip; how many they are."""
        self.page.mouse.up()
        expect(self.page.locator(".counter")).to_be_hidden()
        num_taken = int(self.page.locator(".number").text_content() or 0)
        expect(self.photos).to_have_count(self._num_before + num_taken)
        return num_taken

    def take_back_newest(self) -> None:
        """Remove the photo that was taken last."""
        self.photos.first.click()
        self.page.get_by_role("button", name="Remove it").click()

    # What can be read

    @property
    def shutter(self) -> Locator:
        """The round button."""
        return self.page.get_by_role("button", name="Take a photo")

    @property
    def photos(self) -> Locator:
        """Those of this visit, the newest first."""
        return self.page.locator(".strip button")

    @property
    def arrived(self) -> Locator:
        """Those with a tick."""
        return self.page.locator(".strip button[data-state=arrived]")

    def expect_taken(self, at_least: int) -> None:
        """Wait until the burst under way has so many photos."""
        wait_until(lambda: int(self.page.locator(".number").inner_text()) >= at_least, PAGE_TIMEOUT_SECONDS)

    def expect_line(self, text: str) -> None:
        """Wait until the line below the camera says so."""
        expect(self.page.locator(".status")).to_contain_text(text)

    def expect_end(self, text: str) -> None:
        """Wait until the page says that it is over, and why."""
        expect(self.page.locator(".cover")).to_contain_text(text)
        expect(self.shutter).to_be_hidden()
