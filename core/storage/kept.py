"""What was read last from large columns and files, so that it is read again only after it has changed."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")

# Size in bytes and time of the last change in nanoseconds: another version of a file has another.
FileMark = tuple[int, int]


def file_mark(path: Path) -> FileMark | None:
    """The mark of a file; None where there is none, or it may not be looked at: whoever reads it says why."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


class KeptReadings(Generic[Value]):
    """Readings by key, each with a mark that is another one whenever the thing was changed; safe between threads.

    Read the mark first, then the thing: a change in between then makes it be read once more, and is never missed.
    """

    def __init__(self, max_weight: int) -> None:
        """Begin with nothing kept.

        Args:
            max_weight: of all readings together, each of which weighs 1 where its keeper says nothing else.
        """
        self._max_weight = max_weight
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, Value, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, mark: Hashable) -> Value | None:
        """The reading with this mark; None where there is none."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != mark:
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def keep(self, key: Hashable, mark: Hashable, value: Value, *, weight: int = 1) -> None:
        """Put a reading in the place of the one before; the longest unused ones are forgotten, never this one."""
        with self._lock:
            before = self._kept.pop(key, None)
            self._weight += weight - (before[2] if before is not None else 0)
            self._kept[key] = (mark, value, weight)
            while self._weight > self._max_weight and len(self._kept) > 1:
                self._weight -= self._kept.popitem(last=False)[1][2]

    def read(self, key: Hashable, mark: Hashable, read: Callable[[], Value], *, weight: int = 1) -> Value:
        """The reading with this mark, made now where there is none; two who ask at once may both make it.

        Raises:
            Exception: what reading raised; nothing is kept.
        """
        kept = self.get(key, mark)
        if kept is None:
            kept = read()
            self.keep(key, mark, kept, weight=weight)
        return kept
