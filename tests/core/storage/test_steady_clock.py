"""Ages of moments, whatever somebody does to the clock by which they were written down."""

import math

import pytest

from core.storage.steady_clock import SteadyClock

DAY = 86_400.0


class Hands:
    """A clock on the wall, and one that nobody can set."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.steady = 500.0
        self.clock = SteadyClock(lambda: self.steady)
        self.clock.look(self.wall)

    def go(self, seconds: float) -> None:
        """Let time pass, as the server does: with a look every minute."""
        while seconds > 0:
            step = min(60.0, seconds)
            self.wall += step
            self.steady += step
            seconds -= step
            self.clock.look(self.wall)

    def age(self, moment: float) -> float:
        return self.clock.age(moment, self.wall)


@pytest.mark.parametrize("jump", [DAY, -DAY, 3_600.0, -3_600.0 * 5, 0.0])
def test_a_jump(jump: float) -> None:
    """What was written before and after it has the age that it has, so that an hour stays an hour."""
    hands = Hands()
    before = hands.wall
    hands.go(600)
    hands.wall += jump
    hands.go(300)
    after = hands.wall
    hands.go(900)
    assert hands.age(before) == pytest.approx(1_800, abs=1)
    assert hands.age(after) == pytest.approx(900, abs=1)
    assert hands.age(hands.wall) == pytest.approx(0, abs=1)


def test_there_and_back() -> None:
    """Somebody sets the clock, and another person sets it right again."""
    hands = Hands()
    moments = []
    for jump in (DAY, -DAY, 2 * DAY):
        hands.go(300)
        moments.append(hands.wall)
        hands.go(300)
        hands.wall += jump
    hands.go(60)
    assert [hands.age(moment) for moment in moments] == [pytest.approx(age, abs=1) for age in (1_560, 960, 360)]


def test_a_clock_that_is_kept_right() -> None:
    """Being set by a second a minute is no jump."""
    hands = Hands()
    start = hands.wall
    for _ in range(60):
        hands.wall += 1
        hands.go(60)
    assert hands.age(start) == pytest.approx(3_660, abs=61)


def test_a_time_that_cannot_be() -> None:
    """A moment that is to come, from before a restart and a clock set back, locks nobody out: it counts as long ago."""
    hands = Hands()
    assert hands.age(hands.wall + DAY) == math.inf
    assert hands.age(hands.wall - DAY) == DAY
