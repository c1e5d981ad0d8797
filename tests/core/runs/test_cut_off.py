"""How much of wide, tall, mixed and square photos a network never sees."""

import pytest

from core.config import FitModeName
from core.photos.fit import FitMode, fit_box
from core.runs.cut_off import CUT_FROM, cut_share, find_cut_off

NBSP = "\N{NO-BREAK SPACE}"
STRIP, RECEIPT, PHOTO, SQUARE = (900, 150), (400, 1600), (1024, 768), (500, 500)


@pytest.mark.parametrize(
    ("photo_size", "image_size", "share"),
    [
        (STRIP, (224, 224), 1 - 1 / 6),
        ((150, 900), (224, 224), 1 - 1 / 6),
        (RECEIPT, (224, 224), 0.75),
        (PHOTO, (224, 224), 0.25),
        (SQUARE, (224, 224), 0.0),
        ((1, 1), (224, 224), 0.0),
        ((1, 5000), (224, 224), 1 - 1 / 5000),
        # Where the network looks at a wide rectangle, wide photos lose less and square ones something.
        (STRIP, (150, 900), 0.0),
        (STRIP, (100, 300), 0.5),
        (SQUARE, (100, 200), 0.5),
    ],
)
def test_the_share_that_is_cut_off(photo_size: tuple[int, int], image_size: tuple[int, int], share: float) -> None:
    """All but the largest rectangle of the network's shape in the middle of the photo."""
    assert cut_share(photo_size, image_size, "crop") == pytest.approx(share)


@pytest.mark.parametrize("fit_mode", ["letterbox", "squash"])
def test_other_ways_lose_nothing(fit_mode: FitModeName) -> None:
    """The whole photo is there, with borders or stretched."""
    assert cut_share(STRIP, (224, 224), fit_mode) == 0.0
    assert find_cut_off({"a": [STRIP] * 9}, fit_mode) is None


def test_it_is_what_the_network_gets() -> None:
    """The share is that of the box which training cuts out."""
    left, top, right, bottom = fit_box((150, 900), (224, 224), crop_fraction=1.0)
    assert cut_share(STRIP, (224, 224), FitMode.CROP.value) == pytest.approx(
        1 - (right - left) * (bottom - top) / (900 * 150)
    )


@pytest.mark.parametrize(
    ("sizes", "said", "is_mostly"),
    [
        ({"a": [STRIP] * 24, "b": [STRIP] * 24}, f"83{NBSP}% of each photo is cut off", True),
        ({"a": [RECEIPT] * 3, "b": [(410, 1600)] * 2}, f"75{NBSP}% of each photo is cut off", True),
        ({"a": [(900, 300)] * 5, "b": [STRIP] * 6}, f"83{NBSP}% of a typical photo is cut off", True),
        (
            {"a": [STRIP] * 8 + [SQUARE] * 12, "b": [SQUARE] * 20},
            f"83{NBSP}% is cut off 8 of 40 photos",
            False,
        ),
        (
            {"a": [(900, 300)] * 4 + [STRIP] * 4 + [PHOTO] * 12, "b": [SQUARE] * 20},
            f"about 83{NBSP}% is cut off 8 of 40 photos",
            False,
        ),
        (
            {"receipts": [RECEIPT] * 6, "letters": [PHOTO] * 100},
            f"75{NBSP}% is cut off 6 of 106 photos, mostly of “receipts”",
            False,
        ),
        (
            {"wide": [STRIP] * 30, "tall": [(150, 900)] * 30, "other": [PHOTO] * 10},
            f"83{NBSP}% is cut off 60 of 70 photos, mostly of “wide” and “tall”",
            True,
        ),
    ],
)
def test_what_is_said_of_a_dataset(sizes: dict[str, list[tuple[int, int]]], said: str, is_mostly: bool) -> None:
    """One figure where all lose about the same, and which photos where only some do."""
    found = find_cut_off(sizes, "crop")
    assert found is not None
    assert (found.describe(), found.is_mostly) == (said, is_mostly)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param({"a": [PHOTO] * 20, "b": [(1024, 683)] * 20}, id="photos of cameras"),
        pytest.param({"a": [(1920, 1080)] * 20, "b": [(1080, 1920)] * 20}, id="frames of films"),
        pytest.param({"a": [SQUARE] * 20}, id="squares"),
        pytest.param({"a": [SQUARE] * 50 + [STRIP] * 2}, id="two odd ones among many"),
        pytest.param({"a": [], "b": []}, id="no photos"),
        pytest.param({}, id="no classes"),
    ],
)
def test_nothing_is_said_of_what_networks_are_used_to(sizes: dict[str, list[tuple[int, int]]]) -> None:
    """Half a photo must be lost, of a tenth of the photos or of most of a class."""
    assert find_cut_off(sizes, "crop") is None


def test_from_half_on() -> None:
    """Twice as wide as high is the limit."""
    assert cut_share((200, 100), (1, 1), "crop") == CUT_FROM
    assert find_cut_off({"a": [(200, 100)]}, "crop") is not None
    assert find_cut_off({"a": [(199, 100)]}, "crop") is None
