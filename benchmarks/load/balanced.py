"""Two page servers and a worker on one PostgreSQL, behind nginx, as processes of this machine."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil

from benchmarks.load.server import (
    NUM_MODELS,
    PROJECT_DIR,
    Server,
    begin_app,
    begin_module,
    end_app,
    fill,
    free_port,
    served,
    wait_until_healthy,
)
from benchmarks.train import tell
from core.settings import Settings

_LOCAL = "127.0.0.1"
_ADDRESSES = ("127.0.0.1:8501", "127.0.0.1:8502")  # of the servers in the documentation's configuration
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])  # where Debian has nginx
_START_SECONDS = 60.0
_POLL_SECONDS = 0.1
_MAIN = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@contextmanager
def balanced_servers(settings: Settings, *, num_models: int = NUM_MODELS) -> Iterator[Server]:
    """Fill the workspace and a new database, and run the app on them, twice; see `fill`.

    Raises:
        SystemExit: PostgreSQL or nginx is not installed, or something has not started.
    """
    from benchmarks.postgresql_server import find_programs, running_postgresql  # whose driver only this needs

    programs, nginx = find_programs(), shutil.which("nginx", path=_PLACES)
    if programs is None or nginx is None:
        raise SystemExit("Two servers need PostgreSQL and nginx: apt install postgresql nginx.")
    with ExitStack() as running:
        postgresql = running.enter_context(running_postgresql(programs))
        settings = replace(settings, database_url=postgresql.new_database(), trusted_proxies=(_LOCAL,))
        contents = fill(settings, num_models)
        tell("starting two servers, a worker and nginx")
        folder = settings.workspace_dir
        worker = begin_module(["pages.command", "worker"], settings, folder / "worker.log")
        running.callback(end_app, worker)
        ports, pages = [free_port() for _ in _ADDRESSES], []
        for port in ports:
            log_path = folder / f"server-{port}.log"
            process, url = begin_app(replace(settings, max_workers=0), log_path, port=port)
            running.callback(end_app, process)
            pages.append(process)
            wait_until_healthy(url, process, log_path)
        url = running.enter_context(_running_nginx(nginx, ports, folder / "nginx"))
        yield served(url, settings, contents, *pages)


@contextmanager
def _running_nginx(program: str, ports: list[int], folder: Path) -> Iterator[str]:
    """nginx with the documentation's configuration, at the root of an address, which is given."""
    block = (PROJECT_DIR / "docs" / "nginx-balanced.conf").read_text(encoding="utf-8")
    port = free_port()
    # As docs/scale-out.md says for the root of a host.
    before, _, rest = block.partition("    location = /photos {")
    block = before + rest.partition("    }\n")[2].replace("location /photos/ {", "location / {")
    changes = {"listen 80;": f"listen {_LOCAL}:{port};", "photos.example.org": "localhost"}
    changes |= {"$bluetit_servers$bluetit_address;": "$bluetit_servers;"}
    changes |= {old: f"{_LOCAL}:{new}" for old, new in zip(_ADDRESSES, ports, strict=True)}
    for old, new in changes.items():
        block = block.replace(old, new)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    user = "user root;" if os.name == "posix" and os.geteuid() == 0 else ""  # else it may not write into the folder
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, server=block, user=user), encoding="utf-8")
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = psutil.Popen(command, stdin=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    try:
        _wait_for(url, process, folder / "error.log")
        yield url
    finally:
        end_app(process)


def _wait_for(url: str, process: psutil.Popen, log_path: Path) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            httpx.get(f"{url}/_stcore/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise SystemExit(f"nginx does not answer: {log_path.read_text(encoding='utf-8')}")
