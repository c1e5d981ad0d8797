"""Photos and their answers in a real browser: read, explain, sort, filter, download, take out, look up classes."""

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


@pytest.fixture
def page_with_samples(page: ClassifyPage) -> ClassifyPage:
    """A page on which a cat, a coffee cup and a rocket are answered, in this order of arrival."""
    page.upload(sample("Cat"), sample("Coffee"), sample("Rocket"))
    page.expect_answered(3)
    return page


def heat_map(card: Locator) -> Image.Image:
    """The picture with the evidence, as the browser got it."""
    picture = card.get_by_test_id("stImage").filter(has_text="Evidence for").get_by_role("img")
    answer = picture.page.request.get(picture.evaluate("image => image.src"))
    return Image.open(io.BytesIO(answer.body())).convert("RGB")


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
    expect(blue_tit).to_contain_text("a network must be taught")
    expect(page.summary).to_have_text("4 photos: 3 recognised, 1 unsure")


def test_the_chart_shows_five_classes_likeliest_on_top(page_with_samples: ClassifyPage):
    """What the chart draws is what it says to the blind: five labels with percentages, the largest on top."""
    described = page_with_samples.top_five("coffee.png")
    assert len(described) == 5
    assert described[0][0] in ("espresso", "cup")
    percentages = [float(percent.removeprefix("< ")) for _, percent in described]
    assert percentages == sorted(percentages, reverse=True)
    chart = page_with_samples.card("coffee.png").get_by_role("figure")
    drawn_labels = chart.locator(".ytick text").all_text_contents()
    drawn_percentages = chart.locator(".bartext").all_text_contents()
    assert list(zip(drawn_labels, drawn_percentages, strict=True))[::-1] == [
        (label, f"{percent} %") for label, percent in described
    ]


def test_every_answer_says_what_it_took(page_with_samples: ClassifyPage):
    """Each card names its file, and the milliseconds for reading and for the network."""
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        expect(page_with_samples.card(name)).to_contain_text(
            re.compile(rf"{re.escape(name)} · \d+ ms \(reading \d+, network \d+\)")
        )


def test_why_shows_the_square_and_evidence_for_any_of_the_five(page_with_samples: ClassifyPage):
    """Why? shows the square the network saw and a heat map, and another class another heat map."""
    card = page_with_samples.card("chelsea.png")
    card.get_by_text("Why?").click()
    expect(card.get_by_text("What the network saw: 224 × 224 pixels")).to_be_visible()
    likeliest, second = (label for label, _ in page_with_samples.top_five("chelsea.png")[:2])
    expect(card.get_by_text(f"Evidence for {likeliest}")).to_be_visible()
    before = heat_map(card)
    card.get_by_role("radiogroup").get_by_text(second, exact=True).click()
    expect(card.get_by_text(f"Evidence for {second}")).to_be_visible()
    after = heat_map(card)
    assert before.size == after.size == (224, 224)
    assert ImageChops.difference(before, after).getbbox() is not None


def test_under_the_hood_has_the_real_numbers(page_with_samples: ClassifyPage):
    """The folded panel explains three steps with the pixels, patterns and times of the last photo."""
    page_with_samples.page.get_by_text("Under the hood").click()
    panel = page_with_samples.page.get_by_test_id("stExpander").filter(has_text="Under the hood")
    for text in ("224 × 224 pixels", "1,280 patterns at 7 × 7 places", "1,000 scores", "For rocket.jpg"):
        expect(panel).to_contain_text(text)


def test_sorting_reorders_the_cards(page_with_samples: ClassifyPage):
    """The newest photo comes first until the visitor sorts by file name or by how sure the network is."""
    page = page_with_samples
    page.expect_order(["rocket.jpg", "coffee.png", "chelsea.png"])
    page.choose("Sort", "By file name")
    page.expect_order(["chelsea.png", "coffee.png", "rocket.jpg"])
    certainties = {name: float(page.top_five(name)[0][1]) for name in ("chelsea.png", "coffee.png", "rocket.jpg")}
    by_certainty = sorted(certainties, key=certainties.__getitem__, reverse=True)
    page.choose("Sort", "Surest first")
    page.expect_order(by_certainty)
    page.choose("Sort", "Least sure first")
    page.expect_order(by_certainty[::-1])


def test_filtering_keeps_what_fits(page_with_samples: ClassifyPage):
    """The filter finds names, answers and kinds of things; what fits nothing is said, and an empty filter shows all."""
    page = page_with_samples
    page.filter("rock")
    page.expect_order(["rocket.jpg"])
    page.filter("CAT")
    page.expect_order(["chelsea.png"])
    page.filter("zeppelin")
    expect(page.page.get_by_text("No photo fits this filter.")).to_be_visible()
    expect(page.cards).to_have_count(0)
    page.filter("")
    expect(page.cards).to_have_count(3)


def test_only_unsure_shows_unlikely_answers_and_refused_files(page_with_samples: ClassifyPage):
    """A switch leaves what needs a look: here a file that is no photo, and not the espresso."""
    page = page_with_samples
    page.upload({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"buy milk"})
    page.expect_answered(4)
    page.page.get_by_text("Only unsure").click()
    expect(page.card("coffee.png")).to_have_count(0)
    page.expect_refused("notes.jpg", "text file")


def test_the_table_has_a_row_per_photo(page_with_samples: ClassifyPage):
    """The same answers as a table, in the order asked for."""
    page = page_with_samples
    expected = {name: page.top_five(name)[0][0] for name in ("chelsea.png", "coffee.png", "rocket.jpg")}
    page.choose("Sort", "By file name")
    page.page.get_by_text("Table", exact=True).click()
    expect(page.cards).to_have_count(0)
    rows = page.page.get_by_test_id("stDataFrame").first.locator("canvas tbody tr")
    expect(rows).to_have_count(3)
    cells = [row.locator("td").all_text_contents() for row in rows.all()]
    assert [row[0] for row in cells] == ["chelsea.png", "coffee.png", "rocket.jpg"]
    assert all(expected[row[0]] in row[2] for row in cells)


def test_the_csv_file_has_what_the_cards_say(page_with_samples: ClassifyPage):
    """The download opens as CSV in UTF-8, a row per photo with file, network, five classes and probabilities."""
    page = page_with_samples
    with page.page.expect_download() as download:
        page.press_button("CSV")
    assert download.value.suggested_filename == "bluetit.csv"
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(rows) == {"chelsea.png", "coffee.png", "rocket.jpg"}
    for name, row in rows.items():
        assert row["network"] == "EfficientNet-Lite0"
        assert [row[f"class_{rank}"] for rank in range(1, 6)] == [label for label, _ in page.top_five(name)]
        assert float(row["probability_1"]) * 100 == pytest.approx(float(page.top_five(name)[0][1]), abs=0.51)
        assert row["error"] == ""


def test_photos_can_be_taken_out(page_with_samples: ClassifyPage):
    """Remove takes one photo out, Clear all; new photos can be added afterwards."""
    page = page_with_samples
    page.card("coffee.png").get_by_role("button", name="Remove").click()
    page.expect_answered(2)
    page.expect_order(["rocket.jpg", "chelsea.png"])
    page.press_button("Clear")
    expect(page.summary).to_be_hidden()
    expect(page.cards).to_have_count(0)
    page.add_sample("Cat")
    page.expect_answered(1)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        pytest.param("blue tit", "No, “blue tit” is not among the 1,000 classes", id="unknown"),
        pytest.param("poodle", "Yes: ", id="class"),
        pytest.param("dogs", "It knows 118 kinds of dog", id="group"),
    ],
)
def test_the_search_says_whether_a_class_is_known(page: ClassifyPage, query: str, answer: str):
    """Yes, no, or a whole group; the list of all classes makes way for the answer."""
    expect(page.page.get_by_text("All 1,000 classes")).to_be_visible()
    page.class_search.fill(query)
    page.class_search.press("Enter")
    expect(page.page.get_by_test_id("stAlert").filter(has_text=answer)).to_be_visible()
    expect(page.page.get_by_text("All 1,000 classes")).to_be_hidden()
