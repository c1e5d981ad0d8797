"""The real app as a process of its own, for tests that look at it with a browser."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.environment import to_environment
from core.settings import Settings
from tests.conftest import PROJECT_DIR
from tests.hosts import Host
from tests.waiting import wait_until
from tests.worker_processes import is_gone, workers_below

START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 60.0
# A worker in the middle of preparing a network finishes that before it leaves.
WORKER_STOP_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningApp:
    """An app that answers at `url`."""

    url: str
    settings: Settings
    process: subprocess.Popen[bytes]
    log_path: Path

    def workers(self) -> list[psutil.Process]:
        """The app's worker processes that are alive."""
        return workers_below(psutil.Process(self.process.pid))

    def log(self) -> str:
        """What the server has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")


@contextmanager
def running_app(
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
    options: Sequence[str] = (),
    log_name: str = "streamlit.log",
    host: Host | None = None,
    may_fail: bool = False,
) -> Iterator[RunningApp]:
    """Start the app as a person does, and end it with its workers; a traceback in the server's log is a failure.

    Args:
        settings: handed over as environment variables; the workspace folder also gets the server's log.
        environment: further variables, such as `KERAS_HOME`.
        port: on which it listens; None: one that is free.
        options: further ones for `streamlit run`.
        log_name: of the server's log, where several have one workspace.
        host: where it runs; None: here.
        may_fail: whether a traceback in its log is none of the test's business.
    """
    settings.workspace_dir.mkdir(parents=True, exist_ok=True)
    log_path = settings.workspace_dir / log_name
    port = port if port is not None else free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true", *options]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command if host is None else host.command(command),
            cwd=PROJECT_DIR,
            env={**os.environ, **to_environment(settings), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    place = "localhost" if host is None else host.address
    app = RunningApp(url=f"http://{place}:{port}", settings=settings, process=process, log_path=log_path)
    try:
        wait_until(lambda: _answers(app), START_TIMEOUT_SECONDS)
        yield app
        # Streamlit itself writes a traceback when a tab is closed while the server sends to it.
        assert may_fail or f'File "{PROJECT_DIR}' not in app.log(), app.log()
    finally:
        _end(app)


@contextmanager
def serving_script(script: Path, log_path: Path, *options: str) -> Iterator[str]:
    """Serve a page of a test's own as the app is served, and give its address; a traceback of ours is a failure.

    Args:
        script: of the page, below the project's folder.
        log_path: where the server's log goes.
        options: further ones for `streamlit run`.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.port", str(port), "--server.headless", "true", *options]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://localhost:{port}"
    try:
        wait_until(lambda: _is_healthy(url), START_TIMEOUT_SECONDS)
        yield url
        written = log_path.read_text(encoding="utf-8", errors="replace")
        assert f'File "{PROJECT_DIR}' not in written, written
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_SECONDS)


def free_port() -> int:
    """One at which nobody listens at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(app: RunningApp) -> bool:
    if app.process.poll() is not None:
        raise AssertionError(f"The app ended with code {app.process.returncode}:\n{app.log()}")
    return _is_healthy(app.url)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _end(app: RunningApp) -> None:
    workers = app.workers() if app.process.poll() is None else []
    app.process.terminate()
    app.process.wait(STOP_TIMEOUT_SECONDS)
    try:
        wait_until(lambda: all(map(is_gone, workers)), WORKER_STOP_TIMEOUT_SECONDS)
    finally:
        for worker in workers:
            if not is_gone(worker):
                worker.kill()
