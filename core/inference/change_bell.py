"""Telling those who wait that something has changed, from any thread, without anybody looking again and again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ChangeBell:
    """Whoever listens is called at each change; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have a function called at each change until the block is left.

        Look at what may have changed inside the block: what happens before that look is seen, what happens after it
        rings.

        Args:
            wake: called by the thread that changed something, which may hold locks: it must neither wait nor fail.
        """
        mark = object()
        with self._lock:
            self._listeners[mark] = wake
        try:
            yield
        finally:
            with self._lock:
                del self._listeners[mark]

    @property
    def num_listeners(self) -> int:
        """How many listen."""
        with self._lock:
            return len(self._listeners)

    def ring(self) -> None:
        """Call all who listen."""
        with self._lock:
            for wake in self._listeners.values():
                wake()
