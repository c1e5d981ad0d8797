"""A PostgreSQL of the tests' own: in a temporary folder, reached through a socket there, gone when they are done."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection

from core.storage.schema import Base

# Where Debian keeps the server's programs, one folder for each version.
_DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
_UNPRIVILEGED_USER = "nobody"  # the server refuses to be root
_SUPERUSER = "postgres"
# A crash may lose everything: nobody needs it. Threads of many tests connect.
_OPTIONS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses= -c max_connections=200"


def find_programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, of the newest version on this machine; None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN_PROGRAMS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class PostgreSQLServer:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._num_made = 0

    def new_database(self) -> str:
        """Make a database without tables; its SQLAlchemy URL."""
        self._num_made += 1
        name = f"bluetit_{self._num_made}"
        with psycopg.connect(f"host={self._folder} user={_SUPERUSER}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = URL.create("postgresql+psycopg", username=_SUPERUSER, database=name, query={"host": str(self._folder)})
        return url.render_as_string(hide_password=False)


def empty_tables(connection: Connection) -> None:
    """Delete all rows and begin to count anew: as good as a new database, in a tenth of the time."""
    for table in reversed(Base.metadata.sorted_tables):
        connection.execute(table.delete())
    connection.exec_driver_sql("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")


@contextmanager
def running_postgresql(programs: Path) -> Iterator[PostgreSQLServer]:
    """Start a server on an empty folder, and end it."""
    # Not below pytest's folder, which only the owner may enter; and a socket's path has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="bluetit-pg-") as name:
        folder = Path(name)
        user = _UNPRIVILEGED_USER if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        _run([programs / "initdb", "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        start = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-o", f"{_OPTIONS} -k {folder}", "-t", "300"]
        _run([*start, "-w", "start"], user)
        try:
            yield PostgreSQLServer(folder)
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)


def _run(command: Sequence[str | Path], user: str | None) -> None:
    # Into a file, not a pipe: the server inherits it, and `run` would wait for its end.
    with tempfile.TemporaryFile() as said:
        result = subprocess.run(command, user=user, cwd="/", stdout=said, stderr=subprocess.STDOUT, check=False)
        said.seek(0)
        assert result.returncode == 0, said.read().decode(errors="replace")
