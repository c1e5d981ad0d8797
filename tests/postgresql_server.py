"""A PostgreSQL of the tests' own: in a temporary folder, reached through a socket there, gone when they are done."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, make_url, true

from core.storage.schema import HOME_SPACE_ID, Base
from tests.hosts import Host
from tests.waiting import wait_until

# Where Debian keeps the server's programs, one folder for each version.
_DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
_UNPRIVILEGED_USER = "nobody"  # the server refuses to be root
_SUPERUSER = "postgres"
# A crash may lose everything: nobody needs it. Threads of many tests connect.
_OPTIONS = tuple(
    f"--{option}"
    for option in (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "listen_addresses=",
        "max_connections=200",
    )
)
# The end of the input is also that of a process that was killed. QUIT: at once, whoever is connected.
_SERVE_WHILE_INPUT_IS_OPEN = '"$@" & cat >/dev/null; kill -QUIT $!; wait; rm -rf "$0"'


def find_programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, of the newest version on this machine; None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN_PROGRAMS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class PostgreSQLServer:
    """A running server."""

    def __init__(self, folder: Path, host: Host | None = None) -> None:
        self._place = str(folder) if host is None else host.address
        self._address = f"host={self._place} user={_SUPERUSER}"
        self._num_made = 0

    def answers(self) -> bool:
        """Whether it has started."""
        try:
            psycopg.connect(self._address).close()
        except psycopg.OperationalError:
            return False
        return True

    def new_database(self) -> str:
        """Make a database without tables; its SQLAlchemy URL."""
        self._num_made += 1
        name = f"bluetit_{self._num_made}"
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = URL.create("postgresql+psycopg", username=_SUPERUSER, database=name, query={"host": self._place})
        return url.render_as_string(hide_password=False)


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


@contextmanager
def running_postgresql(programs: Path, host: Host | None = None) -> Iterator[PostgreSQLServer]:
    """Start a server on an empty folder, and end it; it also ends, and its folder goes, when these tests are killed.

    Args:
        programs: of `find_programs`.
        host: where it runs, and is reached by whoever comes; None: here, through a socket.
    """
    # Not below pytest's folder, which only the owner may enter; and a socket's path has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="bluetit-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = _UNPRIVILEGED_USER if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        init = [programs / "initdb", "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        said = subprocess.run(init, user=user, cwd="/", capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        options = list(_OPTIONS)
        if host is not None:
            options += [f"--listen_addresses={host.address}"]
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all trust\n")
        serve = [
            "sh",
            "-c",
            _SERVE_WHILE_INPUT_IS_OPEN,
            folder,
            programs / "postgres",
            "-D",
            data,
            "-k",
            folder,
            *options,
        ]
        if host is not None and user is not None:  # only there: to enter a host's network one has to be root
            serve = host.command(["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", *serve])
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                serve,
                user=user if host is None else None,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        server = PostgreSQLServer(folder, host)
        try:
            wait_until(server.answers)
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
