"""Tells workers and supervisors of new tasks at once, on whatever host they are, where the database can.

PostgreSQL passes a word on to all who listen when the transaction is committed in which it was said. SQLite does not;
there, and while the connection is lost, they look again and again as ever.
Source: https://www.postgresql.org/docs/current/sql-notify.html
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import exc as sa_exc
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.storage.db import Database

if TYPE_CHECKING:
    from psycopg import Connection

logger = logging.getLogger(__name__)

_CHANNEL = "bluetit_tasks"
_POSTGRESQL = "postgresql"
_ALIVE_SECONDS = 10.0  # from one question whether the connection still stands to the next: a host may vanish silently
_RETRY_SECONDS = 2.0


def ring(session: Session) -> None:
    """Say that there is a task to be begun, once the transaction is committed."""
    if session.get_bind().dialect.name == _POSTGRESQL:
        session.execute(text(f"NOTIFY {_CHANNEL}"))


class TaskBell:
    """Listens for new tasks in a thread of its own."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        """Prepare to listen; nothing is begun yet.

        Args:
            database: of everybody.
            wake: called when there may be a new task, in the thread that listens: it must neither wait nor fail.
        """
        self._database = database
        self._wake = wake
        self._is_listening = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_listening(self) -> bool:
        """Whether every new task is heard of; else whoever waits has to look."""
        return self._is_listening.is_set()

    def start(self) -> None:
        """Begin to listen, if the database can tell; whoever has begun already goes on."""
        if self._database.engine.dialect.name == _POSTGRESQL and self._thread is None:
            self._stopping = threading.Event()  # of this thread: one that was stopped may be about to end still
            self._thread = threading.Thread(target=self._run, name="task bell", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Listen no more. The thread ends by itself within seconds, and nobody has to wait for that."""
        self._stopping.set()
        self._is_listening.clear()
        self._thread = None

    def _run(self) -> None:
        import psycopg  # where there is PostgreSQL, there is its driver

        stopping = self._stopping
        has_failed = False
        while not stopping.is_set():
            try:
                self._listen(stopping)
                has_failed = False
            except (psycopg.Error, sa_exc.SQLAlchemyError) as exc:
                self._is_listening.clear()
                if not has_failed:
                    logger.warning("New tasks are looked for, not heard of, until the database is back: %s", exc)
                has_failed = True
                stopping.wait(_RETRY_SECONDS)

    def _listen(self, stopping: threading.Event) -> None:
        pooled = self._database.engine.raw_connection()
        connection = cast("Connection[Any]", pooled.driver_connection)
        pooled.detach()  # it is kept for good: the pool makes another one for the others
        try:
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {_CHANNEL}")
            self._is_listening.set()
            self._wake()  # for what came while nobody listened
            while not stopping.is_set():
                for _ in connection.notifies(timeout=_ALIVE_SECONDS, stop_after=1):
                    self._wake()
                    break
                else:
                    connection.execute("SELECT 1")
        finally:
            self._is_listening.clear()
            connection.close()
