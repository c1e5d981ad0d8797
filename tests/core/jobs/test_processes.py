"""A worker's process is recognised by more than its number, which the system gives again."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.jobs.processes import end_process, is_running, remove_old_logs, this_host, worker_log_name
from core.jobs.queue import TaskQueue
from core.jobs.views import WorkerView
from tests.waiting import wait_until


def worker_with(pid: int, host: str) -> WorkerView:
    return WorkerView(id="w1", pid=pid, host=host, lane="networks", started_at=0.0, heartbeat_at=0.0)


def test_worker_is_found_and_ended(queue: TaskQueue, start_worker: Callable[[str], subprocess.Popen[bytes]]) -> None:
    """A real worker is seen while it runs, can be ended, and is then gone."""
    process = start_worker("w1")
    wait_until(lambda: queue.live_workers(60))
    (worker,) = queue.live_workers(60)
    assert is_running(worker) is True
    assert is_running(replace(worker, id="another")) is False
    assert end_process(worker)
    process.wait(10)
    assert is_running(worker) is False
    assert not end_process(worker)


def test_number_of_another_process() -> None:
    """A number that now belongs to another program is no worker, and that program is left alone."""
    worker = worker_with(os.getpid(), this_host())
    assert is_running(worker) is False
    assert not end_process(worker)


def test_other_host() -> None:
    """Nothing is known about, nor done to, processes of another host."""
    worker = worker_with(os.getpid(), "elsewhere")
    assert is_running(worker) is None
    assert not end_process(worker)


def test_old_logs_go(tmp_path: Path) -> None:
    """The newest logs are kept, and other files are not touched."""
    for age, name in enumerate(["a", "b", "c"]):
        path = tmp_path / worker_log_name(name)
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "notes.txt").touch()
    remove_old_logs(tmp_path, num_kept=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "worker-a.log", "worker-b.log"]
