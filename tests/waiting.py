"""Waiting for what another process or thread does, without guessing how long it takes."""

import threading
import time
from collections.abc import Callable

# Looking costs the processor too, which what is waited for needs: who has waited for long looks less often.
_POLL_SECONDS = 0.02
_POLL_SHARE_OF_WAIT = 0.02
_MOST_POLL_SECONDS = 0.1
# Generous, for a wait costs nothing when it passes: on a busy machine a worker alone needs a minute to start.
TIMEOUT_SECONDS = 300.0


def wait_until(predicate: Callable[[], object], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Return as soon as `predicate` is true; fail the test when that takes too long."""
    begun = time.monotonic()
    pause = threading.Event()
    while not predicate():
        waited = time.monotonic() - begun
        if waited > timeout_seconds:
            raise AssertionError(f"Nothing happened within {timeout_seconds} seconds.")
        pause.wait(min(max(_POLL_SECONDS, _POLL_SHARE_OF_WAIT * waited), _MOST_POLL_SECONDS))
