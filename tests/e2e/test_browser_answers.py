"""Photos and their answers in a real browser: read, explain, sort, filter, download, take out, look up classes."""

import base64
import csv
import io
import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, expect

from tests.e2e.classify_page import ClassifyPage
from tests.e2e.photos import sample

SHARED_NAMES = ("German_Shepherd.jpg", "labrador1.jpg", "poodle1.jpg", "blue_tit.jpg")
SAMPLE_NAMES = ("chelsea.png", "coffee.png", "rocket.jpg")


@pytest.fixture
def page_with_samples(page: ClassifyPage) -> ClassifyPage:
    """A page on which a cat, a coffee cup and a rocket are answered, in this order of arrival."""
    page.upload(sample("Cat"), sample("Coffee"), sample("Rocket"))
    page.expect_answered(3)
    return page


_BYTES_JS = """async (image) => {
  const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""


def heat_map(card: Locator) -> Image.Image:
    """The picture with the evidence, as the browser got it."""
    picture = card.get_by_role("figure").filter(has_text="Evidence for").get_by_role("img")
    return Image.open(io.BytesIO(base64.b64decode(picture.evaluate(_BYTES_JS)))).convert("RGB")


def table_rows(page: ClassifyPage) -> list[list[str]]:
    """What the table of the answers says, row by row, once it has all of them."""
    rows = (
        page.page.get_by_role("region", name="Answers as a table")
        .get_by_role("row")
        .filter(has=page.page.locator("td"))
    )
    expect(rows).to_have_count(len(SAMPLE_NAMES))
    return [row.locator("td").all_text_contents() for row in rows.all()]


def csv_rows(page: ClassifyPage) -> dict[str, dict[str, str]]:
    """What the file that CSV downloads says, by the names of the photos."""
    with page.page.expect_download() as download:
        page.press_button("CSV")
    assert download.value.suggested_filename == "bluetit.csv"
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return {row["file"]: row for row in csv.DictReader(io.StringIO(text))}


def test_real_photos_get_the_classes_of_the_mobilenet_tutorial(page: ClassifyPage, shared_dir: Path):
    """Dogs get the names of their breeds; a blue tit, which is no class, gets "Not sure" and a hint to teach it."""
    page.upload(*(shared_dir / "data" / "photos" / name for name in SHARED_NAMES))
    page.expect_answered(4)
    for name, label in zip(SHARED_NAMES[:3], ("German shepherd", "Labrador retriever", "poodle"), strict=True):
        best_label, best_percent = page.top_five(name)[0]
        assert label in best_label
        assert float(best_percent) > 35
        expect(page.card(name).get_by_role("heading", name=re.compile(f"{best_label}$"))).to_be_visible()
    blue_tit = page.card("blue_tit.jpg")
    expect(blue_tit.get_by_role("heading", name="Not sure")).to_be_visible()
    expect(blue_tit).to_contain_text("some kind of bird")
    expect(blue_tit.get_by_text("a network must be taught")).to_be_visible()
    expect(page.summary).to_have_text("4 photos: 3 recognised, 1 unsure")


def test_chart_table_and_csv_file_say_the_same(page_with_samples: ClassifyPage):
    """Five classes, the likeliest on top, for the eye, for the blind, in the table in its order and in the file."""
    page = page_with_samples
    described = {name: page.top_five(name) for name in SAMPLE_NAMES}
    assert described["coffee.png"][0][0] in ("espresso", "cup")
    for name, answers in described.items():
        percentages = [float(percent.removeprefix("< ")) for _, percent in answers]
        assert len(percentages) == 5
        assert percentages == sorted(percentages, reverse=True)
        drawn = zip(
            page.bars(name).locator(".bar-label").all_text_contents(),
            page.bars(name).locator(".bar-track").all_text_contents(),
            strict=True,
        )
        assert list(drawn) == [(label, f"{percent} %") for label, percent in answers]
        # What it took, too.
        expect(page.card(name)).to_contain_text(re.compile(rf"{re.escape(name)} · \d+ ms \(reading \d+, network \d+\)"))

    rows = csv_rows(page)
    assert set(rows) == set(SAMPLE_NAMES)
    for name, row in rows.items():
        assert row["network"] == "EfficientNet-Lite0"
        assert [row[f"class_{rank}"] for rank in range(1, 6)] == [label for label, _ in described[name]]
        assert float(row["probability_1"]) * 100 == pytest.approx(float(described[name][0][1]), abs=0.51)
        assert row["error"] == ""

    page.sort("By file name")
    page.show_as("Table")
    expect(page.cards).to_have_count(0)
    cells = table_rows(page)
    assert [row[0] for row in cells] == list(SAMPLE_NAMES)
    assert all(described[row[0]][0][0] in row[2] for row in cells)


def test_an_answer_is_explained(page_with_samples: ClassifyPage):
    """Why? shows the square the network saw and a heat map for any of the five; Under the hood has the real numbers."""
    card = page_with_samples.card("chelsea.png")
    card.get_by_role("button", name="Why?").click()
    expect(card.get_by_text("What the network saw: 224 × 224 pixels")).to_be_visible()
    likeliest, second = (label for label, _ in page_with_samples.top_five("chelsea.png")[:2])
    expect(card.get_by_text(f"Evidence for {likeliest}")).to_be_visible()
    before = heat_map(card)
    card.get_by_role("radio", name=second, exact=True).check()
    expect(card.get_by_text(f"Evidence for {second}")).to_be_visible()
    after = heat_map(card)
    assert before.size == after.size == (224, 224)
    assert ImageChops.difference(before, after).getbbox() is not None

    panel = page_with_samples.page.get_by_role("group").filter(has_text="Under the hood")
    panel.get_by_text("Under the hood").click()
    for text in ("224 × 224 pixels", "1,280 patterns at 7 × 7 places", "1,000 scores", "For rocket.jpg: missile"):
        expect(panel.get_by_text(text).first).to_be_visible()


def test_photos_are_sorted_filtered_and_taken_out(page_with_samples: ClassifyPage):
    """The newest photo comes first until the visitor sorts by file name or by how sure the network is. The filter finds
    names and answers, a switch what needs a look; Remove takes one photo out, Clear all."""
    page = page_with_samples
    page.expect_order(["rocket.jpg", "coffee.png", "chelsea.png"])
    page.sort("By file name")
    page.expect_order(["chelsea.png", "coffee.png", "rocket.jpg"])
    certainties = {name: float(page.top_five(name)[0][1]) for name in SAMPLE_NAMES}
    by_certainty = sorted(certainties, key=certainties.__getitem__, reverse=True)
    page.sort("Surest first")
    page.expect_order(by_certainty)
    page.sort("Least sure first")
    page.expect_order(by_certainty[::-1])

    page.filter("rock")
    page.expect_order(["rocket.jpg"])
    page.filter("CAT")
    page.expect_order(["chelsea.png"])
    page.filter("zeppelin")
    expect(page.page.get_by_text("No photo fits this filter.")).to_be_visible()
    expect(page.cards).to_have_count(0)
    page.filter("")
    expect(page.cards).to_have_count(3)

    page.upload({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"buy milk"})
    page.expect_answered(4)
    only_unsure = page.page.get_by_text("Only unsure")
    only_unsure.click()
    expect(page.card("coffee.png")).to_have_count(0)
    page.expect_refused("notes.jpg", "text file")
    only_unsure.click()
    expect(page.cards).to_have_count(4)

    page.card("coffee.png").get_by_role("button", name="Remove").click()
    page.expect_answered(3)
    expect(page.card("coffee.png")).to_have_count(0)
    for name in ("notes.jpg", "rocket.jpg", "chelsea.png"):
        expect(page.card(name)).to_have_count(1)
    page.press_button("Clear")
    expect(page.summary).to_be_hidden()
    expect(page.cards).to_have_count(0)
    page.add_sample("Cat")
    page.expect_answered(1)


def test_the_search_says_whether_a_class_is_known(page: ClassifyPage):
    """Yes, no, or a whole group; the list of all classes makes way for the answer."""
    expect(page.page.get_by_text("All 1,000 classes")).to_be_visible()
    for query, answer in (
        ("blue tit", "No, “blue tit” is not among the 1,000 classes"),
        ("poodle", "Yes: "),
        ("dogs", "It knows 118 kinds of dog"),
    ):
        page.class_search.fill(query)
        page.class_search.press("Enter")
        expect(page.page.get_by_test_id("stAlert").filter(has_text=answer)).to_be_visible()
        expect(page.page.get_by_text("All 1,000 classes")).to_be_hidden()
