"""The grid's reports, as the page gets them; browser tests press its keys."""

from typing import Any

import pytest

from pages.widgets.photo_grid import parse_pressed

KNOWN = {1, 2, 3}


@pytest.mark.parametrize(
    ("payload", "image_ids"),
    [
        pytest.param([3, 1], [3, 1], id="what was selected when the key was pressed"),
        pytest.param([1, 8], [1], id="a photo that was never shown"),
        pytest.param([True, "1", 1.0, None, [1]], [], id="no ids"),
        pytest.param({"ids": [1]}, [], id="no list"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_delete_counts_only_with_photos_that_were_shown(payload: Any, image_ids: list[int]):
    """The Delete key deletes what the person saw, whatever a browser sends."""
    assert parse_pressed(payload, KNOWN) == image_ids
