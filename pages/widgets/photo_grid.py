"""A grid of photos in which a person selects, with mouse, fingers or keyboard, and looks at each large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pages.widgets.browser_component import ignore, load_component, parse_selection
from pages.widgets.photo_routes import routes_prefix

_grid = load_component("photo_grid")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPhoto:
    """An image as the grid shows it."""

    image_id: int
    photo_hash: str
    name: str
    caption: str = ""  # small, below the name
    tone: str = ""  # colours the caption: "train", "validation" or "test", the values of `Split`; none for others


@dataclass(frozen=True, slots=True, kw_only=True)
class GridResult:
    """What the person has done in the grid."""

    selected: tuple[int, ...]  # image ids, in the order of the photos
    is_delete_pressed: bool  # in this very run, for what is selected or for the photo that was shown large


def photo_grid(
    photos: Sequence[GridPhoto],
    *,
    size_px: int,
    key: str,
    generation: int = 0,
    label: str = "Photos",
    can_delete: bool = True,
) -> GridResult:
    """Show the photos and say which are selected.

    Args:
        size_px: wanted side of a photo; the grid fills its width, with two photos in a row at least.
        key: of the widget; the selection survives reruns as long as it stays the same.
        generation: another number than before clears the selection.
        label: what the grid is called for those who cannot see it.
        can_delete: whether the Delete key means anything, and the large view offers it.
    """
    reported = _grid(
        key=key,
        data={
            "key": key,
            "label": label,
            "size_px": size_px,
            "generation": generation,
            "can_delete": can_delete,
            "photos_url": f"{routes_prefix()}/photos",
            "photos": [[photo.image_id, photo.photo_hash, photo.name, photo.caption, photo.tone] for photo in photos],
        },
        on_selected_change=ignore,
        on_delete_pressed_change=ignore,
    )
    return parse_grid_report(reported, generation=generation, shown=[photo.image_id for photo in photos])


def parse_grid_report(reported: Any, *, generation: int, shown: Sequence[int]) -> GridResult:
    """What the browser reports, as the page may trust it."""
    deleted = parse_selection(reported.get("delete_pressed"), generation=generation, shown=shown)
    if deleted:  # the report carries what the person saw when pressing the key
        return GridResult(selected=deleted, is_delete_pressed=True)
    selected = parse_selection(reported.get("selected"), generation=generation, shown=shown)
    return GridResult(selected=selected, is_delete_pressed=False)
