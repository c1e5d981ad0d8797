"""What is told where no browser can be asked; tests/e2e asks a real one."""

import sys
from pathlib import Path

import pytest

from core.errors import WebPageError
from core.export.web import browser
from core.export.web.asking import ask_page
from core.export.web.browser import find_browser

PHOTO = b"\xff\xd8\xff"


def test_without_a_browser_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names those that would do."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(browser, "_MAC_PROGRAMS", ())
    monkeypatch.setattr(browser, "_WINDOWS_PROGRAMS", ())
    assert find_browser() is None
    with pytest.raises(WebPageError, match="No Chrome, Chromium or Edge"):
        ask_page(b"page", [PHOTO])


def test_a_browser_that_ends_at_once_has_answered_nothing() -> None:
    """Such as one that lacks a library of the system, or the memory."""
    with pytest.raises(WebPageError, match="ended after 0 of 1 photos"):
        ask_page(b"page", [PHOTO], browser=Path(sys.executable))
