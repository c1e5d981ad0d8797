"""The first visit in a real browser, and visits after something went wrong in the background."""

import re
from pathlib import Path

from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenPage, StartApp
from tests.e2e.photos import sample
from tests.e2e.running_app import copy_cache

PREPARE_TIMEOUT_MILLISECONDS = 120_000

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
    """The page opens at once, shows how far the network is, and answers the photo added meanwhile by itself."""
    app = start_app(settings)
    page = open_page(app)
    expect(page.page.get_by_text("Getting EfficientNet-Lite0 ready.")).to_be_visible()
    expect(page.page.get_by_role("progressbar")).to_be_visible()
    page.upload(sample("Coffee"))
    expect(page.card("coffee.png")).to_contain_text("waiting")
    expect(page.summary).to_have_text("1 photo: 0 recognised, 1 waiting")
    expect_ready(page)
    page.expect_answered(1)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    expect(page.page.get_by_role("combobox", name="Network (backbone)")).to_have_value("EfficientNet-Lite0 · ready")


def test_a_worker_killed_while_preparing_is_replaced(settings: Settings, start_app: StartApp, open_page: OpenPage):
    """The page says that the preparation is tried again, and it succeeds."""
    app = start_app(settings)
    page = open_page(app)
    page.add_sample("Coffee")
    expect(page.page.get_by_text(IS_PREPARING)).to_be_visible(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    (worker,) = app.workers()
    worker.kill()
    expect(page.page.get_by_text("trying again")).to_be_visible()
    expect_ready(page)
    page.expect_answered(1)


def test_a_prepared_network_cut_in_half_is_prepared_again(
    settings: Settings, prepared_cache: Path, start_app: StartApp, open_page: OpenPage
):
    """A damaged file is noticed when the app starts, made anew without a question, and the photo is answered."""
    copy_cache(prepared_cache, settings)
    (damaged,) = settings.cache_path.glob("backbones/*/model.tflite")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    app = start_app(settings)
    page = open_page(app)
    page.upload(sample("Coffee"))
    page.expect_answered(1, timeout_milliseconds=PREPARE_TIMEOUT_MILLISECONDS)
    assert page.top_five("coffee.png")[0][0] in ("espresso", "cup")
    assert len(damaged.read_bytes()) == len(whole)
