"""The live camera in a real browser, whose camera is a green picture that moves."""

import base64
import csv
from pathlib import Path

from playwright.sync_api import Page, Request, expect

from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.e2e.conftest import OpenPage
from tests.e2e.running_app import RunningApp
from tests.waiting import wait_until

_REFUSE_JS = """() => {
  const { mediaDevices } = navigator;
  window.lendCamera = mediaDevices.getUserMedia;
  mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
_LEND_JS = "() => { navigator.mediaDevices.getUserMedia = window.lendCamera; }"

# Two seconds of the camera's picture; such a file does not say how long it is.
_RECORD_JS = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const recorder = new MediaRecorder(stream, { mimeType: "video/webm;codecs=vp8" });
  const pieces = [];
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  const ended = new Promise((resolve) => { recorder.addEventListener("stop", resolve); });
  recorder.start();
  await new Promise((resolve) => { setTimeout(resolve, 2000); });
  recorder.stop();
  await ended;
  stream.getTracks().forEach((track) => track.stop());
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


# As from the last row of a school's room.
_SLOW_NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 100_000, "uploadThroughput": 100_000}


class FramesUnderWay:
    """Counts the frames of the live camera that are being sent or answered."""

    def __init__(self, page: Page) -> None:
        self.most = 0
        self._under_way: set[Request] = set()
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if "/live/" in request.url:
            self._under_way.add(request)
            self.most = max(self.most, len(self._under_way))

    def _end(self, request: Request) -> None:
        self._under_way.discard(request)


def slow_down(page: Page) -> None:
    """Let everything take its time on the way, from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _SLOW_NETWORK)


def test_what_the_camera_sees_is_named_while_it_moves(open_page: OpenPage, app: RunningApp):
    """A refused camera is told; on a slow network, too, answers change and a picture is kept; a left tab lets it go."""
    page = open_page(app, is_altered=True)
    page.expect_rest()
    page.page.evaluate(_REFUSE_JS)
    page.start_camera()
    expect(page.page.get_by_text("The browser may not use the camera.")).to_be_visible()
    page.page.evaluate(_LEND_JS)
    page.page.get_by_role("button", name="Start camera").click()
    expect(page.live_bars).to_have_count(5)
    seen = set(page.live_bars.all_inner_texts())
    wait_until(lambda: len(seen | set(page.live_bars.all_inner_texts())) > 5, PAGE_TIMEOUT_SECONDS)

    frames = FramesUnderWay(page.page)
    slow_down(page.page)
    seen |= set(page.live_bars.all_inner_texts())
    wait_until(lambda: not seen.issuperset(page.live_bars.all_inner_texts()), PAGE_TIMEOUT_SECONDS)
    page.page.get_by_role("button", name="Keep this picture").click()
    page.expect_answered(1)
    assert frames.most == 1
    expect(page.card("camera ")).to_have_count(1)
    assert page.is_camera_on()
    page.page.get_by_role("button", name="Pause").click()
    expect(page.page.get_by_role("button", name="Go on")).to_be_visible()

    page.page.get_by_role("tab", name="Photos").click()
    wait_until(lambda: not page.is_camera_on(), PAGE_TIMEOUT_SECONDS)
    page.page.get_by_role("tab", name="Camera").click()
    expect(page.page.get_by_role("button", name="Start camera")).to_be_enabled()


def test_a_video_is_answered_along_its_length(page: ClassifyPage):
    """A chart of the likeliest classes, a click in it leads there, a table; what is no video is told."""
    page.expect_rest()
    page.page.get_by_role("tab", name="Camera").click()
    box = page.page.get_by_label("Video file", exact=True)
    box.set_input_files({"name": "notes.mp4", "mimeType": "video/mp4", "buffer": b"no video"})
    expect(page.page.get_by_text("This browser cannot play notes.mp4.")).to_be_visible()

    film = base64.b64decode(page.page.evaluate(_RECORD_JS))
    box.set_input_files({"name": "film.webm", "mimeType": "video/webm", "buffer": film})
    expect(page.page.get_by_text("moments answered")).to_be_visible()
    expect(page.live_bars).to_have_count(5)
    chart = page.page.get_by_role("slider", name="Place in the video")
    chart.click()
    # Where the processor is busy, a browser records less than it is asked for.
    middle = 0.4 * float(chart.get_attribute("aria-valuemax") or 0)
    assert middle > 0
    wait_until(lambda: float(chart.get_attribute("aria-valuenow") or 0) >= middle, PAGE_TIMEOUT_SECONDS)
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="CSV", exact=True).click()
    head, *rows = csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert head[:3] == ["second", "verdict", "class"]
    assert len(rows) > 3
    page.page.get_by_role("button", name="Close the video").click()
    expect(page.page.get_by_role("button", name="Start camera")).to_be_visible()
