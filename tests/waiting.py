"""Waiting for what another process or thread does, without guessing how long it takes."""

import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


def wait_until(predicate: Callable[[], object], timeout_seconds: float = 20.0) -> None:
    """Return as soon as `predicate` is true; fail the test when that takes too long."""
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"Nothing happened within {timeout_seconds} seconds.")
        pause.wait(_POLL_SECONDS)
