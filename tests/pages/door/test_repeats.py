"""A form that comes twice is done once, for a minute."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pages.door.repeats import Repeats
from tests.pages.door.conftest import Clock


def test_repeats_are_answered_alike(clock: Clock) -> None:
    """Those of another form, of none, and those after a minute are new."""
    repeats, numbers = Repeats[int](clock), iter(range(100))

    def ask(mark: str) -> int:
        return repeats.once(mark, lambda: next(numbers))

    assert [ask("a"), ask("b"), ask("a"), ask(""), ask("")] == [0, 1, 0, 2, 3]
    clock.now += 61.0
    assert [ask("a"), ask("a")] == [4, 4]


def test_a_repeat_waits_for_the_first() -> None:
    """It may come while that is under way."""
    repeats, numbers = Repeats[int](), iter(range(100))
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: repeats.once("a", lambda: next(numbers)), range(50))) == {0}


def test_a_failure_is_told_both_times() -> None:
    """Whoever repeats it hears why, and nothing is tried again."""
    repeats, tried = Repeats[int](), []

    def fail() -> int:
        tried.append(1)
        raise KeyError("why")

    for _ in range(2):
        with pytest.raises(KeyError, match="why"):
            repeats.once("a", fail)
    assert tried == [1]
