"""A dataset in a real browser: made from files, a zip and the camera, cleaned, undone, and there after a restart."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenPage
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.photos import sample
from tests.e2e.running_app import copy_cache, running_app

PLACES = [("train", "crow"), ("train", "tit"), ("val", "crow"), ("val", "tit")]


@pytest.fixture
def dataset(page: ClassifyPage) -> DatasetPage:
    """The dataset page before a dataset is open."""
    visited = DatasetPage(page)
    visited.open()
    return visited


def noise_jpeg(seed: int) -> bytes:
    """A photo that resembles no other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC).save(target, "JPEG")
    return target.getvalue()


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    """An archive on the disk."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_files_come_into_a_class_and_bad_ones_are_named(dataset: DatasetPage, tmp_path: Path):
    """Photos are counted in their class; a file that is none is listed with the reason."""
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("no photo")
    dataset.create("At home", ["cat", "coffee"])
    dataset.upload(sample("Cat"), wrong)
    dataset.expect_added("1 photo added, 1 refused")
    dataset.main.get_by_text("1 file refused").click()
    expect(dataset.main.get_by_text("is a text file, not a photo")).to_be_visible()
    dataset.choose_class("coffee")
    dataset.upload(sample("Coffee"))
    dataset.expect_counts("cat: 1 not split yet", "coffee: 1 not split yet")
    dataset.choose_section("Photos")
    dataset.expect_photos("chelsea.png", "coffee.png")


def test_a_zip_becomes_a_dataset_with_its_splits(dataset: DatasetPage, tmp_path: Path):
    """One upload on the start page: classes, photos and splits are as the folders say."""
    files = {f"birds/{split}/{name}/{seed}.jpg": noise_jpeg(seed) for seed, (split, name) in enumerate(PLACES)}
    dataset.choose_tab("Archive")
    dataset.upload(zip_of(tmp_path / "garden.zip", files))
    dataset.expect_open("garden")
    dataset.expect_counts("crow: 1 train, 1 validation", "tit: 1 train, 1 validation")


def test_a_burst_comes_from_the_camera(dataset: DatasetPage):
    """Holding the button records several photos, which come in as one burst."""
    dataset.create("Camera", ["green", "other"])
    dataset.choose_tab("Camera")
    dataset.hold_to_record(1_500)
    dataset.expect_added("Burst of")
    dataset.expect_added("photos added")
    dataset.choose_section("Photos")
    expect(dataset.photo("camera").first).to_be_visible()
    assert dataset.photo("camera").count() > 1


def test_a_dataset_is_cleaned(dataset: DatasetPage, tmp_path: Path):
    """A photo goes to its class, the check finds a planted copy, a deletion is undone."""
    dataset.create("Cleaning", ["crow", "tit"])
    crows = [tmp_path / f"crow-{number}.jpg" for number in range(5)]
    for number, path in enumerate(crows):
        path.write_bytes(noise_jpeg(100 + number))
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(noise_jpeg(100))
    dataset.upload(*crows, copy)
    dataset.expect_counts("crow: 6 not split yet")

    dataset.choose_section("Photos")
    dataset.select("crow-2.jpg")
    dataset.move_selected_to("tit")
    dataset.expect_counts("crow: 5 not split yet", "tit: 1 not split yet")

    dataset.choose_section("Check")
    finding = dataset.main.get_by_text(re.compile("Exact copies: 2 photos"))
    expect(finding).to_be_visible(timeout=60_000)
    dataset.rest()
    dataset.press(re.compile("Keep one of each: put 1 of 5 photos"))
    dataset.expect_counts("crow: 4 not split yet")
    expect(finding).to_have_count(0)

    dataset.choose_section("Photos")
    dataset.select("crow-1.jpg")
    dataset.press("Delete")
    dataset.expect_counts("crow: 3 not split yet")
    dataset.press("Undo")
    dataset.expect_counts("crow: 4 not split yet")


def noisy_photos(folder: Path, names: str) -> list[Path]:
    """Photos that resemble no others, one for each letter."""
    paths = [folder / f"{name}.jpg" for name in names]
    for path in paths:
        path.write_bytes(noise_jpeg(ord(path.stem)))
    return paths


def test_photos_are_sorted_with_the_keyboard(dataset: DatasetPage, tmp_path: Path):
    """Arrows move, Shift selects a range, Delete deletes it, and what is left can be selected as a whole."""
    dataset.create("Keyboard", ["crow"])
    dataset.upload(*noisy_photos(tmp_path, "abcd"))
    dataset.expect_counts("crow: 4 not split yet")
    dataset.choose_section("Photos")
    dataset.photo("a.jpg").focus()
    dataset.press_keys("ArrowRight", "Shift+ArrowRight")
    expect(dataset.main.get_by_text("2 photos selected")).to_be_visible()
    dataset.press_keys("Delete")
    dataset.expect_photos("a.jpg", "d.jpg")
    dataset.press_keys("ControlOrMeta+A")
    expect(dataset.main.get_by_text("2 photos selected")).to_be_visible()


def test_photos_are_sifted_in_the_large_view(dataset: DatasetPage, tmp_path: Path):
    """Delete takes away the photo that is shown large and turns to the next; Escape leads back to the grid."""
    dataset.create("Sifted", ["crow"])
    dataset.upload(*noisy_photos(tmp_path, "abc"))
    dataset.expect_counts("crow: 3 not split yet")
    dataset.choose_section("Photos")
    dataset.photo("a.jpg").dblclick()
    expect(dataset.large_photo("a.jpg")).to_be_visible()
    dataset.press_keys("Delete")
    expect(dataset.large_photo("b.jpg")).to_be_visible()
    dataset.rest()
    dataset.large_photo("b.jpg").get_by_role("button", name="Delete").click()
    expect(dataset.large_photo("c.jpg")).to_be_visible()
    dataset.rest()
    dataset.press_keys("Escape")
    dataset.expect_photos("c.jpg")
    dataset.expect_counts("crow: 1 not split yet")


def test_circled_points_of_the_map_show_their_photos(dataset: DatasetPage, tmp_path: Path):
    """A lasso around all points brings all photos below the map, ready to be moved or deleted."""
    dataset.create("Mapped", ["crow"])
    dataset.upload(*noisy_photos(tmp_path, "abcd"))
    dataset.expect_counts("crow: 4 not split yet")
    dataset.choose_section("Map")
    dataset.press("Draw the map")
    dataset.circle_everything()
    circled = dataset.main.get_by_role("listbox", name="Circled photos")
    expect(circled.get_by_role("option")).to_have_count(4)
    expect(dataset.main.get_by_text("4 photos selected")).to_be_visible()


def test_a_message_leaves_the_way_in_open(dataset: DatasetPage):
    """A class that exists already is refused while the camera's tab stays the open one."""
    dataset.create("Refused", ["crow"])
    dataset.choose_tab("Camera")
    dataset.page.get_by_role("textbox", name="New class").fill("Crow")
    dataset.press("Add class")
    expect(dataset.main.get_by_text("There is a class named")).to_be_visible()
    dataset.rest()
    expect(dataset.main.get_by_role("tab", name="Camera")).to_have_attribute("aria-selected", "true")
    expect(dataset.button("Start camera")).to_be_visible()


def test_everything_is_there_after_a_restart(
    open_page: OpenPage, prepared_cache: Path, keras_environment: dict[str, str], tmp_path: Path
):
    """Datasets, photos and the trash outlive the server."""
    settings = Settings(workspace_dir=tmp_path / "workspace")
    copy_cache(prepared_cache, settings)
    with running_app(settings, environment=keras_environment) as first:
        dataset = DatasetPage(open_page(first))
        dataset.open()
        dataset.create("Kept", ["cat", "coffee"])
        dataset.upload(sample("Cat"), sample("Coffee"))
        dataset.expect_counts("cat: 2 not split yet")
        dataset.choose_section("Photos")
        dataset.select("coffee.png")
        dataset.press("Delete")
        dataset.expect_counts("cat: 1 not split yet")
        dataset.page.close()  # or it would miss its server, loudly
    with running_app(settings, environment=keras_environment) as second:
        dataset = DatasetPage(open_page(second))
        dataset.open()
        dataset.open_existing("Kept")
        dataset.expect_counts("cat: 1 not split yet", "coffee: no photos")
        dataset.press("Undo")
        dataset.expect_counts("cat: 2 not split yet")
        dataset.choose_section("Photos")
        dataset.expect_photos("chelsea.png", "coffee.png")
        dataset.page.close()
