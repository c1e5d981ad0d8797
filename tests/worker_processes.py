"""The workers that a server, or a test in its place, has begun, as the operating system sees them."""

import time

import psutil

WORKER_MODULE = "core.jobs.worker"

_POLL_SECONDS = 0.001


def workers_below(process: psutil.Process) -> list[psutil.Process]:
    """The workers alive among what `process` has begun, and what those have; other things may be among them."""
    return [child for child in process.children(recursive=True) if WORKER_MODULE in _command(child)]


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended; an orphan that nobody has asked about yet is a zombie."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _command(process: psutil.Process) -> list[str]:
    """What a process was begun with, empty when it has ended.

    For a moment after `Popen` has returned Linux has no arguments for a process that is alive.
    """
    while not is_gone(process):
        try:
            if command := process.cmdline():
                return command
        except psutil.NoSuchProcess:  # ZombieProcess is one of them
            break
        time.sleep(_POLL_SECONDS)
    return []
