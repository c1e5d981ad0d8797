"""A grid of photos in which a person selects, with mouse, fingers or keyboard, and looks at each large."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.server.photo_routes import routes_prefix
from pages.widgets.browser_component import load_component, parse_selection, show_component

_grid = load_component("photo_grid", styles=["photo_tiles"])


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPhoto:
    """An image as the grid shows it."""

    image_id: int
    photo_hash: str
    name: str
    caption: str = ""  # small, below the name
    tone: str = ""  # colours the caption: "train", "validation" or "test", the values of `Split`; none for others


def photo_grid(
    photos: Sequence[GridPhoto],
    *,
    size_px: int,
    key: str,
    generation: int = 0,
    label: str = "Photos",
    on_delete: Callable[[list[int]], object] | None = None,
) -> tuple[int, ...]:
    """Show the photos and return the ids of those that are selected, in the order of the photos.

    Args:
        size_px: wanted side of a photo; the grid fills its width, with two photos in a row at least.
        key: of the widget; the selection survives reruns as long as it stays the same.
        generation: another number than before clears the selection.
        label: what the grid is called for those who cannot see it.
        on_delete: called with the ids of what was selected, or shown large, when the person pressed Delete; None where
            that means nothing, and the large view does not offer it.
    """
    ids = [photo.image_id for photo in photos]
    # A press may arrive when the page shows other photos already: what counts is what the person saw.
    known: set[int] = st.session_state.setdefault(f"{key}.known", set())
    known.update(ids)
    reported = show_component(
        _grid,
        key=key,
        data={
            "label": label,
            "size_px": size_px,
            "generation": generation,
            "can_delete": on_delete is not None,
            "photos_url": f"{routes_prefix()}/photos",
            "photos": [[photo.image_id, photo.photo_hash, photo.name, photo.caption, photo.tone] for photo in photos],
        },
        states=["selected"],
        on_event={} if on_delete is None else {"delete_pressed": lambda payload: _delete(payload, known, on_delete)},
    )
    return parse_selection(reported.get("selected"), generation=generation, shown=ids)


def _delete(payload: Any, known: set[int], on_delete: Callable[[list[int]], object]) -> None:
    if image_ids := parse_pressed(payload, known):
        known.difference_update(image_ids)  # an impatient second press means the same photos
        on_delete(image_ids)


def parse_pressed(payload: Any, known: Collection[int]) -> list[int]:
    """The ids that the Delete key was pressed for, as the page may trust them.

    Args:
        payload: what the browser reports, which may be anything.
        known: ids that this visitor has seen in this grid.
    """
    reported = payload if isinstance(payload, list) else []
    return [image_id for image_id in reported if type(image_id) is int and image_id in known]
