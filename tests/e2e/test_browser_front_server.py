"""Behind the web server of the documentation, below a path that it takes away, and with a browser that translates."""

import functools
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from core.datasets.library import Library
from core.datasets.records import Split
from core.datasets.snapshots import take_snapshot
from core.inference.classifier import Classifier
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.story import EpochStory
from core.settings import Settings
from core.storage.db import open_database
from tests.core.inference.model_runs import outcome
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.core.runs.run_samples import config
from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.e2e.conftest import OpenTab
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.front_server import FrontServer, front_server
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp
from tests.e2e.workspace import GivenImage, fill_dataset
from tests.waiting import wait_until

DATASET = "Below a path"
GIVEN_UP = 499  # what nginx notes when a browser does not wait for the answer
CLASS_NAMES = ("cat", "cup")
# Where Streamlit only looks where its server is: first below the page, then beside it.
PROBES = re.compile(r"^/photos/\w+/_stcore/(health|host-config)$")

# Replaces every text by another node, now and later, as browsers do that translate a page.
_TRANSLATE_JS = """() => {
  const wrap = node => {
    const parent = node.parentElement;
    if (!parent || !node.data.trim() || parent.closest("script, style, font, [translate=no]")) return;
    const font = document.createElement("font");
    font.textContent = "»" + node.data + "«";
    parent.replaceChild(font, node);
  };
  const walk = root => {
    if (root.nodeType === Node.TEXT_NODE) return wrap(root);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    found.forEach(wrap);
  };
  walk(document.body);
  new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(walk)))
    .observe(document.body, { childList: true, subtree: true });
}"""
_ARE_LOADED_JS = "images => images.length > 0 && images.every(image => image.complete && image.naturalWidth > 0)"


@pytest.fixture(scope="module")
def run_id(app_settings: Settings, default_classifier: Classifier) -> int:
    """A finished run on a dataset of its own, which is wrong about one photo."""
    splits = [Split.TRAIN] * 2 + [Split.TEST] * 2
    images = [
        GivenImage(name=f"{number}.png", content=SAMPLES[number], class_name=CLASS_NAMES[number % 2], split=split)
        for number, split in enumerate(splits)
    ]
    with closing(open_database(app_settings)) as database:
        dataset_id = fill_dataset(app_settings, database, DATASET, images)
        runs = RunLibrary(database)
        made = config(take_snapshot(database, dataset_id).hash, "EfficientNetLite0")
        run_id = runs.create_run(made, name=DATASET, dataset_id=dataset_id).id
        epochs = [("epoch", _epoch(number).to_json()) for number in (1, 2, 3)]
        runs.append_events(run_id, epochs)  # type: ignore[arg-type]
        runs.set_started(run_id)
        runs.set_finished(run_id, outcome(num_classes=2).to_json())
        tested = {image.name: image.photo_hash for image in Library(database).images.of(dataset_id)}
    folder = RunFolder(app_settings, run_id)
    record = replace(record_for(default_classifier, CLASS_NAMES), fingerprint="ab" * 8)
    write_model(folder, record, head_for_samples(default_classifier, 2))
    folder.write_json(folder.report_path, {"class_names": list(CLASS_NAMES)})
    arrays = {
        f"{split}_{what}": value[:count]
        for split, count in (("validation", 0), ("test", 2))
        for what, value in (
            ("hashes", np.array([tested["2.png"], tested["3.png"]], "U64")),
            ("classes", np.array([0, 1])),
            ("probabilities", np.array([[0.1, 0.9], [0.1, 0.9]], np.float32)),
        )
    }
    np.savez(folder.predictions_path, **arrays)
    return run_id


def _epoch(number: int) -> EpochStory:
    return EpochStory(
        epoch=number,
        phase="head",
        loss=1 / number,
        accuracy=0.9,
        validation_loss=None,
        validation_accuracy=None,
        learning_rate=0.01,
        seconds=1.0,
        photos_per_second=10.0,
        best_epoch=number,
    )


@pytest.fixture
def front(app: RunningApp, tmp_path: Path) -> Iterator[FrontServer]:
    with front_server(app.url, tmp_path / "nginx", largest_upload="300k") as running:
        yield running


def large_photo() -> bytes:
    """More than the server in front lets through."""
    pixels = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=95)
    return target.getvalue()


def test_everything_loads_below_a_path(front: FrontServer, run_id: int, open_tab: OpenTab) -> None:
    """Photos, heat maps and charts come through the server in front, also where an address has a slash at its end;
    nothing is asked for outside its path."""
    page = open_tab()
    page.goto(front.url.rstrip("/"))
    visited = ClassifyPage(page, front.url)
    visited.expect_open()
    visited.expect_rest()
    assert page.url.startswith(front.url)

    dataset = DatasetPage(visited)
    dataset.open()
    dataset.open_existing(DATASET)
    dataset.choose_section("Photos")
    dataset.expect_photos("0.png", "1.png", "2.png", "3.png")
    expect_loaded(dataset.grid.locator("img"))

    page.goto(f"{front.url}results?run={run_id}")
    expect_loaded(page.locator("img[src*='bluetit/heat/']"))

    page.goto(f"{front.url}train?run={run_id}")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    page.goto(f"{front.url}dataset/")
    expect(page.get_by_role("heading", name="Teach it your own photos")).to_be_visible()
    assert page.url.split("?")[0] == f"{front.url}dataset"

    asked = front.requests()
    assert {path for _, path in asked if not path.startswith("/photos")} == set()
    failed = [(status, path) for status, path in asked if status >= 400 and not PROBES.search(path)]
    # A page that is left does not wait for its news any more.
    assert [each for each in failed if each[0] != GIVEN_UP] == []
    for part in ("/photos/bluetit/photos/", "/photos/bluetit/heat/", "/photos/bluetit/plotly.min.js"):
        assert any(path.startswith(part) and status in (200, 304) for status, path in asked), part


def test_a_refused_upload_is_told_in_words(front: FrontServer, open_tab: OpenTab, tmp_path: Path) -> None:
    """The visitor reads what the server in front does not like, and can go on."""
    visited = ClassifyPage(open_tab(may_fail=True), front.url)
    visited.open()
    large = tmp_path / "large.jpg"
    large.write_bytes(large_photo())
    visited.upload(large)
    expect(visited.page.get_by_text("The server in front of Bluetit refuses files of this size (413)")).to_be_visible()
    expect(visited.page.get_by_text("AxiosError")).to_have_count(0)
    visited.upload(sample("Cat"))
    visited.expect_answered(1)


def test_other_refusals(app: RunningApp, open_tab: OpenTab) -> None:
    """Whatever a server in front does to an upload, no word of a program reaches the visitor."""
    visited = ClassifyPage(open_tab(may_fail=True), app.url)
    for status, words in (
        (403, "did not accept the file (403)"),
        (502, "did not get an answer in time (502)"),
        (504, "did not get an answer in time (504)"),
        (500, "refused the file (500)"),
        (None, "The connection was cut while the file was sent"),
    ):
        visited.page.unroute_all()
        visited.page.route("**/_stcore/upload_file/**", functools.partial(answer, status))
        visited.open()
        visited.upload(sample("Cat"))
        expect(visited.page.get_by_text(words)).to_be_visible()
        expect(visited.page.get_by_text("Axios")).to_have_count(0)


def answer(status: int | None, route: Route) -> None:
    """Answer a request with a status, or not at all."""
    if status is None:
        route.abort()
    else:
        route.fulfill(status=status)


def test_a_browser_that_translates_changes_nothing(page: ClassifyPage) -> None:
    """It is told not to: no text is replaced, and going from page to page breaks nothing."""
    page.page.evaluate(_TRANSLATE_JS)
    page.upload(sample("Cat"))
    page.expect_answered(1)
    for title in ("Dataset", "Train", "Results", "Classify"):
        page.go_to(title)
        page.expect_rest()
    expect(page.page.locator("font")).to_have_count(0)


def expect_loaded(pictures: Locator) -> None:
    """Wait until there are pictures, all of them loaded."""
    expect(pictures.first).to_be_visible()
    wait_until(lambda: pictures.evaluate_all(_ARE_LOADED_JS), PAGE_TIMEOUT_SECONDS)
