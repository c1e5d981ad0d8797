"""Networks in a real browser: choose another one, see it being prepared, compare them on their own page."""

import re

import pytest
from playwright.sync_api import Locator, expect

from core.backbones.catalog import all_backbones
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import sample

LITE0, MOBILENET_V2 = re.compile("^EfficientNet-Lite0 "), re.compile("^MobileNetV2 ")
NETWORK = "Network (backbone)"

# A network is built and converted within ten seconds on a quiet machine.
PREPARE_TIMEOUT_MILLISECONDS = 300_000


def preparation(page: ClassifyPage, title: str) -> Locator:
    """The sentence above the progress bar."""
    return page.page.get_by_text(f"Getting {title} ready.")


@pytest.mark.usefixtures("shared_dir")  # for the weights of MobileNetV2
def test_another_network_gives_other_answers_and_the_first_ones_come_back(page: ClassifyPage):
    """A network chosen in the box is prepared in view, then answers for the same photos; the first one is kept."""
    page.upload(sample("Cat"), sample("Coffee"))
    page.expect_answered(2)
    before, times = page.top_five("chelsea.png"), page.times()
    page.choose(NETWORK, MOBILENET_V2)
    expect(preparation(page, "MobileNetV2")).to_be_visible()
    expect(page.page.get_by_role("progressbar")).to_be_visible()
    expect(page.card("chelsea.png").get_by_text("chelsea.png is waiting")).to_be_visible()
    expect(preparation(page, "MobileNetV2")).to_be_hidden(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    page.expect_answered(2)
    expect(page.page.get_by_role("combobox", name=NETWORK)).to_have_value("MobileNetV2 · ready")
    after = page.top_five("chelsea.png")
    assert after != before
    assert any("cat" in label for label, _ in after[:2])

    page.choose(NETWORK, LITE0)
    expect(page.page.get_by_role("combobox", name=NETWORK)).to_have_value("EfficientNet-Lite0 · ready")
    expect(page.bars("chelsea.png")).to_have_attribute("aria-label", re.compile(f"^{before[0][0]} {before[0][1]} %"))
    assert page.top_five("chelsea.png") == before
    assert page.times() == times  # which would differ if the photos had been classified again
    expect(preparation(page, "EfficientNet-Lite0")).to_be_hidden()


@pytest.mark.usefixtures("shared_dir")  # for the weights of MobileNet
def test_the_choice_survives_a_reload(page: ClassifyPage):
    """A reload shows the network that was chosen, even one that is not prepared, and preparing can be stopped."""
    title = "MobileNet 0.75, 192 px"
    page.choose(NETWORK, re.compile(f"^{title} "))
    expect(preparation(page, title)).to_be_visible()
    page.page.reload()
    page.expect_open()
    expect(page.page.get_by_role("combobox", name=NETWORK)).to_have_value(re.compile(f"^{title} "))
    page.press_button("Stop")
    expect(page.page.get_by_text(f"Preparing {title} was stopped.")).to_be_visible(timeout=PREPARE_TIMEOUT_MILLISECONDS)
    expect(page.page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_bundled_network_answers_after_a_moment(page: ClassifyPage):
    """It waits for nothing but its own file; that it is compared with Keras meanwhile keeps nobody."""
    page.upload(sample("Cat"))
    page.choose(NETWORK, re.compile("^EfficientNet-Lite1 "))
    page.expect_answered(1)
    expect(page.page.get_by_role("combobox", name=NETWORK)).to_have_value("EfficientNet-Lite1 · ready")
    assert any("cat" in label for label, _ in page.top_five("chelsea.png")[:3])


def test_a_network_that_must_be_downloaded_says_what_is_missing(page: ClassifyPage):
    """Nothing is fetched unasked; without its server the message names file, size and folder; others still answer."""
    page.choose(NETWORK, re.compile("^MobileNetV3-Small "))
    page.press_button("Download 10 MB")
    message = page.page.get_by_role("alert").filter(has_text="MobileNetV3-Small could not be prepared")
    expect(message).to_contain_text("weights_mobilenet_v3_small", timeout=PREPARE_TIMEOUT_MILLISECONDS)
    expect(message).to_contain_text("10 MB")
    expect(message).to_contain_text("weights")
    page.choose(NETWORK, LITE0)
    page.add_sample("Coffee")
    page.expect_answered(1)


def test_the_networks_page_lists_all_networks_and_leads_back(page: ClassifyPage):
    """The table has a row for each network of the catalogue; the selected one can be used to classify."""
    page.go_to("Networks")
    expect(page.page.get_by_role("heading", name="Networks", exact=True)).to_be_visible()
    grid = page.page.get_by_test_id("stDataFrame").locator("canvas table")
    expect(grid).to_have_attribute("aria-rowcount", str(len(all_backbones()) + 1))  # with the row of titles
    expect(page.page.get_by_role("figure", name=re.compile("^Scatter chart"))).to_be_visible()
    expect(page.page.get_by_role("heading", name="EfficientNet-Lite0")).to_be_visible()
    page.follow_link("Classify with it")
    page.expect_open()
    expect(page.page.get_by_role("combobox", name=NETWORK)).to_have_value(LITE0)


def test_a_network_that_names_nothing_says_so(page: ClassifyPage):
    """The last row of the table: what it is, what does not work with it, and nothing that asks it for classes."""
    page.go_to("Networks")
    grid = page.page.get_by_test_id("stDataFrame")
    grid.hover()
    page.page.mouse.wheel(0, 5_000)
    box = grid.bounding_box()
    assert box is not None
    heading = page.page.get_by_role("heading", name="DINOv2-Small")
    grid.click(position={"x": 16, "y": box["height"] - 18})  # the circle before the last name
    expect(heading).to_be_visible()
    expect(page.page.get_by_text("It names nothing by itself")).to_be_visible()
    expect(page.page.get_by_role("button", name="Download and prepare (88 MB)")).to_be_visible()
    expect(page.page.get_by_role("link", name="Classify with it")).to_have_count(0)
