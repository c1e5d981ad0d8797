"""Downloads from the disk in a real browser, on a page of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import TIMEOUT_MILLISECONDS
from tests.e2e.download_app import CONTENT
from tests.e2e.running_app import serving_script


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Address of the page."""
    with serving_script(Path("tests", "e2e", "download_app.py"), tmp_path / "app.log") as address:
        yield address


def test_a_file_comes_without_leaving_the_page(chromium: Browser, url: str) -> None:
    """Under its own name and in no other tab; where it is gone, the page says so beside the button."""
    context = chromium.new_context()
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    page.goto(url)
    with page.expect_download() as download:
        page.get_by_role("link", name="Labels").click()
    assert download.value.suggested_filename == "Birds labels.txt"
    assert Path(download.value.path()).read_text(encoding="utf-8") == CONTENT
    page.get_by_role("link", name="Gone").click()
    expect(page.get_by_role("alert")).to_have_text("It is gone.")
    assert (len(context.pages), page.url.rstrip("/")) == (1, url)
    context.close()
