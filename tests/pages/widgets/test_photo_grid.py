"""The grid's reports, as the page gets them; browser tests press its keys."""

from typing import Any

import pytest

from pages.widgets.photo_grid import GridResult, parse_grid_report

SHOWN = [1, 2, 3]


def report(ids: list[Any], generation: int = 0) -> dict[str, Any]:
    return {"generation": generation, "ids": ids}


@pytest.mark.parametrize(
    ("reported", "result"),
    [
        pytest.param({}, GridResult(selected=(), is_delete_pressed=False), id="nothing yet"),
        pytest.param(
            {"selected": report([3, 1])}, GridResult(selected=(1, 3), is_delete_pressed=False), id="selection"
        ),
        pytest.param(
            {"selected": report([1]), "delete_pressed": report([1, 2])},
            GridResult(selected=(1, 2), is_delete_pressed=True),
            id="delete what was selected when the key was pressed",
        ),
        pytest.param(
            {"selected": report([1]), "delete_pressed": report([1, 2], generation=7)},
            GridResult(selected=(1,), is_delete_pressed=False),
            id="delete pressed before the selection was cleared",
        ),
        pytest.param(
            {"selected": report([1]), "delete_pressed": report([8])},
            GridResult(selected=(1,), is_delete_pressed=False),
            id="delete photos that are gone already",
        ),
        pytest.param(
            {"selected": report([]), "delete_pressed": True},
            GridResult(selected=(), is_delete_pressed=False),
            id="hostile",
        ),
    ],
)
def test_delete_counts_only_with_shown_photos(reported: dict[str, Any], result: GridResult):
    """The Delete key deletes what the person saw selected, and nothing twice."""
    assert parse_grid_report(reported, generation=0, shown=SHOWN) == result
