"""What components report is taken for what it is: text from somebody else's browser."""

from typing import Any

import pytest

from pages.widgets.browser_component import parse_selection

SHOWN = [4, 2, 9]


@pytest.mark.parametrize(
    ("ids", "selected"),
    [
        pytest.param([2, 9], (2, 9), id="some"),
        pytest.param([9, 2, 4], (4, 2, 9), id="in the order in which they are shown"),
        pytest.param([2, 2, 2], (2,), id="each once"),
        pytest.param([2, 77], (2,), id="without those that are not shown"),
        pytest.param([2, "9", 4.0, True, None, [4], {"id": 9}], (2,), id="without what is no id"),
        pytest.param([], (), id="none"),
    ],
)
def test_a_selection_holds_shown_ids_only(ids: list[Any], selected: tuple[int, ...]):
    """Whatever the browser lists, the page gets ids that it has shown itself."""
    assert parse_selection({"generation": 3, "ids": ids}, generation=3, shown=SHOWN) == selected


@pytest.mark.parametrize("generation", [2, 4, "3", None, [3]])
def test_a_report_of_another_generation_counts_as_none(generation: Any):
    """After the page has cleared the selection, reports from before mean nothing."""
    assert parse_selection({"generation": generation, "ids": [2]}, generation=3, shown=SHOWN) == ()


@pytest.mark.parametrize(
    "payload", [None, 1, "x", [], [2], {}, {"ids": [2]}, {"generation": 3}, {"generation": 3, "ids": {"2": 2}}]
)
def test_what_is_no_report_counts_as_none(payload: Any):
    """Before the first report, and from a hostile browser, nothing is selected."""
    assert parse_selection(payload, generation=3, shown=SHOWN) == ()
