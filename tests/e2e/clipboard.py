"""A visitor's clipboard; the page must have been opened with `CLIPBOARD_PERMISSIONS`."""

import base64
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page

CLIPBOARD_PERMISSIONS = ("clipboard-read", "clipboard-write")

_COPY_JS = """async (content) => {
  const photo = await (await fetch("data:image/png;base64," + content)).blob();
  await navigator.clipboard.write([new ClipboardItem({ "image/png": photo })]);
}"""

# Of files, which no page may put into a clipboard: as if somebody had copied them in a window of files.
_PASTE_FILES_JS = """(files) => {
  const clipboardData = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.codePointAt(0));
    clipboardData.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
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


def paste_files(page: Page, paths: Sequence[Path]) -> None:
    """Paste files, which takes a moment where choosing as many takes minutes."""
    page.evaluate(_PASTE_FILES_JS, [[path.name, as_base64(path)] for path in paths])
