"""What is asked of a database, statement by statement: tests pin how much, and not how long it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from core.storage.db import Database


@contextmanager
def noted_statements(database: Database) -> Iterator[list[str]]:
    """The SQL of every statement that any thread executes meanwhile."""
    noted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        noted.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
