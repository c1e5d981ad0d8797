"""A PostgreSQL for tests and benchmarks: in a temporary folder, reached through a socket there, gone at their end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL

from benchmarks.hosts import Host

# Where Debian keeps the server's programs, one folder for each version.
_DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
_START_SECONDS = 300.0  # on a machine that has other things to do
_POLL_SECONDS = 0.05
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
        if said.returncode:
            raise SystemExit(f"PostgreSQL has made no database: {said.stderr}")
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
            _wait_for(server, folder)
            yield server
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()


def _wait_for(server: PostgreSQLServer, folder: Path) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while not server.answers():
        if time.monotonic() > give_up_at:
            raise SystemExit(f"PostgreSQL has not started: {(folder / 'log').read_text(encoding='utf-8')}")
        time.sleep(_POLL_SECONDS)
