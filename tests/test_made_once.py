"""What one of the processes that share the tests makes for all."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.made_once import made_once


def process(run_folder: Path, name: str) -> Any:
    """What a process of this run of pytest knows of its temporary folder."""
    folder = run_folder / name
    folder.mkdir()
    return SimpleNamespace(getbasetemp=lambda: folder)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    return [process(tmp_path, name) for name in ("popen-gw0", "popen-gw1")]


def test_one_makes_it_and_the_other_waits(processes: list[Any]) -> None:
    """Both get the same folder, whole, and it is filled once."""
    has_begun, may_end = threading.Event(), threading.Event()
    found: list[Path] = []

    def fill(folder: Path) -> None:
        has_begun.set()
        may_end.wait()
        (folder / "network").write_text("whole")

    def make_twice(folder: Path) -> None:
        raise AssertionError("It is being made already.")

    first = threading.Thread(target=lambda: found.append(made_once(processes[0], "shared", fill)))
    second = threading.Thread(target=lambda: found.append(made_once(processes[1], "shared", make_twice)))
    first.start()
    has_begun.wait()
    second.start()
    assert found == []
    may_end.set()
    first.join()
    second.join()
    assert found[0] == found[1]
    assert (found[0] / "network").read_text() == "whole"


def test_a_failure_is_told_to_the_others(processes: list[Any]) -> None:
    """Nobody waits for what will never be there, or takes what is half made."""

    def fail(folder: Path) -> None:
        (folder / "network").write_text("half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        made_once(processes[0], "shared", fail)
    with pytest.raises(AssertionError, match="Another process failed to make 'shared'"):
        made_once(processes[1], "shared", fail)


def test_a_single_process_keeps_it_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without others, the folder of the run is the process' own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    alone = process(tmp_path, "pytest-0")
    assert made_once(alone, "shared", lambda _: None) == tmp_path / "pytest-0" / "shared"
