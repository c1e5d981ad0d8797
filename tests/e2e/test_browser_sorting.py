"""Many photos are sorted in a real browser: five examples, the next fifty by key, and suggestions for the rest."""

import io
import re

from PIL import Image
from playwright.sync_api import Locator, expect

from core.datasets.pile import PILE_NAME
from core.settings import Settings
from tests.e2e.conftest import OpenDataset
from tests.e2e.dataset_page import WORKER_TIMEOUT_MILLISECONDS, DatasetPage
from tests.e2e.photos import sample
from tests.e2e.workspace import GivenImage, add_dataset

NUM_CATS, NUM_COFFEES = 9, 6  # on the pile


def part_of(title: str, number: int) -> bytes:
    """A photo cut a little differently: alike, and never the same."""
    image = Image.open(sample(title)).convert("RGB")
    width, height = image.size
    left, top = number % 4 * width // 40, number // 4 * height // 40
    target = io.BytesIO()
    image.crop((left, top, left + 8 * width // 10, top + 8 * height // 10)).save(target, "JPEG")
    return target.getvalue()


def pile() -> list[GivenImage]:
    """Cats and coffees to sort, and three coffees that are sorted already."""
    cats = [
        GivenImage(name=f"cat {number}.jpg", content=part_of("Cat", number), class_name=PILE_NAME)
        for number in range(NUM_CATS)
    ]
    coffees = [
        GivenImage(
            name=f"coffee {number}.jpg",
            content=part_of("Coffee", number),
            class_name=PILE_NAME if number < NUM_COFFEES else "coffee",
        )
        for number in range(NUM_COFFEES + 3)
    ]
    return [photo for pair in zip(cats, coffees, strict=True) for photo in pair]


def tiles(dataset: DatasetPage) -> Locator:
    return dataset.main.get_by_role("list", name="Photos to decide on").get_by_role("listitem")


def expect_tally(dataset: DatasetPage, text: str) -> None:
    expect(dataset.main.get_by_text(text, exact=True)).to_be_visible()


def test_a_pile_is_sorted_by_examples_and_suggestions(open_dataset: OpenDataset, app_settings: Settings):
    """Five examples make a class and bring their like; Y, N and U decide and take back; what is left is suggested, and
    goes into its class with one press, which can be undone; nobody has to wait for the page."""
    dataset = open_dataset(add_dataset(app_settings, "From the web", pile()))
    dataset.choose_section("Photos")
    dataset.select(*(f"cat {number}.jpg" for number in range(5)))
    dataset.press("More like these")
    dataset.main.get_by_role("radio", name="a new class").click()
    dataset.page.get_by_role("textbox", name="Name of the new class").fill("cat")
    dataset.press("Look for more")
    expect(tiles(dataset)).to_have_count(NUM_CATS + NUM_COFFEES - 5, timeout=WORKER_TIMEOUT_MILLISECONDS)
    expect(dataset.main.get_by_text("Is this “cat”?")).to_be_visible()

    for number in range(3):
        expect(tiles(dataset).nth(number)).to_have_attribute("aria-label", re.compile(r"^cat \d"))
    tiles(dataset).first.click()
    dataset.press_keys("y", "y", "n")
    expect_tally(dataset, "2 yes · 1 no · 7 left")
    dataset.press_keys("u")
    expect_tally(dataset, "2 yes · 0 no · 8 left")
    dataset.press_keys("y", "u", "y", "y")  # the third by way of a change of mind, then the fourth
    expect_tally(dataset, "4 yes · 0 no · 6 left")
    dataset.expect_counts(f"cat: {NUM_CATS} not split yet", f"{PILE_NAME}: {NUM_COFFEES} not split yet")
    dataset.press_keys("Space")
    expect(dataset.page.get_by_role("dialog")).to_be_visible()
    dataset.press_keys("n")
    dataset.press_keys("Escape")
    expect_tally(dataset, "4 yes · 1 no · 5 left")
    dataset.press("Done")

    dataset.main.get_by_role("radio", name="Sort these for me").click()
    dataset.press("Suggest classes")
    expect(tiles(dataset)).to_have_count(NUM_COFFEES)
    expect(tiles(dataset).first).to_have_attribute("aria-label", re.compile(r"coffee · \d+"))
    dataset.main.get_by_label(re.compile("All that are at least")).fill("50")
    dataset.press(f"Put {NUM_COFFEES} photos into the class")
    dataset.expect_counts(f"coffee: {NUM_COFFEES + 3} not split yet")
    dataset.main.get_by_role("toolbar").get_by_role("button", name="Undo").click()
    dataset.expect_counts("coffee: 3 not split yet")
    tiles(dataset).first.click()
    dataset.press_keys("2")  # rather the other class
    dataset.expect_counts(f"cat: {NUM_CATS + 1} not split yet")
