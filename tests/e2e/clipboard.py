"""A visitor's clipboard; the page must have been opened with `CLIPBOARD_PERMISSIONS`."""

import base64
from pathlib import Path

from playwright.sync_api import Page

CLIPBOARD_PERMISSIONS = ("clipboard-read", "clipboard-write")

_COPY_JS = """async (content) => {
  const photo = await (await fetch("data:image/png;base64," + content)).blob();
  await navigator.clipboard.write([new ClipboardItem({ "image/png": photo })]);
}"""


def as_base64(path: Path) -> str:
    """A file's content as text."""
    return base64.b64encode(path.read_bytes()).decode()


def copy_picture(page: Page, path: Path) -> None:
    """Put a PNG photo into the clipboard."""
    page.evaluate(_COPY_JS, as_base64(path))


def copy_text(page: Page, text: str) -> None:
    """Put text into the clipboard."""
    page.evaluate("text => navigator.clipboard.writeText(text)", text)


def paste(page: Page) -> None:
    """Press Ctrl+V."""
    page.keyboard.press("ControlOrMeta+V")
