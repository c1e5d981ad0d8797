"""How the tests are shared between processes."""

import os
from types import SimpleNamespace

import pytest

from tests.distribution import MAX_PROCESSES, FilesByCost, num_processes, sort_by_cost


@pytest.mark.parametrize(
    ("arguments", "is_shared"),
    [
        (["tests"], True),
        (["tests/core"], True),
        (["tests/core/test_names.py", "tests/core/test_home.py"], True),
        (["tests/core/test_names.py"], False),
        (["tests/core/test_names.py::test_a", "tests/core/test_names.py::test_b"], False),
    ],
    ids=["all", "folder", "two files", "file", "tests of a file"],
)
def test_a_single_file_starts_no_processes(arguments: list[str], is_shared: bool) -> None:
    """Whoever runs one file does not wait for processes that would have nothing to do."""
    expected = min((os.cpu_count() or 1) + 2, MAX_PROCESSES)
    assert num_processes(arguments) == (expected if is_shared else 0)


def test_dear_files_come_first_and_stay_whole() -> None:
    """A browser counts more than many small tests; tests of one file keep their order."""
    tests = [("a.py::1", ()), ("b.py::1", ("prepared_cache",)), ("c.py::1", ("chromium",)), ("b.py::2", ())]
    items = [SimpleNamespace(nodeid=node_id, fixturenames=fixtures) for node_id, fixtures in tests]
    sort_by_cost(items)
    assert [item.nodeid for item in items] == ["c.py::1", "b.py::1", "b.py::2", "a.py::1"]


class Process:
    """What the scheduler sees of a process: the numbers of the tests that it was given."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.given: list[int] = []

    def send_runtest_some(self, indexes: list[int]) -> None:
        self.given += indexes

    def shutdown(self) -> None:
        self.shutting_down = True


def test_few_browsers_run_at_the_same_time() -> None:
    """While two processes have files with a browser, the others get other files, until there are none."""
    files = [f"tests/e2e/test_{name}.py" for name in "abcd"] + [f"tests/core/test_{name}.py" for name in "ef"]
    tests = [f"{file}::test_{number}" for file in files for number in range(4)]
    processes = [Process(f"gw{number}") for number in range(3)]
    config = SimpleNamespace(option=SimpleNamespace(), getvalue=lambda _: ["popen"] * 3)
    scheduler = FilesByCost(config)
    for process in processes:
        scheduler.add_node(process)
        scheduler.add_node_collection(process, tests)
    scheduler.schedule()
    assert [{tests[index].partition("::")[0] for index in process.given} for process in processes] == [
        {files[0]},
        {files[1]},
        {files[4]},
    ]
    for index in list(processes[2].given):
        scheduler.mark_test_complete(processes[2], index)
    assert tests[processes[2].given[-1]].startswith(files[5])
    for index in list(processes[2].given[4:]):
        scheduler.mark_test_complete(processes[2], index)
    assert tests[processes[2].given[-1]].startswith(files[2])
