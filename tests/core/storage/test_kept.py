"""Readings that are kept until what was read has changed."""

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
