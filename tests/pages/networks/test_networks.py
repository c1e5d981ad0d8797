"""The page of networks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.catalog import all_backbones, find_backbone
from core.settings import Settings
from pages.server.services import get_services
from tests.pages.page_links import follow_link, link_labels
from tests.pages.pretend_preparing import finish_preparing
from tests.waiting import wait_until

OpenApp = Callable[..., AppTest]


def open_page(open_app: OpenApp, settings: Settings, **query: str) -> AppTest:
    app = open_app(settings, **query)
    app.switch_page("pages/networks/page.py").run()
    assert not app.exception, app.exception
    return app


def button(app: AppTest, label: str):
    return next(candidate for candidate in app.button if label in candidate.label)


def test_every_network_is_listed_with_its_state(
    open_app: OpenApp, prepared_settings: Settings, without_keras_cache: None
):
    """Each network of the catalogue: a prepared one with its speed, bundled ones, and downloads with their size."""
    table = open_page(open_app, prepared_settings).dataframe[0].value
    assert len(table) == len(all_backbones())
    assert list(table["Network"][:1]) == ["EfficientNet-Lite0"]
    assert list(table["Weights"][:5]) == ["ready", "bundled", "bundled", "bundled", "download 17 MB"]
    assert table["Speed here"][0] > 0
    # Nobody has published one for several networks side by side.
    assert table["Right first time"].isna().tolist() == [bool(backbone.members) for backbone in all_backbones()]


def test_the_network_in_use_is_selected_and_can_be_used(open_app: OpenApp, prepared_settings: Settings):
    """A prepared network offers to classify, and leads there."""
    app = open_page(open_app, prepared_settings)
    assert app.subheader[0].value == "EfficientNet-Lite0"
    follow_link(app, "Classify with it")
    assert app.title[0].value == "What is in your photo?"


def test_a_network_says_what_does_not_work_with_it(open_app: OpenApp, prepared_settings: Settings):
    """Below its name, sentence for sentence, beside what it is good for."""
    app = open_page(open_app, prepared_settings, network="BestOffline")
    assert app.subheader[0].value == "All three EfficientNet-Lite"
    backbone = find_backbone("BestOffline")
    said = "\n".join(element.value for element in app.markdown)
    assert backbone.remark in said
    assert "What does not work with it:" in said
    assert all(f"- {limit}" in said for limit in backbone.limits)


def test_a_network_without_classes_is_offered_for_training_alone(
    open_app: OpenApp, prepared_settings: Settings, without_keras_cache: None
):
    """The table says that it names nothing; neither its address nor the box on the classify page makes it answer."""
    app = open_page(open_app, prepared_settings, network="DINOv2Small")
    table = app.dataframe[0].value.set_index("Network")
    assert table.loc["DINOv2-Small", ["Names by itself", "Weights"]].tolist() == ["nothing", "download 88 MB"]
    assert table["Names by itself"].tolist().count("nothing") == 1
    app = open_app(prepared_settings, network="DINOv2Small")
    assert app.metric[0].value == "75.1 %"
    options = next(box for box in app.selectbox if box.label.startswith("Network")).options
    assert len(options) == len(all_backbones()) - 1
    assert not any("DINOv2" in option for option in options)


def test_a_network_that_is_not_here_offers_its_download(
    open_app: OpenApp, prepared_settings: Settings, without_keras_cache: None
):
    """The button says how much it is; when the download fails, the reason stays until it is tried again."""
    settings = replace(prepared_settings, weights_mirror_url="http://127.0.0.1:1")
    app = open_page(open_app, settings, network="DenseNet121")
    button(app, "Download and prepare (32 MB)").click().run()
    queue = get_services().queue
    wait_until(lambda: not queue.latest("prepare_backbone:DenseNet121").is_active)
    for _ in range(2):
        app.run()
        assert "could not be downloaded" in app.error[0].value
    assert button(app, "Try again")


@pytest.mark.usefixtures("no_workers")
def test_a_network_becomes_ready_while_one_looks(open_app: OpenApp, settings: Settings, prepared_cache: Path):
    """Weights on this machine become a network that is ready: first with progress, then in the table."""
    app = open_page(open_app, settings, network="EfficientNetLite0")
    assert button(app, "Stop")
    finish_preparing(get_services(), prepared_cache)
    app.run()
    assert "Classify with it" in link_labels(app)
    table = app.dataframe[0].value.set_index("Network")
    assert table.loc["EfficientNet-Lite0", "Weights"] == "ready"
