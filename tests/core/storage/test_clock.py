"""The database's clock is asked for in the words of each database."""

import time
from contextlib import closing

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from core.settings import Settings
from core.storage.clock import database_now
from core.storage.db import open_database

pytestmark = pytest.mark.both_databases


def test_it_tells_unix_seconds(settings: Settings) -> None:
    """Between two looks at this host's clock, to the millisecond, and never backwards."""
    with closing(open_database(settings)) as database, database.read_session() as session:
        before = time.time()
        first, second = (session.scalar(select(database_now())) for _ in range(2))
        after = time.time()
    assert before - 0.002 <= first <= second <= after + 0.002


def test_it_can_be_reckoned_with(settings: Settings) -> None:
    """A moment before now is a statement's own matter."""
    with closing(open_database(settings)) as database, database.read_session() as session:
        now, earlier = session.execute(select(database_now(), database_now() - 60.0)).one()
    assert now - earlier == pytest.approx(60.0, abs=0.01)


def test_postgresql_is_asked_for_the_moment_of_the_statement() -> None:
    """Not for the beginning of the transaction, which may have waited for a lock."""
    text = str(select(database_now()).compile(dialect=postgresql.dialect()))
    assert "clock_timestamp()" in text
    assert "DOUBLE PRECISION" in text
