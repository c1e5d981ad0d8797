"""Trained models on the classify page in a real browser."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from core.backbones.catalog import Backbone
from core.inference.classifier import ClassifierCache
from core.settings import Settings
from tests.core.inference.model_runs import Models
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import sample

BOX = "Network (backbone) or your model"
MODEL = "**Mine** <b>2</b>"


@pytest.fixture(scope="module")
def app_settings(app_settings: Settings, prepared_cache: Path, lite0: Backbone) -> Settings:
    """A workspace with one finished run, whose classes nobody could call worse."""
    backbone = ClassifierCache(replace(app_settings, cache_dir=prepared_cache)).get(lite0)
    Models(app_settings, backbone).add(MODEL)
    return app_settings


def box(page: ClassifyPage) -> Locator:
    return page.page.get_by_role("combobox", name=BOX)


def test_a_model_answers_and_stays_after_a_reload(page: ClassifyPage):
    """Names of model and classes are letters everywhere, in the chart too; the model and its answers survive."""
    page.add_sample("Coffee")
    page.expect_answered(1)
    page.choose(BOX, MODEL)
    expect(page.page.get_by_role("heading", name="“<b>coffee</b>”", exact=True)).to_be_visible()
    page.expect_answered(1)
    expect(page.page.get_by_text(f"Your model {MODEL} says which of its 3 classes it sees.")).to_be_visible()
    labels = page.card("coffee.png").locator(".ytick text")
    assert set(labels.all_text_contents()) == {"<b>coffee</b>", "**cat**", "2024"}
    assert page.top_five("coffee.png")[0][0] == "<b>coffee</b>"
    expect(page.page.get_by_text("3 classes: “**cat**”, “<b>coffee</b>”, “2024”.")).to_be_visible()
    expect(page.class_search).to_be_hidden()
    expect(page.page).to_have_url(re.compile(r"[?&]model=\d"))

    page.page.reload()
    expect(box(page)).to_have_value(re.compile(r"^\*\*Mine\*\* "))
    expect(page.page.get_by_role("heading", name="“<b>coffee</b>”", exact=True)).to_be_visible()


def test_the_evidence_for_a_class_of_ones_own(page: ClassifyPage):
    """Each class can be asked for; the way back to ImageNet's network is one choice."""
    page.choose(BOX, MODEL)
    page.upload(sample("Cat"))
    page.expect_answered(1)
    page.card("chelsea.png").get_by_text("Why?").click()
    expect(page.page.get_by_text("Evidence for **cat**: the brighter, the more")).to_be_visible()
    page.page.get_by_role("radio", name="2024").click()
    expect(page.page.get_by_text("Evidence for 2024: the brighter, the more")).to_be_visible()
    page.choose(BOX, re.compile("^EfficientNet-Lite0 "))
    expect(page.class_search).to_be_visible()
    expect(page.page.get_by_text(re.compile("^Evidence for .*cat"))).to_be_visible()
