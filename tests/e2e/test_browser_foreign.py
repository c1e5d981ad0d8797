"""A model from elsewhere in a real browser: dropped, read by a real worker, asked in a process of its own."""

import re

from playwright.sync_api import FilePayload, expect

from tests.core.foreign.foreign_samples import as_litert, small_model
from tests.e2e.classify_page import ClassifyPage

FILES = '[class*="st-key-foreign-files"] input[type=file]'


def test_a_model_is_dropped_answers_and_stays_after_a_reload(page: ClassifyPage):
    """Names of classes are letters everywhere; which values its pixels have is shown, and changed with a click."""
    page.add_sample("Coffee")
    page.expect_answered(1)
    page.page.get_by_text("Bring a model from elsewhere").click()
    content = as_litert(small_model())
    model = FilePayload(name="birds.tflite", mimeType="application/octet-stream", buffer=content)
    names = FilePayload(name="labels.txt", mimeType="text/plain", buffer=b"0 <b>tit</b>\n1 **crow**\n2 finch")
    page.page.locator(FILES).set_input_files([model, names])
    expect(page.page.get_by_text("birds, a model from elsewhere, says which of its 3 classes")).to_be_visible()
    page.expect_answered(1)
    labels = page.bars("coffee.png").locator(".bar-label")
    assert set(labels.all_text_contents()) == {"<b>tit</b>", "**crow**", "finch"}
    expect(page.page).to_have_url(re.compile(r"[?&]foreign=\d"))

    page.page.get_by_text("Does it see photos as it should?").click()
    expect(page.page.get_by_text("Example: coffee.png. The model says:")).to_be_visible()
    page.page.get_by_role("button", name="Use this").first.click()
    expect(page.page.get_by_text("as you chose")).to_be_visible()

    page.page.reload()
    expect(page.page.get_by_text("birds, a model from elsewhere, says which of its 3 classes")).to_be_visible()
    page.expect_answered(1)
