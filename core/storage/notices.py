"""What the database tells by itself: that there is a task, that something has changed which somebody looks at.

PostgreSQL passes a word on to all who listen when the transaction is committed in which it was said. A process has one
connection for that, from which everybody in it hears. SQLite does not tell; there, and while the connection is lost,
whoever waits looks again and again.
Source: https://www.postgresql.org/docs/current/sql-notify.html
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Engine
from sqlalchemy import exc as sa_exc

if TYPE_CHECKING:
    from psycopg import Connection

logger = logging.getLogger(__name__)

POSTGRESQL = "postgresql"
TASKS = "bluetit_tasks"  # channel: there is a task to be begun
CHANGES = "bluetit_changes"  # channel: a row has changed; the word is a topic, said by triggers (migration 0029)

_ALIVE_SECONDS = 10.0  # from one question whether the connection still stands to the next: a host may vanish silently
_RETRY_SECONDS = 2.0
_MAX_KEY_CHARS = 200  # of a task's key in a topic, as the triggers cut it: a word has 8,000 bytes at most


def run_topic(run_id: int) -> str:
    """Of one run."""
    return f"run:{run_id}"


def runs_topic(space_id: int | None) -> str:
    """Of all runs of a space."""
    return f"runs:{space_id or 0}"


def dataset_topic(dataset_id: int) -> str:
    """Of a dataset, its imports, its check, and the links of phones into it."""
    return f"dataset:{dataset_id}"


def task_topic(key: str) -> str:
    """Of the tasks with a key, and of their progress."""
    return f"task:{key[:_MAX_KEY_CHARS]}"


def tasks_topic(space_id: int | None, kind: str) -> str:
    """Of the tasks of a kind in a space, and of their progress."""
    return f"tasks:{space_id or 0}:{kind}"


class Hearing:
    """Somebody who is called at each word on a channel, until it is closed."""

    def __init__(self, notices: "Notices", channel: str) -> None:
        self._notices = notices
        self._channel = channel

    @property
    def is_certain(self) -> bool:
        """Whether every word is heard; else whoever waits has to look."""
        return self._notices.is_listening(self._channel)

    def close(self) -> None:
        """Hear no more."""
        self._notices.forget(self)


class Notices:
    """Listens for all in this process who want to hear; every method may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        """Listen to nothing yet: the connection is made for the first who wants to hear."""
        self._engine = engine
        self._lock = threading.Lock()
        self._heard: dict[Hearing, tuple[str, frozenset[str] | None, Callable[[], None]]] = {}
        self._channels: frozenset[str] = frozenset()  # that are to be listened to
        self._listening: frozenset[str] = frozenset()  # that are, at this moment
        self._stopping = threading.Event()  # of the thread that listens now: one before it may be about to end still

    def hear(self, channel: str, wake: Callable[[], None], topics: frozenset[str] | None = None) -> Hearing:
        """Have a function called at each word on a channel, and whenever words may have been missed.

        Args:
            channel: `TASKS` or `CHANGES`.
            wake: called in the thread that listens: it must neither wait nor fail.
            topics: the words that matter; None: all.
        """
        hearing = Hearing(self, channel)
        with self._lock:
            self._heard[hearing] = (channel, topics, wake)
            if channel not in self._channels and self._engine.dialect.name == POSTGRESQL:
                self._begin(self._channels | {channel})
        return hearing

    def forget(self, hearing: Hearing) -> None:
        """Call somebody no more; the connection stays for whoever comes next."""
        with self._lock:
            self._heard.pop(hearing, None)

    def is_listening(self, channel: str) -> bool:
        """Whether every word on a channel is heard."""
        return channel in self._listening

    def close(self) -> None:
        """Listen no more. The thread ends by itself within seconds, and nobody has to wait for that."""
        with self._lock:
            self._stopping.set()
            self._heard.clear()
            self._listening = frozenset()

    def _begin(self, channels: frozenset[str]) -> None:
        self._stopping.set()
        self._stopping, self._channels, self._listening = threading.Event(), channels, frozenset()
        thread = threading.Thread(target=self._run, args=(self._stopping, channels), name="notices", daemon=True)
        thread.start()

    def _run(self, stopping: threading.Event, channels: frozenset[str]) -> None:
        import psycopg  # where there is PostgreSQL, there is its driver

        has_failed = False
        while not stopping.is_set():
            try:
                self._listen(stopping, channels)
                has_failed = False
            except (psycopg.Error, sa_exc.SQLAlchemyError) as exc:
                if not has_failed:
                    logger.warning(
                        "Tasks and changes are looked for, not heard of, until the database is back: %s", exc
                    )
                has_failed = True
                stopping.wait(_RETRY_SECONDS)

    def _listen(self, stopping: threading.Event, channels: frozenset[str]) -> None:
        pooled = self._engine.raw_connection()
        connection = cast("Connection[Any]", pooled.driver_connection)
        pooled.detach()  # it is kept for good: the pool makes another one for the others
        try:
            connection.rollback()
            connection.autocommit = True
            for channel in sorted(channels):
                connection.execute(f"LISTEN {channel}")
            self._note_listening(stopping, channels)
            while not stopping.is_set():
                is_quiet = True
                # One, and all that have come with it.
                for notice in connection.notifies(timeout=_ALIVE_SECONDS, stop_after=1):
                    self._tell(stopping, notice.channel, notice.payload)
                    is_quiet = False
                if is_quiet:
                    connection.execute("SELECT 1")
        finally:
            connection.close()
            self._note_listening(stopping, frozenset())

    def _note_listening(self, stopping: threading.Event, channels: frozenset[str]) -> None:
        """From now on every word is heard, or none; what came before, or comes now, may have been missed."""
        with self._lock:
            if stopping is self._stopping and not stopping.is_set():
                self._listening = channels
                for _, _, wake in self._heard.values():
                    wake()

    def _tell(self, stopping: threading.Event, channel: str, topic: str) -> None:
        with self._lock:
            if stopping is self._stopping:
                for of_channel, topics, wake in self._heard.values():
                    if of_channel == channel and (topics is None or topic in topics):
                        wake()
