"""Guessing is slowed for each address and bounded for all together, and the wall clock has no part in it."""

import threading

import pytest

from core.spaces.guessing import GuessGuard, network_of

HOUR = 3_600.0


class Clock:
    """A clock that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> GuessGuard:
    return GuessGuard(clock)


def num_admitted(guard: GuessGuard, addresses: list[str]) -> int:
    """How many of one wrong try from each address are looked at."""
    return sum(guard.admit(address) == 0.0 for address in addresses)


def test_some_typing_errors_cost_nothing(guard: GuessGuard) -> None:
    """Five tries at once are looked at, the sixth has to wait."""
    assert [guard.admit("10.0.0.1") for _ in range(5)] == [0.0] * 5
    assert guard.admit("10.0.0.1") == 5.0


def test_the_wait_grows(guard: GuessGuard, clock: Clock) -> None:
    """Each wrong try doubles it, up to ten minutes."""
    for _ in range(5):
        guard.admit("10.0.0.1")
    waits = []
    for _ in range(10):
        waits.append(guard.admit("10.0.0.1"))
        clock.now += waits[-1]
        assert guard.admit("10.0.0.1") == 0.0
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits[-1] == 600.0


def test_asking_while_one_waits_does_not_lengthen_the_wait(guard: GuessGuard, clock: Clock) -> None:
    """Somebody impatient comes in as soon as somebody patient."""
    for _ in range(100):
        guard.admit("10.0.0.1")
    assert guard.admit("10.0.0.1") == 5.0
    clock.now += 5
    assert guard.admit("10.0.0.1") == 0.0


def test_ten_thousand_tries_from_one_address(guard: GuessGuard, clock: Clock) -> None:
    """In a lesson of 45 minutes, with a try each quarter of a second, fifteen are looked at."""
    admitted = 0
    for _ in range(10_000):
        admitted += guard.admit("10.0.0.1") == 0.0
        clock.now += 0.27
    assert admitted == 15


def test_ten_thousand_tries_from_a_thousand_addresses(guard: GuessGuard, clock: Clock) -> None:
    """Of as many in a lesson a tenth is looked at, and of as many at once less than two hundred."""
    addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(1_000)]
    assert num_admitted(guard, addresses * 10) <= 150
    admitted = 0
    for _ in range(10):
        admitted += num_admitted(guard, addresses)
        clock.now += 270.0
    assert admitted <= 1_000


def test_an_attacker_does_not_lock_a_class_out(guard: GuessGuard, clock: Clock) -> None:
    """While a thousand addresses that were wrong go on guessing, pupils who come for the first time are let in."""
    attackers = [f"10.0.{number // 250}.{number % 250}" for number in range(1_000)]
    for _ in range(900):  # until all of them were wrong, more than half an hour of guessing without end
        num_admitted(guard, attackers)
        clock.now += 4.0
    num_admitted(guard, attackers)
    clock.now += 60.0
    num_admitted(guard, attackers)
    assert all(guard.admit(f"192.168.0.{number}") == 0.0 for number in range(10))


def test_a_class_behind_one_router(guard: GuessGuard) -> None:
    """Thirty pupils come in from one address, every third of whom mistypes first."""
    for number in range(30):
        if number % 3 == 0:
            assert guard.admit("10.0.0.1") == 0.0
        assert guard.admit("10.0.0.1") == 0.0
        guard.forgive("10.0.0.1")


def test_tries_that_are_under_way_count(guard: GuessGuard) -> None:
    """A hundred at the same moment are a hundred, not the first of a hundred."""
    admitted: list[float] = []
    threads = [threading.Thread(target=lambda: admitted.append(guard.admit("10.0.0.1"))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted.count(0.0) == 5


def test_an_address_is_forgiven(guard: GuessGuard, clock: Clock) -> None:
    """After four hours without a try it is as new."""
    for _ in range(5):
        guard.admit("10.0.0.1")
    clock.now += 4 * HOUR + 1
    assert [guard.admit("10.0.0.1") for _ in range(5)] == [0.0] * 5


def test_a_clock_that_stands_or_goes_back_opens_nothing(guard: GuessGuard, clock: Clock) -> None:
    """Whatever it does, nobody gets more tries than without it."""
    for _ in range(5):
        guard.admit("10.0.0.1")
    clock.now -= 10 * HOUR
    assert guard.admit("10.0.0.1") > 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    """Of IPv6 the network: whoever has one address has all of it."""
    assert network_of(address) == network
