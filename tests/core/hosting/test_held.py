"""One process at a time holds the class of a workspace."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import HostingError
from core.hosting.held import holding_class

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def note(path: Path, pid: int, since: float) -> None:
    path.write_text(json.dumps({"pid": pid, "since": since}), encoding="utf-8")


def test_another_process_is_named(tmp_path: Path):
    """Two teachers at one folder would make each other's password worthless."""
    with holding_class(tmp_path):
        (path,) = tmp_path.iterdir()
    process = subprocess.Popen(SLEEPER)
    try:
        note(path, process.pid, psutil.Process(process.pid).create_time())
        with pytest.raises(HostingError, match=f"process {process.pid}"), holding_class(tmp_path):
            pass
        # A number that was given to somebody else in the meantime.
        note(path, process.pid, psutil.Process(process.pid).create_time() - 100)
        with holding_class(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path):
    """Nor is a file that says nothing."""
    with holding_class(tmp_path):
        (path,) = tmp_path.iterdir()
    process = subprocess.Popen(SLEEPER)
    since = psutil.Process(process.pid).create_time()
    process.kill()
    process.wait()
    note(path, process.pid, since)
    with holding_class(tmp_path):
        pass
    path.write_text("[]", encoding="utf-8")
    with holding_class(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
