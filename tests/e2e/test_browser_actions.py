"""The scripts of kiosks and reactions that need no page, asked in a browser."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from core.actions.scripts import action_program
from tests.conftest import PROJECT_DIR

ASSETS = PROJECT_DIR / "pages" / "assets"

Seen = tuple[str | None, float, int]  # class, probability, milliseconds


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page, in which nothing of one test reaches the next."""
    opened = chromium.new_page()
    yield opened
    opened.close()


def ask(page: Page, source: str, expression: str) -> Any:
    """What an expression is after a script."""
    return page.evaluate(f"() => {{ {source}; return {expression}; }}")


def shown(page: Page, answers: list[Seen]) -> list[str | None]:
    """The class at which something happens, after each answer of a camera."""
    steps = json.dumps([{"label": label, "share": share, "at": at} for label, share, at in answers])
    found: list[str | None] = ask(
        page,
        action_program(),
        f"(() => {{ let state = NOTHING_SEEN; return {steps}.map((each) => {{ state = stepActions(state, each); "
        "return shownClass(state); }); })()",
    )
    return found


def every_tenth(label: str | None, begin: int, end: int, share: float = 0.9) -> list[Seen]:
    """Answers ten times a second."""
    return [(label, share, at) for at in range(begin, end, 100)]


CASES: dict[str, tuple[list[Seen], str | None]] = {
    "a second is long enough": (every_tenth("cat", 0, 1100), "cat"),
    "less is not": (every_tenth("cat", 0, 1000), None),
    "nothing is seen": (every_tenth(None, 0, 3000), None),
    "too unsure": (every_tenth("cat", 0, 3000, 0.55), None),
    "unsure is enough to stay": (every_tenth("cat", 0, 1100) + every_tenth("cat", 1100, 4000, 0.45), "cat"),
    "but not that unsure": (every_tenth("cat", 0, 1100) + every_tenth("cat", 1100, 4000, 0.35), None),
    "a moment without it is forgiven": (
        every_tenth("cat", 0, 500) + every_tenth(None, 500, 700) + every_tenth("cat", 700, 1100),
        "cat",
    ),
    "a longer one is not": (
        every_tenth("cat", 0, 500) + every_tenth(None, 500, 1000) + every_tenth("cat", 1000, 1500),
        None,
    ),
    "another class in between begins anew": (
        [*every_tenth("cat", 0, 500), ("dog", 0.9, 500), *every_tenth("cat", 600, 1200)],
        None,
    ),
    "the next class takes over": (every_tenth("cat", 0, 1500) + every_tenth("dog", 1500, 2600), "dog"),
    "it holds until the other is sure": (every_tenth("cat", 0, 1500) + every_tenth("dog", 1500, 2000), "cat"),
    "it ends when the class is gone": (every_tenth("cat", 0, 1500) + every_tenth(None, 1500, 2300), None),
    "it ends after eight seconds": (every_tenth("cat", 0, 9200), None),
    "and comes back once the class was away": (
        every_tenth("cat", 0, 9200) + every_tenth(None, 9200, 10_000) + every_tenth("cat", 10_000, 11_100),
        "cat",
    ),
    "a camera that was away has seen nothing": ([("cat", 0.9, 0), ("cat", 0.9, 5000)], None),
}


@pytest.mark.parametrize(("answers", "expected"), CASES.values(), ids=CASES.keys())
def test_when_something_happens(page: Page, answers: list[Seen], expected: str | None) -> None:
    """A class has to hold for a second; what comes and goes within a moment counts neither way."""
    assert shown(page, answers)[-1] == expected


def test_what_happens_begins_once(page: Page) -> None:
    """However often the answer wavers: one beginning, one end."""
    wavering: list[Seen] = [("cat", 0.9 if at % 300 else 0.45, at) for at in range(0, 4000, 100)]
    states = shown(page, wavering + every_tenth(None, 4000, 5000))
    assert sum(one != other for one, other in itertools.pairwise(states)) == 2


@pytest.mark.parametrize(("colour", "is_bright"), [("#ffd53d", True), ("#0b1830", False), ("#ffffff", True)])
def test_words_stand_out_from_their_colour(page: Page, colour: str, is_bright: bool) -> None:
    """By how bright the colour is to people."""
    assert (ask(page, action_program(), f"luminance('{colour}')") > 0.36) is is_bright


def test_movement_is_found_where_it_is(page: Page) -> None:
    """A few pixels that change are noise; a patch has a middle."""
    source = (ASSETS / "kiosk_motion.js").read_text("utf-8")
    grey = "new Uint8ClampedArray(40 * 24 * 4).fill(100)"
    same = ask(page, source, f"motionBetween({grey}, {grey}.map((value) => value + 9))")
    assert same["share"] == 0
    patch = f"{grey}.map((value, place) => (Math.floor(place / 4) % 40 >= 30 ? 250 : value))"
    moved = ask(page, source, f"motionBetween({grey}, {patch})")
    assert moved["share"] == pytest.approx(0.25)
    assert moved["x"] == pytest.approx(2 * 34.5 / 39 - 1)
    assert moved["y"] == pytest.approx(0)


@pytest.mark.parametrize(
    "text", ["ant", "Donaudampfschifffahrtsgesellschaftskapitän", "طائر القرقف الأزرق", "青山雀" * 20, "a b " * 30]
)
def test_text_fits_in_any_script(page: Page, text: str) -> None:
    """As large as there is room for, and never wider or higher than its place."""
    source = (ASSETS / "kiosk_text.js").read_text("utf-8")
    page.set_content(
        "<style>p { margin: 0; width: max-content; line-height: 1.1 } .may-break { overflow-wrap: anywhere }</style>"
        "<p dir='auto'></p>"
    )
    page.locator("p").evaluate("(element, text) => { element.textContent = text; }", text)
    size, width, height = ask(
        page,
        source,
        "(() => { const said = document.querySelector('p'); fitText(said, { width: 600, height: 300, least: 24, "
        "most: 120 }); return [parseFloat(said.style.fontSize), said.scrollWidth, said.scrollHeight]; })()",
    )
    assert 24 <= size <= 120
    assert width <= 600
    assert height <= 300 or size == 24
