"""How long ago something was written down, although somebody may have set the clock since.

The database keeps moments by the clock of its computer. When that jumps, by a day, say, what happened a minute ago
would seem to be of yesterday, or of tomorrow. A process knows better: it has another clock that nobody can set, sees
the two part, and knows of each moment by which of the two times it was written.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Clocks that are kept right are moved by less, a little at a time; and reading both takes its time.
_JUMP_SECONDS = 30.0
_LOOK_SECONDS = 90.0  # a jump is noticed so long after it at most, where `look` is called once a minute
_REMEMBERED = 8  # jumps; of moments before them nobody asks


@dataclass(slots=True, kw_only=True)
class _Reign:
    """A time in which the clock went steadily."""

    offset: float  # seconds from the steady clock to the one of the database
    begins: float  # by the steady clock
    ends: float = math.inf


class SteadyClock:
    """Ages of moments in the database; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._reigns: list[_Reign] = []

    def look(self, now: float) -> None:
        """Notice whether somebody has set the clock: to be called about once a minute.

        Args:
            now: by the clock of the database, in Unix seconds.
        """
        with self._lock:
            steady = self._clock()
            offset = now - steady
            if not self._reigns:
                self._reigns.append(_Reign(offset=offset, begins=-math.inf))
            elif abs(offset - self._reigns[-1].offset) > _JUMP_SECONDS:
                self._reigns[-1].ends = steady
                self._reigns.append(_Reign(offset=offset, begins=steady - _LOOK_SECONDS))
                del self._reigns[:-_REMEMBERED]
            else:
                self._reigns[-1].offset = offset

    def age(self, moment: float, now: float) -> float:
        """How many seconds ago a moment was written down, 0 or more; infinity where it is from no time that can be.

        Args:
            moment: by the clock of the database, in Unix seconds.
            now: by the same clock.
        """
        self.look(now)
        with self._lock:
            steady = self._clock()
            for reign in reversed(self._reigns):
                written = moment - reign.offset
                if reign.begins <= written <= min(reign.ends, steady + _JUMP_SECONDS):
                    return max(0.0, steady - written)
            return math.inf


PROCESS_CLOCK = SteadyClock()  # of this process
