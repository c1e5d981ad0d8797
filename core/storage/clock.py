"""The database's clock: what several hosts write and compare must not depend on whose clock is right."""

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class database_now(FunctionElement[float]):  # noqa: N801  # written like the functions of SQLAlchemy
    """Unix seconds at the moment of the statement, at least to the millisecond, as a column of a statement.

    With PostgreSQL they are those of its server, whoever asks. SQLite has no server, so they are the host's own; hosts
    do not share an SQLite database.
    """

    type = Float()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _of_sqlite(_: database_now, __: SQLCompiler, **___: Any) -> str:
    # Days since noon in Greenwich on November 24, 4714 BC; 1970 begins at 2440587.5.
    # Source: https://www.sqlite.org/lang_datefunc.html
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _of_postgresql(_: database_now, __: SQLCompiler, **___: Any) -> str:
    # `now()` would be when the transaction began, which may have waited for a lock since.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"
