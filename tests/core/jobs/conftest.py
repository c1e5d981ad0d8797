"""A queue on an empty workspace, with the kinds of task of `sample_kinds`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.environment import to_environment
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.settings import Settings
from core.storage.db import Database, open_database
from tests.core.jobs.sample_kinds import KINDS, KINDS_PATH

PROJECT_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, cancel_grace_seconds=0.3)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, KINDS)


@pytest.fixture
def worker_id(queue: TaskQueue) -> str:
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    return "w1"


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts worker processes as another server would; their logs are `tmp_path / f"{worker_id}.log"`."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(worker_id: str, lane: Lane = Lane.NETWORKS) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "core.jobs.worker", "--worker-id", worker_id, "--lane", lane]
        command += ["--log-name", f"{worker_id}.log", "--kinds", KINDS_PATH]
        with (tmp_path / f"{worker_id}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=PROJECT_ROOT,
                env={**os.environ, **to_environment(settings)},
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
