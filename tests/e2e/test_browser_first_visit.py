"""The first visit in a real browser, and visits after something went wrong in the background."""

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.services import open_services
from core.settings import Settings
from tests.conftest import link_backbones
from tests.e2e.conftest import OpenPage, StartApp
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.photos import sample
from tests.e2e.workspace import GivenImage, fill_dataset

PREPARE_TIMEOUT_MILLISECONDS = 300_000

# The first word of the worker itself, before it loads TensorFlow: what is said until then comes from the server.
HAS_BEGUN = "Getting ready to build"
MOBILENET = "MobileNet 0.75, 192 px"
IS_PREPARING = re.compile("Building|Converting|Comparing")


def damage(settings: Settings) -> None:
    """Cut the file of the prepared network in half."""
    (path,) = settings.cache_path.glob("backbones/*/model.tflite")
    whole = path.read_bytes()
    path.unlink()  # the file of which it is a link stays as it is
    path.write_bytes(whole[: len(whole) // 2])


def test_a_fresh_workspace_answers_at_once(
    settings: Settings, prepared_cache: Path, lite0: Backbone, start_app: StartApp, open_page: OpenPage
):
    """Nobody prepares anything before the first photo. The network's file in the cache of an earlier workspace, cut in
    half, does not count, and is made anew without a question."""
    folder = settings.workspace_dir
    settings = replace(settings, workspace_dir=folder / "fresh", cache_dir=folder / "old-cache")
    link_backbones(prepared_cache, settings)
    damage(settings)
    page = open_page(start_app(settings))
    page.upload(sample("Coffee"))
    page.expect_answered(1)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    expect(page.page.get_by_role("combobox", name="Network (backbone)")).to_have_value("EfficientNet-Lite0 · ready")
    load_artefact(lite0, settings)  # every file of it is whole


@pytest.mark.usefixtures("shared_dir")  # for the weights of MobileNet
def test_photos_wait_while_a_network_is_prepared(settings: Settings, start_app: StartApp, open_page: OpenPage):
    """The page opens at once, shows how far the network is, says that it is tried again when the worker has died, and
    answers the photo added meanwhile by itself."""
    app = start_app(replace(settings, default_backbone="MobileNet-0.75-192"))
    page = open_page(app)
    expect(page.page.get_by_text(f"Getting {MOBILENET} ready.")).to_be_visible()
    expect(page.page.get_by_role("progressbar")).to_be_visible()
    page.upload(sample("Coffee"))
    expect(page.card("coffee.png").get_by_text("coffee.png is waiting")).to_be_visible()
    expect(page.summary).to_have_text("1 photo: 0 recognised, 1 waiting")
    expect(page.page.get_by_text(HAS_BEGUN)).to_be_visible(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    (worker,) = app.workers()
    worker.kill()
    expect(page.page.get_by_text("trying again")).to_be_visible()
    expect(page.page.get_by_text(IS_PREPARING)).to_be_visible(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    expect(page.page.get_by_text(f"Getting {MOBILENET} ready.")).to_be_hidden(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    page.expect_answered(1)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    expect(page.page.get_by_role("combobox", name="Network (backbone)")).to_have_value(f"{MOBILENET} · ready")


def test_everything_is_there_after_a_restart(prepared_settings: Settings, start_app: StartApp, open_page: OpenPage):
    """Datasets, photos and the trash outlive the services that made them."""
    images = [
        GivenImage(name=f"{title}.png", content=sample(title).read_bytes(), class_name="cat")
        for title in ("Cat", "Coffee")
    ]
    with closing(open_services(prepared_settings)) as services:
        dataset_id = fill_dataset(prepared_settings, services.database, "Kept", images)
        (wrong,) = [image.id for image in services.library.images.of(dataset_id) if image.name == "Coffee.png"]
        services.library.images.trash([wrong])
    dataset = DatasetPage(open_page(start_app(prepared_settings)))
    dataset.open()
    dataset.open_existing("Kept")
    dataset.expect_counts("cat: 1 not split yet")
    dataset.press("Undo")
    dataset.expect_counts("cat: 2 not split yet")
    dataset.choose_section("Photos")
    dataset.expect_photos("Cat.png", "Coffee.png")
