"""A phone sends photos into a dataset that is open in another browser; its camera is a green picture that moves."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.datasets.library import Library
from core.datasets.records import ImageView
from core.hosting.addresses import find_addresses
from core.settings import Settings
from core.storage.db import open_database
from tests.conftest import link_backbones
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenTab
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.phone_page import PHONE, PhonePage
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp, running_app
from tests.waiting import wait_until

TOLD_SECONDS = 30.0

Images = Callable[[str], list[ImageView]]


@pytest.fixture(scope="module")
def open_app(
    tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path, keras_environment: dict[str, str]
) -> Iterator[RunningApp]:
    """An app that listens to the network, which phones can reach."""
    if not [each.host for each in find_addresses()]:
        pytest.skip("needs a network: this machine has no address in any")
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("phones"), access="open")
    link_backbones(prepared_cache, settings)
    environment = {**keras_environment, "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
    with running_app(settings, environment=environment) as running:
        yield running


@pytest.fixture
def dataset(open_tab: OpenTab, open_app: RunningApp) -> DatasetPage:
    """The start page of datasets on a desktop."""
    opened = DatasetPage(ClassifyPage(open_tab(), open_app.url))
    opened.visit()
    return opened


@pytest.fixture
def images(open_app: RunningApp) -> Images:
    """What is in a dataset, by its name."""

    def read(name: str) -> list[ImageView]:
        with closing(open_database(open_app.settings)) as database:
            library = Library(database)
            found = library.datasets.find(name)
            assert found is not None
            return library.images.of(found.id)

    return read


def show_code(dataset: DatasetPage) -> str:
    """Ask for a code of the class that is chosen, and read the address below it."""
    dataset.choose_tab("Phone")
    dataset.press("Use a phone")
    expect(dataset.main.locator(".bluetit-qr img")).to_be_visible()
    return dataset.main.locator("code").filter(has_text="bluetit/phone").inner_text().strip()


def test_a_burst_arrives_in_the_open_dataset(
    dataset: DatasetPage, open_app: RunningApp, open_tab: OpenTab, images: Images
) -> None:
    """As one capture in the class of the code; the desktop counts it without being touched, the phone ticks it off."""
    dataset.create("Held", ["cat", "dog"])
    dataset.choose_class("dog")
    address = show_code(dataset)
    assert not address.startswith(open_app.url)
    assert "127.0.0.1" not in address
    phone = PhonePage.scan(open_tab, open_app, address)
    expect(phone.page.get_by_role("heading")).to_contain_text("dog")
    phone.start_camera()
    count = phone.hold(until=6)
    phone.expect_line(f"All {count} photos have arrived")
    expect(phone.arrived).to_have_count(count)
    expect(dataset.main.get_by_role("radio", name=f"dog · {count}")).to_be_visible()
    expect(dataset.main.get_by_text(f"{count} photos have come")).to_be_visible()
    captures = {image.capture_id for image in images("Held")}
    assert len(captures) == 1
    assert captures != {None}
    phone.tap()
    expect(dataset.main.get_by_role("radio", name=f"dog · {count + 1}")).to_be_visible()
    assert images("Held")[-1].capture_id is None
    phone.take_back_newest()
    expect(phone.photos).to_have_count(count)
    expect(dataset.main.get_by_role("radio", name=re.compile(rf"^dog · {count}$"))).to_be_visible()
    phone.page.get_by_role("button", name="Done").click()
    expect(phone.page.get_by_text("You can close this page now")).to_be_visible()
    token = address.partition("#")[2]
    assert token not in open_app.log()


def test_photos_are_seen_in_the_grid_as_they_come(
    dataset: DatasetPage, open_app: RunningApp, open_tab: OpenTab
) -> None:
    """In every section the page says that phones may send, and shows what has come."""
    dataset.create("Watched", ["cat"])
    phone = PhonePage.scan(open_tab, open_app, show_code(dataset))
    phone.start_camera()
    phone.tap()
    phone.expect_line("1 photo has arrived")
    dataset.choose_section("Photos")
    expect(dataset.grid.get_by_role("option")).to_have_count(1)
    expect(dataset.main.get_by_text("Phones → “cat”")).to_be_visible()
    phone.tap()
    expect(dataset.grid.get_by_role("option")).to_have_count(2)


def test_without_wifi_nothing_is_lost(
    dataset: DatasetPage, open_app: RunningApp, open_tab: OpenTab, images: Images
) -> None:
    """A burst in whose middle the Wi-Fi goes waits on the phone, which says so, and arrives whole afterwards."""
    dataset.create("Far away", ["cat"])
    phone = PhonePage.scan(open_tab, open_app, show_code(dataset), may_fail=True)
    phone.start_camera()
    phone.begin_burst()
    phone.expect_taken(3)
    phone.page.context.set_offline(True)
    phone.expect_taken(8)
    count = phone.let_go()
    phone.expect_line("waiting: the server does not answer")
    assert len(images("Far away")) < count
    phone.page.context.set_offline(False)
    phone.expect_line(f"All {count} photos have arrived")
    expect(dataset.main.get_by_role("radio", name=f"cat · {count}")).to_be_visible()
    assert len({image.capture_id for image in images("Far away")}) == 1
    assert len({image.photo_hash for image in images("Far away")}) == count


def test_withdrawn_in_the_middle(dataset: DatasetPage, open_app: RunningApp, open_tab: OpenTab, images: Images) -> None:
    """What came stays, the phone reads why it is over, and the desktop offers a new code."""
    dataset.create("Ended", ["cat"])
    phone = PhonePage.scan(open_tab, open_app, show_code(dataset), may_fail=True)
    phone.start_camera()
    phone.begin_burst()
    wait_until(lambda: len(images("Ended")) >= 2, TOLD_SECONDS)
    dataset.page.get_by_role("button", name="Withdraw").click()
    phone.expect_end("This code was withdrawn")
    phone.page.mouse.up()
    expect(dataset.main.get_by_role("button", name="Use a phone")).to_be_visible()
    kept = len(images("Ended"))
    assert kept >= 2
    expect(phone.arrived).to_have_count(kept)


def test_where_there_is_no_https(dataset: DatasetPage, open_app: RunningApp, open_tab: OpenTab, images: Images) -> None:
    """The phone's own camera is offered, and what it takes is made smaller and sent alike."""
    dataset.create("Plain", ["cat"])
    address = show_code(dataset)
    page: Page = open_tab(**PHONE, may_fail=True)
    page.goto(address)
    assert page.evaluate("isSecureContext") is False
    expect(page.get_by_role("button", name="Start camera")).to_be_hidden()
    expect(page.get_by_text("Without https")).to_be_visible()
    box = page.locator("input.shoot")
    assert (box.get_attribute("accept"), box.get_attribute("capture")) == ("image/*", "environment")
    box.set_input_files([sample("Cat"), sample("Coffee")])
    phone = PhonePage(page)
    phone.expect_line("All 2 photos have arrived")
    expect(dataset.main.get_by_role("radio", name="cat · 2")).to_be_visible()
    assert [image.capture_id for image in images("Plain")] == [None, None]
    box.set_input_files([Path(__file__)])
    expect(page.get_by_role("alert")).to_contain_text("is no photo that this phone can read")


def test_a_code_that_is_none(open_app: RunningApp, open_tab: OpenTab) -> None:
    """A made-up address opens a page that says so and offers nothing."""
    page = open_tab(**PHONE, may_fail=True)
    for end in ("#" + "A" * 43, "#x", "", "#<img src=x onerror=alert(1)>"):
        page.goto("about:blank")  # or only what is behind the "#" would be another
        page.goto(f"{open_app.url}/bluetit/phone{end}")
        PhonePage(page).expect_end("Scan the code on the big screen once more")


def test_nobody_is_promised_what_no_phone_reaches(open_tab: OpenTab, app: RunningApp) -> None:
    """Where the app listens to this computer only, a sentence says what to do instead of a code."""
    dataset = DatasetPage(ClassifyPage(open_tab(), app.url))
    dataset.visit()
    dataset.create("Unreached", ["cat"])
    dataset.choose_tab("Phone")
    expect(dataset.main.get_by_text("listens to this computer only")).to_be_visible()
    expect(dataset.main.get_by_role("button", name="Use a phone")).to_have_count(0)
