"""Many photos at once in a real browser: stop, go on, reload, leave and come back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import sample, slow_photos

BATCH_TIMEOUT_MILLISECONDS = 120_000

# What is under way when somebody presses Stop is finished.
FEW_PHOTOS = 4
IS_HALF_WAY = re.compile(r"[1-9]\d* (recognised|unsure).*[1-9]\d* waiting$")


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    # One photo at a time, so that a batch takes long enough to be interrupted.
    return Settings(workspace_dir=tmp_path_factory.mktemp("workspace"), inference_threads=1)


def num_waiting(page: ClassifyPage) -> int:
    found = re.search(r"(\d+) waiting$", page.summary.inner_text())
    return int(found[1]) if found else 0


def test_a_reload_in_the_middle_of_a_batch_loses_nothing(page: ClassifyPage, tmp_path: Path):
    """After a reload all 60 photos are there, once each, and those that waited are answered; half-typed text stays."""
    page.upload(*slow_photos(tmp_path, 60, side_px=2500))
    page.expect_num_photos(60)
    expect(page.summary).to_have_text(IS_HALF_WAY)
    page.page.reload()
    page.expect_open()
    page.expect_num_photos(60)
    filter_box = page.page.get_by_label("Filter", exact=True)
    filter_box.press_sequentially("slow")
    assert num_waiting(page) > 0
    page.expect_answered(60, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    expect(filter_box).to_be_focused()
    expect(filter_box).to_have_value("slow")
    filter_box.press("Enter")
    page.expect_rest()
    pages = page.page.get_by_role("navigation", name="Pagination")
    pages.get_by_role("button", name="Page 5").click()
    page.expect_order([f"slow-{number:03}.png" for number in range(12, 0, -1)])


def test_a_batch_can_be_stopped_and_continued(page: ClassifyPage, tmp_path: Path):
    """Stop leaves the rest waiting, whatever else the visitor does on the page, until Go on."""
    page.upload(*slow_photos(tmp_path, 300, side_px=1000))
    page.expect_num_photos(300)
    expect(page.page.get_by_text(re.compile(r"^[1-9]\d* of 300 photos · about .* left$"))).to_be_visible()
    page.press_button("Stop")
    expect(page.page.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    page.expect_rest()
    left = num_waiting(page)
    assert left > 1
    page.filter("slow-300")
    expect(page.cards).to_have_count(1)
    expect(page.card("slow-300.png")).to_contain_text("waiting")
    assert left - FEW_PHOTOS <= num_waiting(page) <= left
    page.press_button("Go on")
    page.expect_answered(300, timeout_milliseconds=BATCH_TIMEOUT_MILLISECONDS)
    page.expect_order(["slow-300.png"])


def test_going_to_another_page_and_back_keeps_the_answers(page: ClassifyPage):
    """Photos and answers are there again after a look at the networks, at once and without classifying anew."""
    page.upload(sample("Cat"), sample("Coffee"))
    page.expect_answered(2)
    before = page.times()
    assert len(before) == 2
    page.go_to("Networks")
    expect(page.page.get_by_role("heading", name="Networks")).to_be_visible()
    expect(page.summary).to_be_hidden()
    page.go_to("Classify")
    page.expect_open()
    page.expect_answered(2)
    # The milliseconds would differ if they had been classified again.
    assert page.times() == before


def test_photos_added_one_after_the_other_are_each_taken_once(page: ClassifyPage):
    """Of uploads that follow each other, while answers are still being made, no photo is lost or doubled."""
    for number in range(1, 6):
        page.upload(sample("Cat"))
        page.expect_num_photos(number)
    page.expect_answered(5)
