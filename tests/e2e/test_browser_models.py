"""Trained models on the classify page in a real browser."""

import re

from playwright.sync_api import Locator, expect

from core.inference.classifier import Classifier
from core.settings import Settings
from tests.core.inference.model_runs import Models
from tests.e2e.classify_page import ClassifyPage

BOX = "Network (backbone) or your model"
MODEL = "**Mine** <b>2</b>"


def box(page: ClassifyPage) -> Locator:
    return page.page.get_by_role("combobox", name=BOX)


def test_a_model_answers_explains_and_stays_after_a_reload(
    app_settings: Settings, default_classifier: Classifier, page: ClassifyPage
):
    """Names of model and classes are letters everywhere, in charts and evidence too; the model and its answers survive
    a reload, and the way back to ImageNet's network is one choice."""
    page.add_sample("Coffee")
    page.expect_answered(1)
    # A finished run, whose classes nobody could call worse.
    Models(app_settings, default_classifier).add(MODEL)
    page.page.reload()
    page.expect_open()
    page.choose(BOX, MODEL)
    expect(page.page.get_by_role("heading", name="“<b>coffee</b>”", exact=True)).to_be_visible()
    page.expect_answered(1)
    expect(page.page.get_by_text(f"Your model {MODEL} says which of its 3 classes it sees.")).to_be_visible()
    labels = page.bars("coffee.png").locator(".bar-label")
    assert set(labels.all_text_contents()) == {"<b>coffee</b>", "**cat**", "2024"}
    assert page.top_five("coffee.png")[0][0] == "<b>coffee</b>"
    expect(page.page.get_by_text("3 classes: “**cat**”, “<b>coffee</b>”, “2024”.")).to_be_visible()
    expect(page.class_search).to_be_hidden()
    expect(page.page).to_have_url(re.compile(r"[?&]model=\d"))

    page.page.reload()
    expect(box(page)).to_have_value(re.compile(r"^\*\*Mine\*\* "))
    expect(page.page.get_by_role("heading", name="“<b>coffee</b>”", exact=True)).to_be_visible()
    page.expect_answered(1)

    page.card("coffee.png").get_by_role("button", name="Why?").click()
    expect(page.page.get_by_text("Evidence for <b>coffee</b>: the brighter, the more")).to_be_visible()
    for other in ("**cat**", "2024"):
        page.page.get_by_role("radio", name=other).check()
        expect(page.page.get_by_text(f"Evidence for {other}: the brighter, the more")).to_be_visible()
    page.choose(BOX, re.compile("^EfficientNet-Lite0 "))
    expect(page.class_search).to_be_visible()
    expect(page.page.get_by_text(re.compile("^Evidence for (espresso|cup)"))).to_be_visible()
