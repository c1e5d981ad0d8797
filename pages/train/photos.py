"""A handful of validation photos with what the model says to them, epoch by epoch, and what the run remarked."""

from collections.abc import Mapping
from typing import Any

from pages.server.photo_routes import routes_prefix
from pages.widgets.browser_component import load_component, show_component, watched_data

# The photos look as they do on other pages, by the page's own style sheet.
_photos = load_component("run_photos", isolate_styles=False)

_SIDE_PX = 128


def render_photos(told: Mapping[str, Any], *, url: str | None, key: str) -> None:
    """The photos of the latest epoch that told of them, and the notes; nothing where there are none yet.

    Args:
        told: from `pages.words.run_told`.
        url: from where the browser hears of what comes next; None where nothing will.
        key: of the component.
    """
    show_component(
        _photos,
        key=key,
        data={
            "photos_url": f"{routes_prefix()}/photos",
            "side_px": _SIDE_PX,
            **watched_data(told, "photos", "notes", url=url),
        },
    )
