"""The live camera in a real browser, whose camera is a green picture that moves."""

from playwright.sync_api import expect

from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.waiting import wait_until

_REFUSE_JS = """() => {
  const { mediaDevices } = navigator;
  window.lendCamera = mediaDevices.getUserMedia;
  mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
_LEND_JS = "() => { navigator.mediaDevices.getUserMedia = window.lendCamera; }"


def test_what_the_camera_sees_is_named_while_it_moves(page: ClassifyPage):
    """A refused camera says what to do; answers change with the picture; one is kept; leaving the tab lets go of it."""
    page.expect_rest()
    page.page.evaluate(_REFUSE_JS)
    page.start_camera()
    expect(page.page.get_by_text("The browser may not use the camera.")).to_be_visible()
    page.page.evaluate(_LEND_JS)
    page.page.get_by_role("button", name="Start camera").click()
    expect(page.live_bars).to_have_count(5)
    seen = set(page.live_bars.all_inner_texts())
    wait_until(lambda: len(seen | set(page.live_bars.all_inner_texts())) > 5, PAGE_TIMEOUT_SECONDS)

    page.page.get_by_role("button", name="Keep this picture").click()
    page.expect_answered(1)
    expect(page.card("camera ")).to_have_count(1)
    assert page.is_camera_on()
    page.page.get_by_role("button", name="Pause").click()
    expect(page.page.get_by_role("button", name="Go on")).to_be_visible()

    page.page.get_by_role("tab", name="Photos").click()
    wait_until(lambda: not page.is_camera_on(), PAGE_TIMEOUT_SECONDS)
    page.page.get_by_role("tab", name="Camera").click()
    expect(page.page.get_by_role("button", name="Start camera")).to_be_enabled()
