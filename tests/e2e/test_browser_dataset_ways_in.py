"""Ways into a dataset, in a real browser: pasted, linked, dropped as a folder, read from a folder of the server."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.clipboard import CLIPBOARD_PERMISSIONS, copy_picture, copy_text, paste
from tests.e2e.conftest import OpenDataset
from tests.e2e.dataset_page import WORKER_TIMEOUT_MILLISECONDS
from tests.e2e.photos import sample
from tests.file_server import FileServer


def test_copied_pictures_and_links_are_pasted_into_the_chosen_class(open_dataset: OpenDataset, web: FileServer):
    """Ctrl+V puts the picture, or the photo behind a link, into the class that is chosen, not into the first."""
    dataset = open_dataset(permissions=CLIPBOARD_PERMISSIONS)
    dataset.create("Pasted", ["cat", "coffee", "linked"])
    dataset.choose_class("coffee")
    copy_picture(dataset.page, sample("Coffee"))
    paste(dataset.page)
    dataset.expect_added("1 photo added")
    dataset.expect_counts("coffee: 1 not split yet")
    dataset.choose_class("linked")
    copy_text(dataset.page, f"{web.url}/cat.jpg")
    paste(dataset.page)
    dataset.expect_counts("linked: 1 not split yet")
    expect(dataset.main.get_by_role("radio", name="cat · 0")).to_be_visible()


def test_links_to_photos_and_archives_are_fetched(open_dataset: OpenDataset, web: FileServer):
    """A photo goes into the chosen class, an archive brings its own; a link that leads nowhere is named."""
    dataset = open_dataset()
    dataset.create("Linked", ["pets"])
    dataset.choose_tab("Link")
    dataset.fetch_links(f"{web.url}/cat.jpg", f"{web.url}/missing.jpg")
    dataset.expect_added("1 photo added, 1 refused")
    dataset.choose_tab("Link")
    dataset.fetch_links(f"{web.url}/home.zip", into_class=False)
    dataset.expect_counts("pets: 1 not split yet", "cat: 1 not split yet", "coffee: 1 not split yet")


def test_an_import_that_takes_long_is_stopped(open_dataset: OpenDataset, web: FileServer):
    """Its bar has a button; nothing of it is added, and the bar takes no room any more."""
    dataset = open_dataset()
    dataset.create("Slow", ["pets"])
    web.stall_after_bytes = 1_000
    dataset.choose_tab("Link")
    dataset.fetch_links(f"{web.url}/cat.jpg")
    bar = dataset.main.locator(".bluetit-imports")
    expect(bar.get_by_role("progressbar")).to_be_visible()
    dataset.press(re.compile("^Stop "))
    expect(dataset.main.get_by_text("stopped, nothing was added")).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    expect(bar).to_be_hidden()


def test_a_folder_becomes_a_dataset(open_dataset: OpenDataset, server_folder: Path):
    """Choosing a folder on the start page makes a dataset named after it, with a class for each folder in it."""
    dataset = open_dataset()
    dataset.upload(server_folder)
    dataset.expect_open(server_folder.name)
    dataset.expect_counts("cat: 1 not split yet", "coffee: 1 not split yet")


def test_a_folder_of_the_server_is_imported(open_dataset: OpenDataset, server_folder: Path):
    """The folders that the administrator allows are listed; one click imports the chosen one."""
    dataset = open_dataset()
    dataset.create("From the server", [])
    dataset.choose_tab("Folder or archive")
    dataset.choose_server_folder(server_folder.name)
    dataset.press("Import")
    dataset.expect_counts("cat: 1 not split yet", "coffee: 1 not split yet")
    expect(dataset.main.get_by_text("2 photos added")).to_be_visible()
