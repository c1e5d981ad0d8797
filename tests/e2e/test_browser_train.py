"""A training in a real browser with the real engine: from photos to model, left, interrupted, resumed, stopped."""

import re
import zipfile

import psutil
from playwright.sync_api import expect

from core.jobs.kinds import Lane
from core.settings import Settings
from tests.e2e.conftest import OpenDataset
from tests.e2e.photos import COLOURS, NUM_PER_CLASS, two_colours
from tests.e2e.running_app import RunningApp
from tests.e2e.train_page import TrainPage
from tests.e2e.workspace import add_dataset
from tests.waiting import wait_until

NUM_UPDATES = 5
# More than the test waits for, and none of them ends the run early.
NUM_EPOCHS = 1_000
WORKER_TIMEOUT_SECONDS = 120.0
PACKAGING_TIMEOUT_SECONDS = 300.0  # every format, each compared with the network


def kill_trainer(app: RunningApp) -> None:
    """Kill the worker that trains, as the system does when memory is short."""
    (trainer,) = [worker for worker in app.workers() if Lane.NETWORKS.value in worker.cmdline()]
    trainer.kill()
    psutil.wait_procs([trainer], timeout=60)


def test_from_photos_to_a_model(open_dataset: OpenDataset, app: RunningApp, app_settings: Settings) -> None:
    """A run is watched live, left and found again, killed, resumed and stopped; its chart never begins anew; its files
    are made when asked for, and one without waiting."""
    dataset = open_dataset(add_dataset(app_settings, "Two colours", two_colours()))
    dataset.expect_counts(*(f"{name}: {NUM_PER_CLASS} not split yet" for name in COLOURS))
    page = dataset.visited
    train = TrainPage(page)
    train.open()
    train.choose_expert_view()
    train.choose_tab("Last layers")
    train.set_number("Epochs", NUM_EPOCHS)
    train.choose_tab("Stopping")
    train.move_to_start("Stop after so many epochs without a better one (early stopping)")
    train.press("Train")

    train.expect_training()
    train.watch_chart()
    train.expect_updates(NUM_UPDATES)
    assert train.is_same_chart()
    expect(train.main.get_by_text(re.compile("^What it says to some validation photos"))).to_be_visible()

    page.go_to("Dataset")
    expect(train.plot).to_have_count(0)
    page.go_to("Train")
    train.expect_training()

    train.watch_chart()
    kill_trainer(app)
    train.expect_status("interrupted")
    before = train.epoch()
    assert before > 0
    train.press("Resume")
    train.expect_training(before)
    wait_until(lambda: train.epoch() > before, WORKER_TIMEOUT_SECONDS)
    assert train.is_same_chart()

    train.press("Stop")
    train.expect_status("done, stopped early")
    expect(train.main.get_by_role("heading", name=re.compile("^Right on [34] of 4 photos"))).to_be_visible()
    assert train.is_same_chart()
    with page.page.expect_download() as download:  # at once: LiteRT, the only format that nobody has to make first
        train.main.get_by_role("link", name=re.compile("Download$")).click()
    assert download.value.suggested_filename.endswith("LiteRT.zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert {"model.tflite", "classify.py", "labels.txt", "certificate.json"} <= set(archive.namelist())
    train.press("Make the files")
    expect(train.main.get_by_role("link", name="Everything (zip)")).to_be_visible(
        timeout=1000 * PACKAGING_TIMEOUT_SECONDS
    )
    train.press("New run")
    train.rest()
    listed = train.listed_run("Two colours")
    expect(listed).to_contain_text(re.compile(r"\d\s% right · "))
    listed.get_by_role("button").click()
    train.expect_status("done, stopped early")
    page.follow_link("Classify with it")
    expect(page.page.get_by_role("heading", name="What is in your photo?")).to_be_visible()
    expect(page.page.get_by_role("combobox", name=re.compile("Network"))).to_have_value(re.compile("your model"))
