"""A sweep in a real browser with the real engine: begun, watched, stopped, and gone on with."""

import re

from playwright.sync_api import expect

from core.settings import Settings
from tests.e2e.conftest import OpenDataset
from tests.e2e.photos import COLOURS, NUM_PER_CLASS, two_colours
from tests.e2e.test_browser_train import NUM_EPOCHS
from tests.e2e.train_page import BEGIN_TIMEOUT_MILLISECONDS, END_TIMEOUT_MILLISECONDS, TrainPage
from tests.e2e.workspace import add_dataset

FEW_EPOCHS, MANY_EPOCHS = 5, NUM_EPOCHS - 1


def test_a_sweep_from_the_press_to_the_best(open_dataset: OpenDataset, app_settings: Settings) -> None:
    """Three values are trained with one press; chart and table fill by themselves; one press ends what trains and takes
    back what waits; another fills the form in like the best."""
    dataset = open_dataset(add_dataset(app_settings, "Sweep of colours", two_colours()))
    dataset.expect_counts(*(f"{name}: {NUM_PER_CLASS} not split yet" for name in COLOURS))
    train = TrainPage(dataset.visited)
    train.open()
    train.choose_expert_view()
    train.choose_tab("Stopping")
    train.move_to_start("Stop after so many epochs without a better one (early stopping)")
    train.sweep("Number of epochs", [FEW_EPOCHS, MANY_EPOCHS, NUM_EPOCHS])
    train.press("Start 3 trainings")

    expect(train.main.get_by_role("heading", name="Which number of epochs?")).to_be_visible()
    expect(train.sweep_rows).to_have_count(3)
    # The first has arrived, and is a point on the chart, while the second trains and the third waits.
    expect(train.sweep_points).to_have_count(1, timeout=BEGIN_TIMEOUT_MILLISECONDS)
    few, many, more = (train.sweep_rows.nth(number) for number in range(3))
    expect(few).to_contain_text("%")
    expect(many).to_contain_text(re.compile("epoch|training", re.IGNORECASE), timeout=END_TIMEOUT_MILLISECONDS)
    expect(more).to_contain_text("waiting")

    train.press("Stop all")
    expect(train.sweep_points).to_have_count(2, timeout=END_TIMEOUT_MILLISECONDS)
    expect(more).to_contain_text("cancelled")
    expect(train.main.get_by_role("button", name="Stop all")).to_have_count(0)

    train.main.get_by_role("button", name=re.compile("^Go on with")).click()
    train.rest()
    expect(train.main.get_by_role("radio", name="Expert")).to_be_checked()
    train.choose_tab("Last layers")
    epochs = train.main.get_by_label("Epochs", exact=True).locator("visible=true")
    expect(epochs).to_have_value(re.compile(f"^({FEW_EPOCHS}|{MANY_EPOCHS})$"))
