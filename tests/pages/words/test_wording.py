"""Numbers as people write them."""

import time

import pytest

from pages.words.wording import (
    count,
    date_text,
    day_text,
    duration,
    milliseconds_text,
    moment_text,
    percent,
    plain,
    time_left,
)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "< 0.1 %"),
        (0.0004, "< 0.1 %"),
        (0.0006, "0.1 %"),
        (0.0094, "0.9 %"),
        (0.0096, "1 %"),
        (0.124, "12 %"),
        (0.99, "99 %"),
        (0.994, "99.4 %"),
        (0.99999, "99.9 %"),
        (1.0, "99.9 %"),
    ],
)
def test_a_percentage_claims_neither_nothing_nor_certainty(probability: float, text: str):
    """Rounding to whole percents stops where it would say 0 or 100."""
    assert percent(probability) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "a second"), (1.6, "2 seconds"), (89, "89 seconds"), (150, "2 minutes")]
)
def test_a_time_left_is_rounded_to_what_matters(seconds: float, text: str):
    """Nobody waits 89.3 seconds."""
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 photos"), (1, "1 photo"), (1204, "1,204 photos")])
def test_a_noun_follows_its_number(number: int, text: str):
    """One photo, two photos."""
    assert count(number, "photo") == text


@pytest.mark.parametrize("text", ["*a*.jpg", "![x](y)", "C:\\Users\\.b", "$x$", "&#47;", ":material/x:", "a~~b~~"])
def test_a_name_from_outside_is_shown_letter_by_letter(text: str):
    """Every letter that Markdown would act on is escaped, and nothing else is added."""
    shown = plain(text)
    assert shown.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text
    assert all(f"\\{letter}" in shown for letter in "*![]$&:~\\" if letter in text)


def test_time_left_says_nothing_where_it_is_not_known():
    """It is put behind what is being done, so nothing of it may remain."""
    assert time_left(None) == ""
    assert time_left(12.0) == " · about 12 seconds left"


def test_moments_are_those_of_this_computer():
    """A day has no nought in front; the time stands behind it."""
    seconds = time.mktime((2026, 12, 3, 14, 5, 0, 0, 0, -1))
    told = [text(seconds) for text in (day_text, date_text, moment_text)]
    assert told == ["3 December", "3 December 2026", "3 December 2026, 14:05"]


@pytest.mark.parametrize(("milliseconds", "text"), [(8.4, "8 ms"), (1.0, "1 ms"), (0.4, "< 1 ms")])
def test_a_speed_is_never_nothing(milliseconds: float, text: str):
    """What takes less than a millisecond says so."""
    assert milliseconds_text(milliseconds) == text
