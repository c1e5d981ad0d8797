"""Downloads from the disk in a real browser, on a page of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenTab
from tests.e2e.download_app import CONTENT
from tests.e2e.running_app import serving_script


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Address of the page."""
    with serving_script(Path("tests", "e2e", "download_app.py"), tmp_path / "app.log") as address:
        yield address


def test_a_file_comes_without_leaving_the_page(open_tab: OpenTab, url: str) -> None:
    """Under its own name and in no other tab; where it is gone, the page says so beside the button."""
    page = open_tab(may_fail=True)
    page.goto(url)
    with page.expect_download() as download:
        page.get_by_role("link", name="Labels").click()
    assert download.value.suggested_filename == "Birds labels.txt"
    assert Path(download.value.path()).read_text(encoding="utf-8") == CONTENT
    page.get_by_role("link", name="Gone").click()
    expect(page.get_by_role("alert")).to_have_text("It is gone.")
    assert (len(page.context.pages), page.url.rstrip("/")) == (1, url)
