"""The table of runs that were begun together, with how many have arrived."""

from collections.abc import Mapping
from typing import Any

from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.renewal import renew

_table = load_component("race_table")

_PARTS = ("state", "fraction", "text", "caption", "columns", "rows", "first")


def render_race_table(told: Mapping[str, Any], *, url: str | None, key: str) -> None:
    """Show the table; the page is made anew when a run comes into another state.

    Args:
        told: as `tell_race` or `tell_sweep` tells it, with its tag.
        url: from where the browser hears of what comes next; None where nothing will.
        key: of the table.
    """
    show_component(_table, key=key, data=watched_data(told, *_PARTS, url=url), on_event={"changed": renew})
