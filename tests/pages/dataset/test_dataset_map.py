"""What the map sends to the browser; browser tests circle its points."""

import json
import math

import numpy as np

from pages.dataset.dataset_map import MapPoint, map_columns


def point(image_id: int, class_name: str, x: float = 0.0, y: float = 0.0) -> MapPoint:
    return MapPoint(
        image_id=image_id, photo_hash=f"{image_id:064x}", name=f"{image_id}.jpg", class_name=class_name, x=x, y=y
    )


def test_columns_belong_together():
    """Row by row, the columns are the points, in their order."""
    columns = map_columns([point(7, "wren", 1.00004, 2), point(3, "blue tit", -1, 0.5), point(5, "wren", 0, 0)])
    assert columns["ids"] == [7, 3, 5]
    assert [columns["class_names"][number] for number in columns["class_numbers"]] == ["wren", "blue tit", "wren"]
    assert columns["x"] == [1.0, -1.0, 0.0]
    assert columns["y"] == [2.0, 0.5, 0.0]
    assert columns["names"] == ["7.jpg", "3.jpg", "5.jpg"]
    assert {len(columns[name]) for name in columns if name != "class_names"} == {3}


def test_a_class_keeps_its_colour_whatever_the_order():
    """Colours go by the number of the class, which does not depend on which photo comes first."""
    points = [point(1, "wren"), point(2, "blue tit"), point(3, "crow")]
    assert map_columns(points)["class_names"] == map_columns(points[::-1])["class_names"]


def test_points_without_a_place_are_left_out():
    """Not-a-number is no JSON that a browser could read."""
    columns = map_columns([point(1, "a", math.nan), point(2, "b", 1, math.inf), point(3, "c", np.float32(0.25))])
    assert columns["ids"] == [3]
    assert columns["class_names"] == ["c"]
    assert json.loads(json.dumps(columns, allow_nan=False)) == columns
