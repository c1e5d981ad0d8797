"""Worker processes as the operating system sees them."""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import psutil

from core.jobs.views import WorkerView

NUM_LOGS_KEPT = 200  # of workers; one in a cluster has written of a single task

_END_SECONDS = 5.0  # longest wait until a killed process is gone
# Of workers beside the server, by which it has three times their share of a processor that both want (Linux weighs each
# step with 1.25).
_NICENESS = 5


def this_host() -> str:
    """A name for the set of processes that this one can see.

    Containers can share a host name and still not see each other's processes; Linux numbers their sets.
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        return socket.gethostname()
    return f"{socket.gethostname()} {namespace}"


def give_way() -> None:
    """Have this process wait where others want the processor: people wait for the server, not for its workers.

    Where Linux shares the processor among sessions first, of which a worker has one of its own, that one gives way.
    Source: sched(7), "The autogroup feature".
    """
    if psutil.WINDOWS:
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    psutil.Process().nice(min(19, psutil.Process().nice() + _NICENESS))
    group = Path("/proc/self/autogroup")
    if group.is_file():
        with contextlib.suppress(OSError):  # refused where it has been changed a moment ago: then it stays as it is
            group.write_text(f"{_NICENESS}")


def is_running(worker: WorkerView) -> bool | None:
    """Whether a worker's process exists; None when that cannot be told from here."""
    if worker.host != this_host():
        return None
    try:
        return _find(worker) is not None
    except psutil.AccessDenied:
        return None


def end_process(worker: WorkerView) -> bool:
    """Kill a worker of this host; False when there is no such process or it cannot be ended."""
    if worker.host != this_host():
        return False
    try:
        process = _find(worker)
        if process is None:
            return False
        process.kill()
        process.wait(_END_SECONDS)
        end_left_behind(worker.pid)
    except psutil.NoSuchProcess:
        return True
    except (psutil.AccessDenied, psutil.TimeoutExpired):
        return False
    return True


def end_left_behind(pid: int) -> None:
    """Kill what a worker that is gone had begun and could not end: programs that prove an export, browsers.

    Workers begin groups of processes that have their number. While a group has members the system gives its number to
    nobody else, so a group whose first process is gone is the worker's. No effect on Windows.

    Args:
        pid: of the worker, on this host.
    """
    if sys.platform == "win32" or pid <= 1 or psutil.pid_exists(pid):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left, or not ours
        os.killpg(pid, signal.SIGKILL)


def worker_log_name(worker_id: str) -> str:
    """Name of a worker's log file in the folder of logs."""
    return f"worker-{worker_id}.log"


def remove_old_logs(folder: Path, *, num_kept: int) -> None:
    """Delete all but the newest logs of workers."""
    with contextlib.suppress(FileNotFoundError):  # another server does the same at the moment
        logs = sorted(folder.glob(worker_log_name("*")), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in logs[num_kept:]:
            with contextlib.suppress(PermissionError):  # Windows: a worker still writes to it
                path.unlink()


def _find(worker: WorkerView) -> psutil.Process | None:
    """The process of a worker.

    The operating system gives process numbers again. The command line carries the worker's unique name, which
    clock changes cannot blur; from here to `kill`, psutil itself compares the time the process was created.
    """
    try:
        process = psutil.Process(worker.pid)
        return process if worker.id in process.cmdline() else None
    except psutil.NoSuchProcess:  # ZombieProcess is one of them
        return None
