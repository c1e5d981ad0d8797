"""What spaces have of what they may have: for themselves when it becomes much, for the teacher who looks after all."""

import threading
import time

from core.jobs.recent_work import seconds_in_last_hour
from core.runs.desk import TRAIN_KIND
from core.settings import Settings
from core.storage.db import Database
from core.storage.limits import SpaceUse, tell_nearly_full
from core.storage.own_use import read_uses

_KEPT_SECONDS = 5.0  # a page is made anew with each click; what it says may be as old as this


def usage_of(database: Database, settings: Settings, space_id: int) -> SpaceUse:
    """What one space has.

    Args:
        database: of whomever.
        settings: tell where the files are.
        space_id: whose.
    """
    return _read(database.of_space(space_id), settings).get(space_id, SpaceUse())


def usage_of_all(database: Database, settings: Settings) -> dict[int, SpaceUse]:
    """What every space has, by its number; those that have nothing are left out. Arguments as above.

    However many spaces there are, the database is asked some questions at once, not some for each.
    """
    return _read(database.of_space(None), settings)


def _read(database: Database, settings: Settings) -> dict[int, SpaceUse]:
    with database.read_session() as session:
        return read_uses(session, settings, training_seconds=seconds_in_last_hour(session, [TRAIN_KIND]))


class SpaceMeter:
    """Tells whoever is in a space of what they have nearly as much as they may; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        """Make a meter.

        Args:
            database: of a space, or of all, who have no limits.
        """
        self._database = database
        self._lock = threading.Lock()
        self._told: list[str] = []
        self._told_at = -_KEPT_SECONDS

    def nearly_full(self) -> list[str]:
        """What is nearly used up, such as "1,700 of 2,000 photos"; mostly nothing."""
        room, space_id = self._database.room, self._database.space_id
        if room is None or space_id is None:
            return []
        with self._lock:
            if time.monotonic() - self._told_at >= _KEPT_SECONDS:
                self._told = tell_nearly_full(room.limits, usage_of(self._database, room.settings, space_id))
                self._told_at = time.monotonic()
            return self._told
