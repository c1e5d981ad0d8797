"""Readings that are kept until what was read has changed."""

import pytest

from core.storage.kept import KeptReadings


def test_a_reading_counts_as_long_as_its_mark() -> None:
    """With another mark there is none, and a newer reading takes the place of the one before."""
    kept: KeptReadings[str] = KeptReadings(10)
    assert kept.get(1, "a") is None
    kept.keep(1, "a", "first")
    assert (kept.get(1, "a"), kept.get(1, "b"), kept.get(2, "a")) == ("first", None, None)
    kept.keep(1, "b", "second")
    assert (kept.get(1, "a"), kept.get(1, "b")) == (None, "second")


def test_the_longest_unused_are_forgotten() -> None:
    """Memory does not grow with what was read once."""
    kept: KeptReadings[int] = KeptReadings(3)
    for number in range(3):
        kept.keep(number, "", number)
    kept.get(0, "")
    kept.keep(3, "", 3)
    assert [kept.get(number, "") for number in range(4)] == [0, None, 2, 3]


def test_heavy_readings_make_room_for_each_other() -> None:
    """The sum counts, also after one was read anew; the latest stays, however heavy it is."""
    kept: KeptReadings[str] = KeptReadings(10)
    kept.keep("light", "", "a", weight=3)
    kept.keep("heavy", 1, "b", weight=7)
    kept.keep("heavy", 2, "c", weight=6)
    assert (kept.get("light", ""), kept.get("heavy", 2)) == ("a", "c")
    kept.keep("whale", "", "d", weight=100)
    assert [kept.get(*key) for key in (("light", ""), ("heavy", 2), ("whale", ""))] == [None, None, "d"]


def test_what_is_kept_is_not_read_again() -> None:
    """Only once for each mark; where reading fails nothing is kept."""
    kept: KeptReadings[int] = KeptReadings(3)
    num_read = 0

    def read() -> int:
        nonlocal num_read
        num_read += 1
        return num_read

    assert [kept.read("key", mark, read) for mark in ("a", "a", "b")] == [1, 1, 2]
    with pytest.raises(ZeroDivisionError):
        kept.read("key", "c", lambda: 1 // 0)
    assert kept.get("key", "b") == 2
