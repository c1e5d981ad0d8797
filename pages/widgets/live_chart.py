"""The curves of a training as it happens; one drawing in the browser takes up every update without starting anew."""

from collections.abc import Mapping
from typing import Any

from pages.server.photo_routes import plotly_url
from pages.widgets.browser_component import load_component, show_component, watched_data

# Plotly puts its own style sheet into the page, where a component with isolated styles would not see it.
_chart = load_component("live_chart", parts=["chart_look"], styles=["chart"], isolate_styles=False)


def live_chart(told: Mapping[str, Any], *, url: str | None, key: str, height_px: int = 420) -> None:
    """Show the curves; calls with the same key update one drawing, in which zoom and hover stay.

    Args:
        told: `chart` with the columns and `summary`, the chart in a sentence; see `pages.words.curves`.
        url: from where the browser hears of what comes next; None where nothing will.
        key: of the drawing.
        height_px: of the drawing; the legend below it comes on top.
    """
    show_component(
        _chart,
        key=key,
        data={
            "plotly_url": plotly_url(),
            "height_px": height_px,
            **watched_data(told, "chart", "summary", url=url),
        },
    )
