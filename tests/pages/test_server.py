"""The server itself, started as the README says."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.settings import Settings, to_environment
from pages.server import SECURITY_HEADERS
from tests.conftest import PREPARE_TIMEOUT_SECONDS, PROJECT_DIR
from tests.waiting import wait_until


@pytest.fixture
def url(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A running server on an empty workspace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--server.headless=true"],
            cwd=PROJECT_DIR,
            env={**os.environ, **to_environment(settings)},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    address = f"http://localhost:{port}"
    wait_until(lambda: answers(address), 60)
    yield address
    server.terminate()
    server.wait(30)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return response.status == 200
    except urllib.error.URLError:
        return False


def test_the_default_network_is_prepared_before_anybody_visits(url: str, settings: Settings, lite0: Backbone):
    """Starting the server is enough: the first visitor finds the network ready."""
    wait_until(lambda: find_artefact(lite0, settings), PREPARE_TIMEOUT_SECONDS)


def test_every_answer_carries_the_security_headers(url: str):
    """No other site can frame the app, and files are never taken for something else."""
    for path in ("/", "/_stcore/health", "/no-such-page"):
        with urllib.request.urlopen(url + path, timeout=10) as response:
            assert all(response.headers[name] == value for name, value in SECURITY_HEADERS.items())
