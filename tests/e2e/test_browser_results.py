"""From a model's mistakes to a better model, and the address that shows which is better, in a real browser."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import Locator, expect

from core.config import PhaseConfig, TrainConfig
from core.datasets.library import Library
from core.datasets.records import Split
from core.datasets.snapshots import take_snapshot
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.training.training_samples import paint
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenPage
from tests.e2e.running_app import RunningApp
from tests.e2e.workspace import GivenImage, add_dataset

# A worker loads TensorFlow before its first run.
TRAIN_MILLISECONDS = 120_000
PLANTED = "planted"

# Colour, the class that somebody has put it into, and how many photos of it. What is red was put into the wrong class,
# so that the first model learns it wrongly; one blue photo for the test is in the wrong class, too.
TRAIN = (("blue", "cold", 6), ("red", "cold", 7), ("green", "warm", 6))
TEST = (("blue", "cold", 3), ("green", "warm", 3), ("red", "warm", 3), ("blue", "warm", 1))

# A cell's middle in the window, from the names on the axes.
_CELL_JS = """(plot, [true_, said]) => {
  const {xaxis, yaxis} = plot._fullLayout;
  const place = (axis, name) => axis.d2p(axis.tickvals[axis.ticktext.indexOf(name)]) + axis._offset;
  const box = plot.getBoundingClientRect();
  return [box.x + place(xaxis, said), box.y + place(yaxis, true_)];
}"""


def colours() -> list[GivenImage]:
    """A dataset in which photos are in the wrong class."""
    made = []
    for split, counts, begin in ((Split.TRAIN, TRAIN, 0), (Split.TEST, TEST, 100)):
        for order, (colour, class_name, count) in enumerate(counts):
            for number in range(begin + 20 * order, begin + 20 * order + count):
                is_planted = (colour, class_name) == ("blue", "warm")
                name = PLANTED if is_planted else f"{colour}{number}.png"
                content = paint(colour, number)
                made.append(GivenImage(name=name, content=content, class_name=class_name, split=split))
    return made


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Database, RunDesk]]:
    """The workspace's database and desk, beside those of the app, whose workers do what is asked for here."""
    with closing(open_database(settings)) as database:
        queue = TaskQueue(database, TASK_KINDS)
        yield (
            database,
            RunDesk(RunLibrary(database), queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), settings),
        )


def begin_training(settings: Settings, dataset_id: int) -> int:
    """Have a head trained on the dataset; the run's number."""
    with opened(settings) as (database, desk):
        config = TrainConfig(
            snapshot=take_snapshot(database, dataset_id).hash,
            backbone="EfficientNetLite0",
            head_phase=PhaseConfig(num_epochs=15, learning_rate=0.01, batch_size=8),
        )
        return desk.submit(config, name="First", dataset_id=dataset_id).id


def put_red_right(settings: Settings, dataset_id: int) -> None:
    """Move the red training photos into the class where they belong, as somebody does on the dataset page."""
    with opened(settings) as (database, _):
        library = Library(database)
        warm = next(view for view in library.classes.of(dataset_id) if view.name == "warm")
        red = [image.id for image in library.images.of(dataset_id) if image.name.startswith("red")]
        library.images.move(red, warm.id)


def main_of(page: ClassifyPage) -> Locator:
    return page.page.get_by_test_id("stMain")


def choose_section(page: ClassifyPage, title: str) -> None:
    main_of(page).get_by_role("radio", name=title, exact=True).click()
    page.expect_rest()


def test_from_mistakes_to_a_better_model(
    page: ClassifyPage, app: RunningApp, app_settings: Settings, open_page: OpenPage
) -> None:
    """A cell of the confusion matrix shows its photos; relabelled and trained again, flips are seen and compared."""
    dataset_id = add_dataset(app_settings, "Colours", colours())
    first = begin_training(app_settings, dataset_id)
    page.page.goto(f"{app.url}/train?run={first}")
    main_of(page).get_by_role("link", name="See results").click(timeout=TRAIN_MILLISECONDS)
    headline = main_of(page).get_by_role("heading", name=re.compile("^Right on 6 of 10 photos"))
    expect(headline).to_be_visible()
    # The closer look goes on beside it and makes the page anew once it is done.
    expect(main_of(page).get_by_text("What it learned from that looks most alike").first).to_be_visible(
        timeout=TRAIN_MILLISECONDS
    )

    choose_section(page, "Confusion")
    plot = main_of(page).locator(".js-plotly-plot")
    expect(plot.get_by_text("it said", exact=True)).to_be_visible()
    plot.scroll_into_view_if_needed()
    page.expect_rest()
    page.page.mouse.click(*plot.evaluate(_CELL_JS, ["warm", "cold"]))
    expect(main_of(page).get_by_role("heading", name="4 photos of “warm” taken for “cold”")).to_be_visible()

    choose_section(page, "Mistakes")
    card = main_of(page).locator("[class*='st-key-results-mistake-']").filter(has_text=PLANTED)
    card.get_by_role("button", name=re.compile("Relabel")).click()
    page.page.get_by_role("menuitem", name="cold").click()
    expect(card.get_by_text("Moved to “cold”")).to_be_visible()
    expect(main_of(page).get_by_text(re.compile("^1 correction since"))).to_be_visible()

    put_red_right(app_settings, dataset_id)
    page.page.reload()
    expect(main_of(page).get_by_text(re.compile("^8 corrections since"))).to_be_visible()
    page.expect_rest()
    main_of(page).get_by_role("button", name=re.compile("Retrain")).click()
    changed = main_of(page).get_by_role("heading", name="Better by 3 photos: 3 photos put right, 0 now wrong.")
    expect(changed).to_be_visible(timeout=TRAIN_MILLISECONDS)
    expect(main_of(page).get_by_text("It is “warm”. Before: “cold”; now: “warm”").first).to_be_visible()

    second = int(re.search(r"run=(\d+)", page.page.url)[1])  # type: ignore[index]  # the address always has it
    page.page.goto(f"{app.url}/compare?runs={first},{second}")
    page.expect_rest()
    choose_section(page, "Really better?")
    verdict = re.compile("^First, corrected is right on 3 photos that First gets wrong, and never the other way: ")
    expect(main_of(page).get_by_role("heading", name=verdict)).to_be_visible()
    shared = page.page.url
    assert {str(first), str(second)} <= set(re.findall(r"\d+", shared.partition("?")[2]))

    another = open_page(app)
    another.page.goto(shared)
    expect(main_of(another).get_by_role("heading", name="Which model is better?")).to_be_visible()
    choose_section(another, "Really better?")
    expect(main_of(another).get_by_role("heading", name=verdict)).to_be_visible()
