"""What is dear to make and only read afterwards: made by one of the processes that share the tests, for all of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import wait_until

# The dearest is a network, prepared in ten seconds on a quiet machine.
MAKE_TIMEOUT_SECONDS = 600.0


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this run of pytest: the first process that needs it makes it, others wait until it is ready.

    Nothing is kept for the next run, which may be one of other code.

    Args:
        factory: knows the run's temporary folder.
        name: of the folder.
        make: fills the empty folder; when it raises, the tests of the other processes fail, too.
    """
    run_folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose folder is one below that of the run
        run_folder = run_folder.parent
    folder, ready, failed = (run_folder / f"{name}{suffix}" for suffix in ("", ".ready", ".failed"))
    try:
        folder.mkdir()
    except FileExistsError:
        wait_until(lambda: ready.exists() or failed.exists(), MAKE_TIMEOUT_SECONDS)
        assert ready.exists(), f"Another process failed to make {name!r}; see the first failure."
        return folder
    try:
        make(folder)
    except BaseException:
        failed.touch()
        raise
    ready.touch()
    return folder
