"""A camera that shows what a test puts before it, in the place of the browser's own."""

import base64
from pathlib import Path

from playwright.sync_api import Page

# Voices are noted, not heard; what the camera shows moves a little from one picture to the next, or holds still.
_CAMERA_JS = """(() => {
  if (!navigator.mediaDevices) return; // an empty page
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 480];
  const pen = canvas.getContext("2d");
  const scene = (window.scene = { image: null, isStill: false, isGone: false, said: [], streams: [] });
  let turn = 0;
  setInterval(() => {
    turn += scene.isStill ? 0 : 1;
    pen.fillStyle = "#888";
    pen.fillRect(0, 0, 640, 480);
    const { image } = scene;
    if (image) pen.drawImage(image, -20 + 18 * Math.sin(turn / 2), -20, 680, (680 * image.height) / image.width);
  }, 50);
  window.putBefore = async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    scene.image = image;
  };
  navigator.mediaDevices.getUserMedia = async () => {
    if (scene.isGone) throw new DOMException("", "NotFoundError");
    const stream = canvas.captureStream(20);
    scene.streams.push(stream);
    return stream;
  };
  speechSynthesis.speak = ({ text, lang }) => { if (text) scene.said.push([text, lang]); };
})();"""


def give_camera(page: Page) -> None:
    """Give a tab the camera, from the next page that it opens on; it shows grey that holds still."""
    page.add_init_script(_CAMERA_JS)


def put_before_camera(page: Page, photo: Path) -> None:
    """Hold a photo before the camera, and move it."""
    page.evaluate("data => window.putBefore(data)", base64.b64encode(photo.read_bytes()).decode())
    page.evaluate("() => { window.scene.isStill = false; }")


def take_away(page: Page) -> None:
    """Take away what is before the camera: nothing moves there any more."""
    page.evaluate("() => { window.scene.image = null; window.scene.isStill = true; }")


def unplug(page: Page) -> None:
    """Take the camera itself away."""
    page.evaluate(
        "() => { window.scene.isGone = true; "
        "window.scene.streams.at(-1).getTracks().forEach((track) => track.dispatchEvent(new Event('ended'))); }"
    )


def plug_in(page: Page) -> None:
    """Give it back; browsers tell pages of it."""
    page.evaluate(
        "() => { window.scene.isGone = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange')); }"
    )


def said(page: Page) -> list[list[str]]:
    """Words that a voice has said so far, each with its language."""
    words: list[list[str]] = page.evaluate("() => window.scene.said")
    return words
