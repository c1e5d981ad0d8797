"""The roll, read once for all who watch: thirty open pages ask for it several times a second."""

import threading
import time
from collections.abc import Callable

from core.services import Services
from core.spaces.roll import Roll, read_roll
from pages.server.services import whole_services

_FRESH_SECONDS = 0.5  # how old what is told may be

_lock = threading.Lock()
_latest: list[tuple[Services, float, Roll]] = []  # at most one, with when it was read by the monotonic clock


def roll_with(is_in: Callable[[Roll], bool]) -> Roll:
    """A roll of this moment, or of just before.

    What it says is told; who may see what is asked of the database each time.

    Args:
        is_in: whether whoever asks is in a roll: they may have come since it was read, and then it is read anew.
    """
    services = whole_services()
    with _lock:
        now = time.monotonic()
        for of_services, read_at, roll in _latest:
            if of_services is services and now - read_at < _FRESH_SECONDS and is_in(roll):
                return roll
        roll = read_roll(services.database, time.time())
        _latest[:] = [(services, now, roll)]
        return roll
