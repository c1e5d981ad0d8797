"""A dataset in a real browser: made from files, a zip and the camera, cleaned, sorted by hand, undone."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.conftest import OpenDataset
from tests.e2e.dataset_page import WORKER_TIMEOUT_MILLISECONDS
from tests.e2e.photos import sample
from tests.e2e.workspace import GivenImage, add_dataset

PLACES = [("train", "crow"), ("train", "tit"), ("val", "crow"), ("val", "tit")]


def noise_jpeg(seed: int) -> bytes:
    """A photo that resembles no other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC).save(target, "JPEG")
    return target.getvalue()


def crows(*names: str) -> list[GivenImage]:
    """Photos that resemble no others; those of the same first word are copies of each other."""
    seeds = [sum(name.split("-")[0].encode()) for name in names]
    return [
        GivenImage(name=f"{name}.jpg", content=noise_jpeg(seed), class_name="crow")
        for name, seed in zip(names, seeds, strict=True)
    ]


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    """An archive on the disk."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_files_come_into_a_class_and_bad_ones_are_named(open_dataset: OpenDataset, tmp_path: Path):
    """Photos are counted in their class; a file that is none is listed with the reason."""
    dataset = open_dataset()
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


def test_a_zip_becomes_a_dataset_with_its_splits(open_dataset: OpenDataset, tmp_path: Path):
    """One upload on the start page: classes, photos and splits are as the folders say."""
    dataset = open_dataset()
    files = {f"birds/{split}/{name}/{seed}.jpg": noise_jpeg(seed) for seed, (split, name) in enumerate(PLACES)}
    dataset.choose_tab("Archive")
    dataset.upload(zip_of(tmp_path / "garden.zip", files))
    dataset.expect_open("garden")
    dataset.expect_counts("crow: 1 train, 1 validation", "tit: 1 train, 1 validation")


def test_a_project_goes_home_and_comes_back(open_dataset: OpenDataset, app_settings: Settings, tmp_path: Path):
    """Packed, downloaded, dropped into the box, looked at, brought in by the worker, opened; another is put away."""
    dataset = open_dataset(add_dataset(app_settings, "Homework", crows("one", "two")))
    dataset.press("Rename, export …")
    dataset.page.get_by_text("Take the project home").click()
    dataset.press("Pack the project")
    link = dataset.page.get_by_role("link", name="Download project")
    expect(link).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    with dataset.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "Homework.bluetit"
    path = tmp_path / "Homework.bluetit"
    download.value.save_as(path)
    dataset.visit()
    for answer in ("Do not bring it in", "Bring it in"):
        dataset.choose_tab("Project")
        dataset.upload(path)
        expect(dataset.main.get_by_text("1 class: crow 2")).to_be_visible()
        dataset.press(answer)
        expect(dataset.main.get_by_text("1 class: crow 2")).to_be_hidden(timeout=WORKER_TIMEOUT_MILLISECONDS)
        dataset.rest()  # until then the tabs of the page before stand there as well
    expect(dataset.button("Open it")).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    dataset.press("Open it")
    dataset.expect_open("Homework 2")
    dataset.expect_counts("crow: 2 not split yet")


def test_a_burst_comes_from_the_camera(open_dataset: OpenDataset, app_settings: Settings):
    """Holding the button records several photos, which come in as one burst; a message leaves the camera's tab open."""
    dataset = open_dataset(add_dataset(app_settings, "Camera", crows("one")))
    dataset.choose_tab("Camera")
    dataset.page.get_by_role("textbox", name="New class").fill("Crow")
    dataset.press("Add class")
    expect(dataset.main.get_by_text("There is a class named")).to_be_visible()
    dataset.rest()
    expect(dataset.main.get_by_role("tab", name="Camera")).to_have_attribute("aria-selected", "true")
    dataset.hold_to_record()
    dataset.expect_added("Burst of")
    dataset.expect_added("photos added")
    dataset.choose_section("Photos")
    expect(dataset.photo("camera").first).to_be_visible()
    assert dataset.photo("camera").count() > 1


def test_a_dataset_is_cleaned(open_dataset: OpenDataset, app_settings: Settings):
    """A photo goes to its class, the check finds a planted copy, a deletion is undone."""
    images = crows("a", "b", "c", "d", "e", "a-copy")
    dataset = open_dataset(add_dataset(app_settings, "Cleaning", images, class_names=("crow", "tit")))
    dataset.expect_counts("crow: 6 not split yet")

    dataset.choose_section("Photos")
    dataset.select("c.jpg")
    dataset.move_selected_to("tit")
    dataset.expect_counts("crow: 5 not split yet", "tit: 1 not split yet")

    dataset.choose_section("Check")
    finding = dataset.main.get_by_text(re.compile("Exact copies: 2 photos"))
    expect(finding).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    dataset.rest()
    dataset.press(re.compile("Keep one of each: put 1 of 5 photos"))
    dataset.expect_counts("crow: 4 not split yet")
    expect(finding).to_have_count(0)

    dataset.choose_section("Photos")
    dataset.select("b.jpg")
    dataset.press("Delete")
    dataset.expect_counts("crow: 3 not split yet")
    dataset.press("Undo")
    dataset.expect_counts("crow: 4 not split yet")


def test_photos_are_sorted_with_the_keyboard(open_dataset: OpenDataset, app_settings: Settings):
    """In the grid arrows move, Shift selects a range, Delete deletes it, and what is left can be selected as a whole;
    in the large view Delete takes away the photo that is shown and turns to the next; Escape leads back to the grid."""
    dataset = open_dataset(add_dataset(app_settings, "Keyboard", crows(*"abcdef")))
    dataset.choose_section("Photos")
    dataset.photo("a.jpg").focus()
    dataset.press_keys("ArrowRight", "Shift+ArrowRight")
    expect(dataset.main.get_by_text("2 photos selected")).to_be_visible()
    dataset.press_keys("Delete")
    dataset.expect_photos("a.jpg", "d.jpg", "e.jpg", "f.jpg")
    dataset.press_keys("ControlOrMeta+A")
    expect(dataset.main.get_by_text("4 photos selected")).to_be_visible()

    dataset.photo("d.jpg").dblclick()
    expect(dataset.large_photo("d.jpg")).to_be_visible()
    dataset.press_keys("Delete")
    expect(dataset.large_photo("e.jpg")).to_be_visible()
    dataset.rest()
    dataset.large_photo("e.jpg").get_by_role("button", name="Delete").click()
    expect(dataset.large_photo("f.jpg")).to_be_visible()
    dataset.rest()
    dataset.press_keys("Escape")
    dataset.expect_photos("a.jpg", "f.jpg")
    dataset.expect_counts("crow: 2 not split yet")


def test_circled_points_of_the_map_show_their_photos(open_dataset: OpenDataset, app_settings: Settings):
    """A lasso around all points brings all photos below the map, ready to be moved or deleted."""
    dataset = open_dataset(add_dataset(app_settings, "Mapped", crows(*"abcd")))
    dataset.choose_section("Map")
    dataset.press("Draw the map")
    dataset.circle_everything()
    circled = dataset.main.get_by_role("listbox", name="Circled photos")
    expect(circled.get_by_role("option")).to_have_count(4)
    expect(dataset.main.get_by_text("4 photos selected")).to_be_visible()
