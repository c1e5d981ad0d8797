"""Tells workers and supervisors of new tasks at once, on whatever host they are, where the database can."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.storage.db import Database
from core.storage.notices import POSTGRESQL, TASKS, Hearing


def ring(session: Session) -> None:
    """Say that there is a task to be begun, once the transaction is committed."""
    if session.get_bind().dialect.name == POSTGRESQL:
        session.execute(text(f"NOTIFY {TASKS}"))


class TaskBell:
    """Hears of new tasks."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        """Prepare to listen; nothing is begun yet.

        Args:
            database: of everybody.
            wake: called when there may be a new task, in another thread: it must neither wait nor fail.
        """
        self._notices = database.notices
        self._wake = wake
        self._hearing: Hearing | None = None

    @property
    def is_listening(self) -> bool:
        """Whether every new task is heard of; else whoever waits has to look."""
        hearing = self._hearing
        return hearing is not None and hearing.is_certain

    def start(self) -> None:
        """Begin to listen, if the database can tell; whoever has begun already goes on."""
        if self._hearing is None:
            self._hearing = self._notices.hear(TASKS, self._wake)

    def stop(self) -> None:
        """Listen no more."""
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            hearing.close()
