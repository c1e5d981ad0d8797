"""What was read last from large columns, so that it is read again only after it has changed."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class KeptReadings(Generic[Value]):
    """Readings by key, each with a mark that is another one whenever the thing was changed; safe between threads.

    Read the mark first, then the thing: a change in between then makes it be read once more, and is never missed.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, Value]] = OrderedDict()

    def get(self, key: Hashable, mark: Hashable) -> Value | None:
        """The reading with this mark; None where there is none."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != mark:
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def keep(self, key: Hashable, mark: Hashable, value: Value) -> None:
        """Put a reading in the place of the one before; the longest unused ones are forgotten."""
        with self._lock:
            self._kept[key] = (mark, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._max_entries:
                self._kept.popitem(last=False)
