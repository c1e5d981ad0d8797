"""A map of the dataset: photos that look alike to a network lie close together."""

from typing import Any

import streamlit as st

from core.datasets.mapping import load_map
from core.datasets.records import ClassView, DatasetView
from core.datasets.tasks import MAP_KIND
from core.jobs.views import TaskView
from core.services import Services
from pages.dataset.dataset_map import MapPoint, dataset_map, map_columns
from pages.dataset.no_photos import render_no_photos
from pages.dataset.sort import choose_examples
from pages.dataset.task_progress import render_task_progress
from pages.widgets.errors import guarded, show_error
from pages.widgets.photo_grid import photo_grid
from pages.widgets.remembered import remembered
from pages.widgets.selection import (
    grid_photos,
    render_selection_actions,
    selection_generation,
    trash_photos,
)

_COLUMNS = "dataset.map.columns"
_PLACES = "dataset.map.places"  # of photos, by hash, on the map that was read last
_MIN_PHOTOS = 3
_MAX_SHOWN = 120
_GRID_PX = 112


def render_map(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """The map where it is drawn already; else the way there."""
    st.markdown(
        "Each point is a photo; what the network sees as alike lies close together. A point among another class's "
        "points may be in the wrong class: circle it to look closer."
    )
    if not dataset.num_images:
        render_no_photos(dataset, services)
        return
    if dataset.num_images < _MIN_PHOTOS:
        st.info(f"A map needs at least {_MIN_PHOTOS} photos.", icon=":material/scatter_plot:")
        return
    task = services.dataset_tasks.latest(MAP_KIND, dataset.id)
    columns, is_current = remembered(
        _COLUMNS, (dataset.id, dataset.revision, task), lambda: _load_columns(dataset, classes, services)
    )
    if not is_current:
        if columns["ids"]:
            st.caption("Photos have come in since this map was drawn.")
        _render_drawing(task, dataset, services)
    if columns["ids"]:
        circled = dataset_map(columns, key="dataset.map.points", generation=selection_generation())
        if circled:
            _render_circled(circled, classes, services)


def _render_drawing(task: TaskView | None, dataset: DatasetView, services: Services) -> None:
    """The way to a map of all the photos that are here now."""
    if task is not None and task.is_active:
        render_task_progress(MAP_KIND, dataset.id, services)
        return
    if task is not None and task.error:
        show_error(task.error)
    st.button(
        "Draw the map",
        type="primary",
        icon=":material/scatter_plot:",
        on_click=guarded(services.dataset_tasks.request),
        args=(MAP_KIND, dataset.id),
    )


def _render_circled(circled: tuple[int, ...], classes: list[ClassView], services: Services) -> None:
    """The photos behind the circled points; what is done is done to all of them, or to those selected among them."""
    actions = st.container()
    images = services.library.images.get(circled[:_MAX_SHOWN])
    selected = photo_grid(
        grid_photos(images, classes),
        size_px=_GRID_PX,
        key="dataset.map.grid",
        generation=selection_generation(),
        label="Circled photos",
        on_delete=trash_photos(services),
    )
    if len(circled) > _MAX_SHOWN:
        st.caption(f"and {len(circled) - _MAX_SHOWN:,} more")
    with actions:
        render_selection_actions(list(selected or circled), classes, services, on_alike=choose_examples)


def _load_columns(
    dataset: DatasetView, classes: list[ClassView], services: Services
) -> tuple[dict[str, list[Any]], bool]:
    """The points that have a place, and whether the map is that of the very photos that are here now.

    While photos come and go, the others stay where this visitor saw them: whoever deletes what a lasso has caught wants
    to go on with the same map.
    """
    images = services.library.images.of(dataset.id)
    hashes = {image.photo_hash for image in images}
    found = load_map(services.settings, hashes)
    if found is not None:
        st.session_state[_PLACES] = found
    positions = found if found is not None else st.session_state.get(_PLACES, {})
    names = {view.id: view.name for view in classes}
    columns = map_columns(
        [
            MapPoint(
                image_id=image.id,
                photo_hash=image.photo_hash,
                name=image.name,
                class_name=names.get(image.class_id, ""),
                x=positions[image.photo_hash][0],
                y=positions[image.photo_hash][1],
            )
            for image in images
            if image.photo_hash in positions
        ]
    )
    # A map of fewer photos that are all on it misses nothing.
    return columns, found is not None or hashes <= positions.keys()
