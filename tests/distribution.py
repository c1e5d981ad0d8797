"""How the tests are shared between processes: whole files, the dearest first, few with a browser at the same time.

Files stay whole, for what their tests share (a server, a browser, a trained run) is made once for a file.
"""

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# With Keras loaded a process takes a gigabyte; more of them than this would need memory that few machines have.
MAX_PROCESSES = 8
# Each has a server, its workers and a browser of several processes beside it.
MAX_BROWSER_FILES_AT_ONCE = 2
BROWSER_TESTS = "tests/e2e/"
# Seconds of a test that needs such a fixture, roughly, on a quiet machine: only the order of files follows from them.
SECONDS_OF_FIXTURE = {
    "chromium": 4.0,
    "services": 2.0,
    "start_worker": 2.0,
    "made": 2.0,  # exports of a small model
    "member": 1.5,  # of a family of networks
    "prepared_cache": 1.0,
    "visit": 0.6,  # to a page, without a browser
    "database": 0.1,
}
SECONDS_OF_TEST = 0.05


def num_processes(arguments: Iterable[str]) -> int:
    """Processes that share the tests; none beside pytest for a single file.

    Two more than cores: those with a browser wait for it and for its server more often than not.

    Args:
        arguments: what pytest is to test: folders, files, names of tests.
    """
    files = {argument.partition("::")[0] for argument in arguments}
    if len(files) == 1 and all(name.endswith(".py") for name in files):
        return 0
    return min((os.cpu_count() or 1) + MAX_BROWSER_FILES_AT_ONCE, MAX_PROCESSES)


def sort_by_cost(items: list[pytest.Item]) -> None:
    """Put the tests of dear files first: begun last, such a file would keep one process at work alone.

    All with a browser come before all others: a process keeps its browser and its app until a test has need of neither.
    """
    seconds: Counter[str] = Counter()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        seconds[_file_of(item.nodeid)] += max(
            (SECONDS_OF_FIXTURE.get(name, SECONDS_OF_TEST) for name in fixtures), default=SECONDS_OF_TEST
        )
    files = {file: (not _needs_browser(file), -cost) for file, cost in seconds.items()}
    items.sort(key=lambda item: files[_file_of(item.nodeid)])


class FilesByCost(LoadFileScheduling):
    """Hands out files in the order of the collection, but never too many with a browser at the same time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.config.option.loadscopereorder = False  # which would put those with the most tests first

    def _assign_work_unit(self, node: Any) -> None:
        others = [work for other, work in self.assigned_work.items() if other is not node]
        num_browsers = sum(any(map(_needs_browser, _unfinished(work))) for work in others)
        if num_browsers >= MAX_BROWSER_FILES_AT_ONCE:
            other_file = next((name for name in self.workqueue if not _needs_browser(name)), None)
            if other_file is not None:
                self.workqueue.move_to_end(other_file, last=False)
        super()._assign_work_unit(node)


def _file_of(node_id: str) -> str:
    return node_id.partition("::")[0]


def _needs_browser(file: str) -> bool:
    return file.startswith(BROWSER_TESTS)


def _unfinished(work: dict[str, dict[str, bool]]) -> list[str]:
    return [file for file, is_done in work.items() if not all(is_done.values())]
