"""Ways into a dataset, in a real browser: pasted, linked, dropped as a folder, read from a folder of the server."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.clipboard import CLIPBOARD_PERMISSIONS, copy_picture, copy_text, paste
from tests.e2e.conftest import OpenPage
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.photos import as_jpeg, sample
from tests.e2e.running_app import RunningApp
from tests.file_server import FileServer

CLASSES = {"cat": "Cat", "coffee": "Coffee"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder per class, of one photo each."""
    root = tmp_path_factory.mktemp("server") / "home"
    for name, title in CLASSES.items():
        (root / name).mkdir(parents=True)
        (root / name / f"{name}.jpg").write_bytes(as_jpeg(sample(title)))
    return root


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[FileServer]:
    """A web server with one photo, and with the folder as a zip."""
    offered = tmp_path_factory.mktemp("web")
    (offered / "cat.jpg").write_bytes((folder / "cat" / "cat.jpg").read_bytes())
    with zipfile.ZipFile(offered / "home.zip", "w") as archive:
        for path in folder.rglob("*.jpg"):
            archive.write(path, path.relative_to(folder))
    with FileServer(offered) as running:
        yield running


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory, folder: Path, web: FileServer) -> Settings:
    return Settings(
        workspace_dir=tmp_path_factory.mktemp("workspace"),
        link_allowed_private_hosts=(web.url.removeprefix("http://"),),
        import_dirs=(str(folder.parent),),
    )


@pytest.fixture
def dataset(open_page: OpenPage, app: RunningApp) -> DatasetPage:
    """The dataset page of a visitor who may use the clipboard."""
    visited = DatasetPage(open_page(app, permissions=CLIPBOARD_PERMISSIONS))
    visited.open()
    return visited


def test_a_copied_picture_is_pasted_into_the_chosen_class(dataset: DatasetPage):
    """Ctrl+V puts the picture in the clipboard into the class that is chosen, not into the first."""
    dataset.create("Pasted", ["cat", "coffee"])
    dataset.choose_class("coffee")
    copy_picture(dataset.page, sample("Coffee"))
    paste(dataset.page)
    dataset.expect_added("1 photo added")
    dataset.expect_counts("coffee: 1 not split yet")
    expect(dataset.main.get_by_role("radio", name="cat · 0")).to_be_visible()


def test_a_copied_link_is_pasted_into_a_class(dataset: DatasetPage, web: FileServer):
    """Ctrl+V fetches the photo behind a link in the clipboard."""
    dataset.create("Pasted link", ["cat"])
    copy_text(dataset.page, f"{web.url}/cat.jpg")
    paste(dataset.page)
    dataset.expect_added("1 photo added")
    dataset.expect_counts("cat: 1 not split yet")


def test_links_to_photos_and_archives_are_fetched(dataset: DatasetPage, web: FileServer):
    """A photo goes into the chosen class, an archive brings its own; a link that leads nowhere is named."""
    dataset.create("Linked", ["pets"])
    dataset.choose_tab("Link")
    dataset.fetch_links(f"{web.url}/cat.jpg", f"{web.url}/missing.jpg")
    dataset.expect_added("1 photo added, 1 refused")
    dataset.choose_tab("Link")
    dataset.fetch_links(f"{web.url}/home.zip", into_class=False)
    dataset.expect_counts("pets: 1 not split yet", "cat: 1 not split yet", "coffee: 1 not split yet")


def test_a_folder_becomes_a_dataset(dataset: DatasetPage, folder: Path):
    """Choosing a folder on the start page makes a dataset named after it, with a class for each folder in it."""
    dataset.upload(folder)
    dataset.expect_open("home")
    dataset.expect_counts("cat: 1 not split yet", "coffee: 1 not split yet")


def test_a_folder_of_the_server_is_imported(dataset: DatasetPage):
    """The folders that the administrator allows are listed; one click imports the chosen one."""
    dataset.create("From the server", [])
    dataset.choose_tab("Folder or archive")
    dataset.choose_server_folder("home")
    dataset.press("Import")
    dataset.expect_counts("cat: 1 not split yet", "coffee: 1 not split yet")
    expect(dataset.main.get_by_text("2 photos added")).to_be_visible()
