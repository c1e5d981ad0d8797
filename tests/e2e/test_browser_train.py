"""A training in a real browser with the real engine: from upload to model, left, interrupted, resumed, stopped."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import expect

from core.jobs.kinds import Lane
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.running_app import RunningApp
from tests.e2e.train_page import TrainPage
from tests.waiting import wait_until

NUM_UPDATES = 20
# More than the test waits for, and none of them ends the run early.
NUM_EPOCHS = 1_000
PACKAGING_MILLISECONDS = 120_000
COLOURS = {"orange": (220, 130, 40), "violet": (120, 60, 190)}
NUM_PER_CLASS = 14


def photos_zip(path: Path) -> Path:
    """Photos of two classes, each with a colour of its own, in folders without splits."""
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in COLOURS.items():
            for number in range(NUM_PER_CLASS):
                noise = generator.integers(-60, 60, (12, 16, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
                target = io.BytesIO()
                Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC).save(target, "JPEG")
                archive.writestr(f"{name}/{number}.jpg", target.getvalue())
    return path


def kill_trainer(app: RunningApp) -> None:
    """Kill the worker that trains, as the system does when memory is short."""
    (trainer,) = [worker for worker in app.workers() if Lane.NETWORKS.value in worker.cmdline()]
    trainer.kill()
    psutil.wait_procs([trainer], timeout=10)


def upload(page: ClassifyPage, path: Path) -> None:
    """Make a dataset of an archive."""
    dataset = DatasetPage(page)
    dataset.open()
    dataset.choose_tab("Archive")
    dataset.upload(path)
    dataset.expect_open(path.stem)
    dataset.expect_counts(*(f"{name}: {NUM_PER_CLASS} not split yet" for name in COLOURS))


def test_from_upload_to_model(page: ClassifyPage, app: RunningApp, tmp_path: Path) -> None:
    """A run is watched live, left and found again, killed, resumed and stopped; its chart never begins anew."""
    upload(page, photos_zip(tmp_path / "colours.zip"))
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
    wait_until(lambda: train.epoch() > before)
    assert train.is_same_chart()

    train.press("Stop")
    train.expect_status("done, stopped early")
    expect(train.main.get_by_role("heading", name=re.compile("^Right on [34] of 4 photos"))).to_be_visible()
    assert train.is_same_chart()
    expect(train.main.get_by_role("button", name="Everything (zip)")).to_be_visible(timeout=PACKAGING_MILLISECONDS)
    page.follow_link("Classify with it")
    expect(page.page.get_by_role("heading", name="What is in your photo?")).to_be_visible()
    expect(page.page.get_by_role("combobox", name=re.compile("Network"))).to_have_value(re.compile("your model"))
