"""How the tests are shared between processes."""

import os
from types import SimpleNamespace

import pytest

from tests.distribution import MAX_PROCESSES, num_processes, sort_by_cost


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
    expected = min((os.cpu_count() or 1) + 1, MAX_PROCESSES)
    assert num_processes(arguments) == (expected if is_shared else 0)


def test_dear_files_come_first_and_stay_whole() -> None:
    """A browser counts more than many small tests; tests of one file keep their order."""
    tests = [("a.py::1", ()), ("b.py::1", ("prepared_cache",)), ("c.py::1", ("chromium",)), ("b.py::2", ())]
    items = [SimpleNamespace(nodeid=node_id, fixturenames=fixtures) for node_id, fixtures in tests]
    sort_by_cost(items)
    assert [item.nodeid for item in items] == ["c.py::1", "b.py::1", "b.py::2", "a.py::1"]
