"""The map of a dataset: every photo a point, in the colour of its class; circling points selects photos."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pages.server.photo_routes import plotly_url, routes_prefix
from pages.widgets.browser_component import load_component, parse_selection, show_component

# Plotly puts its own style sheet into the page, where a component with isolated styles would not see it.
_map = load_component("dataset_map", parts=["chart_look"], styles=["chart"], isolate_styles=False)

_POSITION_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPoint:
    """An image and its place on the map."""

    image_id: int
    photo_hash: str
    name: str
    class_name: str
    x: float  # any unit; points without a finite place are left out
    y: float


def dataset_map(columns: Mapping[str, list[Any]], *, key: str, generation: int = 0) -> tuple[int, ...]:
    """Show the map and return the ids of the selected images, in the order of the points.

    Args:
        columns: the points as `map_columns` gives them; up to 10,000 stay fluent.
        key: of the widget; selection and zoom survive reruns as long as it stays the same.
        generation: another number than before clears the selection.
    """
    reported = show_component(
        _map,
        key=key,
        data={
            "generation": generation,
            "photos_url": f"{routes_prefix()}/photos",
            "plotly_url": plotly_url(),
            **columns,
        },
        states=["selected"],
    )
    return parse_selection(reported.get("selected"), generation=generation, shown=columns["ids"])


def map_columns(points: Sequence[MapPoint]) -> dict[str, list[Any]]:
    """The points as columns, which halves the message to the browser; `class_numbers` count in `class_names`."""
    placed = [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]
    class_names = sorted({point.class_name for point in placed})  # sorted, so that colours do not jump about
    numbers = {name: number for number, name in enumerate(class_names)}
    return {
        "class_names": class_names,
        "class_numbers": [numbers[point.class_name] for point in placed],
        "ids": [point.image_id for point in placed],
        "hashes": [point.photo_hash for point in placed],
        "names": [point.name for point in placed],
        "x": [round(float(point.x), _POSITION_DIGITS) for point in placed],
        "y": [round(float(point.y), _POSITION_DIGITS) for point in placed],
    }
