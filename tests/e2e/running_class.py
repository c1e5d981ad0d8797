"""`bluetit class` as a process of its own, as a teacher starts it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.environment import to_environment
from core.hosting.addresses import Reach, find_addresses
from core.settings import Settings
from tests.conftest import PROJECT_DIR
from tests.e2e.running_app import START_TIMEOUT_SECONDS, STOP_TIMEOUT_SECONDS, WORKER_STOP_TIMEOUT_SECONDS, free_port
from tests.waiting import wait_until
from tests.worker_processes import is_gone, workers_below

_LAST_LINE = "Ctrl-C stops the class"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningClass:
    """A class that is held on this computer."""

    port: int
    settings: Settings
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def near_url(self) -> str:
        """As the teacher opens it on this computer."""
        return f"http://localhost:{self.port}"

    @property
    def certificate_path(self) -> Path:
        """Of the certificate that Bluetit has made."""
        return self.settings.certificate_path / "certificate.pem"

    def log(self) -> str:
        """What the terminal shows."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def shown(self, label: str) -> str:
        """A word that the terminal shows behind a label."""
        found = re.search(rf"{label}:\s+(\S+)", self.log())
        assert found is not None, self.log()
        return found[1]

    def stop(self) -> int:
        """Press Ctrl-C; the code with which the process ends."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_TIMEOUT_SECONDS)


@contextmanager
def running_class(settings: Settings, *arguments: str, port: int | None = None) -> Iterator[RunningClass]:
    """Hold a class, and end it with its workers; a traceback of ours in the terminal is a failure.

    Args:
        settings: handed over as environment variables; the workspace folder also gets what the terminal shows.
        arguments: further ones of the command.
        port: that it has to take; None: one that is free.
    """
    settings.workspace_dir.mkdir(parents=True, exist_ok=True)
    log_path = settings.workspace_dir / "class.log"
    port = free_port() if port is None else port
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pages.command", "class", "--no-browser", "--port", str(port), *arguments],
            cwd=PROJECT_DIR,
            env={**os.environ, **to_environment(settings), "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = RunningClass(port=port, settings=settings, process=process, log_path=log_path)
    workers: list[psutil.Process] = []
    try:
        wait_until(lambda: _has_begun(running), START_TIMEOUT_SECONDS)
        workers = workers_below(psutil.Process(process.pid))
        yield running
        assert f'File "{PROJECT_DIR}' not in running.log(), running.log()
    finally:
        if process.poll() is None:
            workers += workers_below(psutil.Process(process.pid))
            process.terminate()
            process.wait(STOP_TIMEOUT_SECONDS)
        try:
            wait_until(lambda: all(map(is_gone, workers)), WORKER_STOP_TIMEOUT_SECONDS)
        finally:
            for worker in workers:
                if not is_gone(worker):
                    worker.kill()


def own_address() -> str:
    """An address at which other devices would reach this computer, as it stands in a web address."""
    for each in find_addresses():
        if each.reach is Reach.LOCAL and each.address.version == 4:
            return each.host
    pytest.skip("needs a network")


def _has_begun(running: RunningClass) -> bool:
    if running.process.poll() is not None:
        raise AssertionError(f"The command ended with code {running.process.returncode}:\n{running.log()}")
    return _LAST_LINE in running.log()
