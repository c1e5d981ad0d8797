"""The web server that `docs/deployment.md` describes, as a process of the test's own, in front of a running app."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT_DIR
from tests.hosts import Host
from tests.waiting import wait_until

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 60.0

# Debian puts it where only administrators look.
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
_BLOCK = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
_MAIN = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format requests '$status $request_uri $upstream_addr';
    access_log {folder}/access.log requests;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontServer:
    """A web server that shows an app, below the path `/photos/` as a rule."""

    url: str  # of the app, with a slash at its end
    access_log_path: Path

    def requests(self) -> list[tuple[int, str]]:
        """Status and path of every request that was answered so far."""
        return [(int(status), path) for status, path, _ in self._lines()]

    def server_of(self, part: str) -> str:
        """The server that was asked last for an address with this part, and answered, as address and port."""
        found = [asked for _, path, asked in self._lines() if part in path]
        assert found, self._lines()
        return found[-1].rpartition(", ")[2]

    def _lines(self) -> list[list[str]]:
        lines = self.access_log_path.read_text(encoding="utf-8").splitlines()
        return [line.split(" ", 2) for line in lines]


@contextmanager
def front_server(app_url: str, folder: Path, *, largest_upload: str = "220m") -> Iterator[FrontServer]:
    """Start nginx with the configuration of the documentation, but for ports, host name and the largest upload."""
    port = _free_port()
    (block,) = _BLOCK.findall((PROJECT_DIR / "docs" / "deployment.md").read_text(encoding="utf-8"))
    ours = {
        "http://127.0.0.1:8501": app_url.replace("localhost", "127.0.0.1"),
        "client_max_body_size 220m": f"client_max_body_size {largest_upload}",
    }
    with _serving(_adapted(block, port, ours), folder, port) as running:
        yield running


@contextmanager
def balancing_server(
    servers: Sequence[str], folder: Path, *, path: str = "/photos/", host: Host | None = None
) -> Iterator[FrontServer]:
    """Start nginx with `docs/nginx-balanced.conf`, but for ports and host name.

    Args:
        servers: the two page servers, each an address with a port.
        folder: for what nginx writes; must not exist.
        path: below which the app is shown; "/" for the root of the host.
        host: where it runs; None: here.
    """
    port = _free_port()
    block = (PROJECT_DIR / "docs" / "nginx-balanced.conf").read_text(encoding="utf-8")
    ours = dict(zip(("127.0.0.1:8501", "127.0.0.1:8502"), servers, strict=True))
    block = _adapted(block, port, ours, host)
    if path == "/":  # as docs/scale-out.md says
        whole, _, rest = block.partition("    location = /photos {")
        block = whole + rest.partition("    }\n")[2].replace("location /photos/ {", "location / {")
        block = block.replace("$bluetit_servers$bluetit_address;", "$bluetit_servers;")
    with _serving(block, folder, port, path, host) as running:
        yield running


def _adapted(block: str, port: int, ours: Mapping[str, str], host: Host | None = None) -> str:
    """A configuration with what is the test's own in place of what the documentation has."""
    address, name = ("127.0.0.1", "localhost") if host is None else (host.address, host.address)
    changes = {"listen 80;": f"listen {address}:{port};", "photos.example.org": name, **ours}
    for old, new in changes.items():
        assert old in block
        block = block.replace(old, new)
    return block


@contextmanager
def _serving(
    block: str, folder: Path, port: int, path: str = "/photos/", host: Host | None = None
) -> Iterator[FrontServer]:
    nginx = shutil.which("nginx", path=_PLACES)
    if nginx is None:
        pytest.skip("needs nginx: it is not installed")
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers may not write into the test's folder
    folder.mkdir(parents=True)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, server=block, user=user), encoding="utf-8")
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command if host is None else host.command(command), stdin=subprocess.DEVNULL)
    place = "localhost" if host is None else host.address
    try:
        wait_until(lambda: _listens(place, port, process, folder), START_TIMEOUT_SECONDS)
        yield FrontServer(url=f"http://{place}:{port}{path}", access_log_path=folder / "access.log")
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(place: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
    with socket.socket() as probe:
        return probe.connect_ex((place, port)) == 0
