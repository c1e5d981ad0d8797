"""What to do with selected photos, wherever they were selected: grids, findings, the map, the confusion matrix."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.datasets.records import ClassView, ImageView, OperationView, Review
from core.services import Services
from pages.widgets.errors import guarded
from pages.widgets.photo_grid import GridPhoto
from pages.words.wording import SPLIT_TITLES, count, plain

_GENERATION = "dataset.selection.generation"
_LAST = "dataset.selection.last"
_REVIEW_TITLES = {"It is right": Review.RIGHT, "Unsure: learn nothing from it": Review.UNSURE, "No mark": None}


def selection_generation() -> int:
    """A number that changes when everything selected is let go."""
    return int(st.session_state.get(_GENERATION, 0))


def clear_selection() -> None:
    """Let go of what is selected in every grid and in the map."""
    st.session_state[_GENERATION] = selection_generation() + 1


def grid_photos(
    images: Sequence[ImageView], classes: Sequence[ClassView], *, with_class: bool = True
) -> list[GridPhoto]:
    """Images for a grid, their class, split and mark below each."""
    names = {view.id: view.name for view in classes}
    photos = []
    for image in images:
        facts = [names.get(image.class_id, "a deleted class")] if with_class else []
        facts += [SPLIT_TITLES[image.split]] if image.split else []
        facts += [image.review] if image.review else []
        photos.append(
            GridPhoto(
                image_id=image.id,
                photo_hash=image.photo_hash,
                name=image.name,
                caption=" · ".join(facts),
                tone=image.split or "",
            )
        )
    return photos


def render_selection_actions(
    selected: list[int],
    classes: list[ClassView],
    services: Services,
    *,
    key: str = "page",
    on_alike: Callable[[list[int]], object] | None = None,
) -> None:
    """What can be done with selected photos: move, set split or mark, delete, look for more like them.

    Args:
        selected: ids of the photos.
        classes: of their dataset.
        services: the open services.
        key: tells several on a page apart.
        on_alike: called with the ids to look for more like them; None where that is not offered.
    """
    library = services.library
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"dataset-selection-actions-{key}"
    ):
        if not selected:
            _render_last_operation(services)
            return
        st.markdown(f"**{count(len(selected), 'photo')} selected**", width="content")
        st.menu_button(
            "Move to",
            [view.id for view in classes],
            format_func={view.id: plain(view.name) for view in classes}.__getitem__,
            icon=":material/drive_file_move:",
            key=f"dataset.selection.move.{key}",
            on_click=guarded(_act_as_chosen),
            args=(f"dataset.selection.move.{key}", library.images.move, selected),
        )
        if on_alike is not None:
            st.button(
                "More like these",
                icon=":material/image_search:",
                key=f"dataset.selection.alike.{key}",
                on_click=guarded(on_alike),
                args=(selected,),
            )
        splits = {title: split for split, title in SPLIT_TITLES.items()}  # not None: it would mean "no click"
        st.menu_button(
            "Set split",
            list(splits),
            icon=":material/call_split:",
            key=f"dataset.selection.set_split.{key}",
            on_click=guarded(_act_as_chosen),
            args=(
                f"dataset.selection.set_split.{key}",
                lambda ids, title: library.images.set_split(ids, splits[title]),
                selected,
            ),
        )
        st.menu_button(
            "Mark",
            list(_REVIEW_TITLES),
            icon=":material/bookmark:",
            key=f"dataset.selection.mark.{key}",
            on_click=guarded(_act_as_chosen),
            args=(
                f"dataset.selection.mark.{key}",
                lambda ids, title: library.images.set_review(ids, _REVIEW_TITLES[title]),
                selected,
            ),
        )
        st.button(
            "Delete",
            icon=":material/delete:",
            key=f"dataset.selection.trash.{key}",
            on_click=guarded(act_on),
            args=(library.images.trash, selected),
        )
        st.button(
            "",
            icon=":material/deselect:",
            key=f"dataset.selection.none.{key}",
            help="Select none",
            type="tertiary",
            on_click=guarded(clear_selection),
        )


def _act_as_chosen(key: str, action: Callable[[list[int], Any], OperationView], selected: list[int]) -> None:
    """Do to the selected photos what was chosen in the menu with this key."""
    chosen = st.session_state[key]
    act_on(lambda ids: action(ids, chosen), selected)


def trash_photos(services: Services) -> Callable[[list[int]], None]:
    """What the Delete key of a grid does: moves photos to the trash."""
    return lambda image_ids: act_on(services.library.images.trash, image_ids)


def _render_last_operation(services: Services) -> None:
    """What was done a moment ago, with its undo; or how to select."""
    operation: OperationView | None = st.session_state.get(_LAST)
    if operation is None or not _is_latest(operation, services):
        st.container(key="dataset-selection-hint").caption(
            "Click selects, Shift-click a range, Ctrl-click one more; arrows, space, Ctrl+A and Delete work too. "
            "Double-click shows a photo large."
        )
        return
    st.markdown(f":material/check: {plain(operation.summary)}", width="content")
    st.button(
        "Take it back",
        key="dataset.selection.undo",
        icon=":material/undo:",
        type="tertiary",
        on_click=guarded(undo),
        args=(operation.id, services),
    )


def _is_latest(operation: OperationView, services: Services) -> bool:
    latest = services.library.history.latest(operation.dataset_id, limit=1)
    return bool(latest) and latest[0].id == operation.id and latest[0].undone_at is None


def act_on(action: Callable[[list[int]], OperationView], selected: list[int]) -> None:
    """Do something to the selected photos, remember what was done, and let go of the selection."""
    st.session_state[_LAST] = action(selected)
    clear_selection()


def undo(operation_id: int, services: Services) -> None:
    """Take a change back and say what came of it."""
    result = services.library.history.undo(operation_id)
    st.toast(f"Undone: {plain(result.summary)}.", icon=":material/undo:")
    if result.num_left_alone:
        st.toast(f"{count(result.num_left_alone, 'photo')} changed since: left alone.", icon=":material/info:")
