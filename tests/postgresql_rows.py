"""What tests do to a PostgreSQL: take a database away for a while, and empty its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, make_url, true

from core.storage.schema import HOME_SPACE_ID, Base

_SUPERUSER = "postgres"


@contextmanager
def away(url: str) -> Iterator[None]:
    """Have a database answer nobody within the block, as if its server were not there.

    Args:
        url: as `PostgreSQLServer.new_database` gave it.
    """
    made = make_url(url)
    place = made.query.get("host") or made.host
    with psycopg.connect(f"host={place} user={_SUPERUSER}", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {made.database} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (made.database,)
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {made.database} ALLOW_CONNECTIONS true")


def empty_tables(connection: Connection) -> None:
    """Delete all rows and begin to count anew: as good as a new database, in a tenth of the time."""
    for table in reversed(Base.metadata.sorted_tables):
        # Every database has the space of whoever is alone.
        others = table.c.id != HOME_SPACE_ID if table.name == "spaces" else true()
        connection.execute(table.delete().where(others))
    connection.exec_driver_sql("SELECT setval(oid, 1, relname = 'spaces_id_seq') FROM pg_class WHERE relkind = 'S'")
