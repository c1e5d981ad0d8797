"""How far something is that a worker does: a bar that moves by itself, whoever watches."""

from collections.abc import Mapping
from typing import Any

from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.renewal import renew

_progress = load_component("run_progress")

_PARTS = ("state", "title", "term", "epoch", "num_epochs", "fraction", "text", "facts")


def run_progress(told: Mapping[str, Any], *, url: str, key: str) -> None:
    """Show the bar; the page is made anew when the state is no longer the one that was told.

    Args:
        told: `state`, `fraction` (0-1) and `text`; of a training also what `pages.words.run_told` tells besides.
        url: from where the browser hears of what comes next.
        key: of the bar.
    """
    show_component(
        _progress,
        key=key,
        data=watched_data(told, *_PARTS, url=url),
        on_event={"changed": renew},
    )
