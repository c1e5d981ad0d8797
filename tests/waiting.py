"""Waiting for what another process or thread does, without guessing how long it takes."""

import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


# Generous, for a wait costs nothing when it passes: on a busy machine a worker alone needs a minute to start.
TIMEOUT_SECONDS = 300.0


def wait_until(predicate: Callable[[], object], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Return as soon as `predicate` is true; fail the test when that takes too long."""
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"Nothing happened within {timeout_seconds} seconds.")
        pause.wait(_POLL_SECONDS)
