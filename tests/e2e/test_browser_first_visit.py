"""The first visit in a real browser, and visits after something went wrong in the background."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.services import open_services
from core.settings import Settings
from tests.conftest import link_backbones
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenPage, StartApp
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp, running_app
from tests.e2e.workspace import GivenImage, fill_dataset

PREPARE_TIMEOUT_MILLISECONDS = 300_000

# Progress of the worker itself, once it has begun: the words before that come from the server.
IS_PREPARING = re.compile("Building|Converting|Comparing")


def expect_ready(page: ClassifyPage) -> None:
    """Wait until the default network is prepared."""
    expect(page.page.get_by_text("Getting EfficientNet-Lite0 ready.")).to_be_hidden(
        timeout=PREPARE_TIMEOUT_MILLISECONDS
    )


def test_a_fresh_workspace_prepares_the_network_while_photos_wait(
    settings: Settings, start_app: StartApp, open_page: OpenPage
):
    """The page opens at once, shows how far the network is, says that it is tried again when the worker has died, and
    answers the photo added meanwhile by itself."""
    app = start_app(settings)
    page = open_page(app)
    expect(page.page.get_by_text("Getting EfficientNet-Lite0 ready.")).to_be_visible()
    expect(page.page.get_by_role("progressbar")).to_be_visible()
    page.upload(sample("Coffee"))
    expect(page.card("coffee.png").get_by_text("coffee.png is waiting")).to_be_visible()
    expect(page.summary).to_have_text("1 photo: 0 recognised, 1 waiting")
    expect(page.page.get_by_text(IS_PREPARING)).to_be_visible(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    (worker,) = app.workers()
    worker.kill()
    expect(page.page.get_by_text("trying again")).to_be_visible()
    expect_ready(page)
    page.expect_answered(1)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    expect(page.page.get_by_role("combobox", name="Network (backbone)")).to_have_value("EfficientNet-Lite0 · ready")


@pytest.fixture(scope="module")
def old_settings(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Settings:
    """A workspace that was in use: a dataset with a photo in the trash, and a prepared network whose file is cut in
    half."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("old"))
    link_backbones(prepared_cache, settings)
    images = [
        GivenImage(name=f"{title}.png", content=sample(title).read_bytes(), class_name="cat")
        for title in ("Cat", "Coffee")
    ]
    with closing(open_services(settings)) as services:
        dataset_id = fill_dataset(settings, services.database, "Kept", images)
        (wrong,) = [image.id for image in services.library.images.of(dataset_id) if image.name == "Coffee.png"]
        services.library.images.trash([wrong])
    damaged = damaged_file(settings)
    whole = damaged.read_bytes()
    damaged.unlink()  # the file of which it is a link stays as it is
    damaged.write_bytes(whole[: len(whole) // 2])
    return settings


def damaged_file(settings: Settings) -> Path:
    (path,) = settings.cache_path.glob("backbones/*/model.tflite")
    return path


@pytest.fixture(scope="module")
def old_app(chromium: Browser, old_settings: Settings, keras_environment: dict[str, str]) -> Iterator[RunningApp]:
    """The app that is started on that workspace."""
    with running_app(old_settings, environment=keras_environment) as running:
        yield running


def test_a_prepared_network_cut_in_half_is_prepared_again(
    old_app: RunningApp, old_settings: Settings, prepared_cache: Path, open_page: OpenPage
):
    """A damaged file is noticed when the app starts, made anew without a question, and the photo is answered."""
    page = open_page(old_app)
    page.upload(sample("Coffee"))
    page.expect_answered(1, timeout_milliseconds=PREPARE_TIMEOUT_MILLISECONDS)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    (whole,) = prepared_cache.glob("backbones/*/model.tflite")
    assert damaged_file(old_settings).stat().st_size == whole.stat().st_size


def test_everything_is_there_after_a_restart(old_app: RunningApp, open_page: OpenPage):
    """Datasets, photos and the trash outlive the services that made them."""
    dataset = DatasetPage(open_page(old_app))
    dataset.open()
    dataset.open_existing("Kept")
    dataset.expect_counts("cat: 1 not split yet")
    dataset.press("Undo")
    dataset.expect_counts("cat: 2 not split yet")
    dataset.choose_section("Photos")
    dataset.expect_photos("Cat.png", "Coffee.png")
