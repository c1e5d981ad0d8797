"""Seeing the photos: a grid of a class or a split, with everything that can be done to a selection."""

from typing import Literal

import streamlit as st

from core.datasets.records import ClassView, DatasetView, ImageView, Review, Split
from core.services import Services
from pages.dataset.no_photos import render_no_photos
from pages.dataset.sort import choose_examples
from pages.widgets.errors import guarded
from pages.widgets.photo_grid import photo_grid
from pages.widgets.selection import (
    act_on,
    grid_photos,
    render_selection_actions,
    selection_generation,
    trash_photos,
)
from pages.words.wording import SPLIT_TITLES, count, plain

_CLASS = "dataset.browse.class"
_SPLIT = "dataset.browse.split"
_PAGE = "dataset.browse.page"
_SIZE = "dataset.browse.size"
_ALL, _TRASH = 0, -1
_MARKED = {-2: Review.UNSURE, -3: Review.RIGHT}  # in the place of a class, like the two above
_PHOTOS_PER_PAGE = 120


def render_browse(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """Filters, pages, the grid, and the actions on what is selected."""
    if not dataset.num_images and not services.library.images.in_trash(dataset.id):
        render_no_photos(dataset, services)
        return
    shown_class = _render_class_filter(dataset, classes, services)
    toolbar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with toolbar:
        split = _render_split_filter()
        st.slider("Size", 72, 256, 128, step=8, key=_SIZE, width=180, format="%d px", persist_state="session")
        images = _render_page(dataset, shown_class, split, services)
    if not images:
        st.info("No photo fits.", icon=":material/filter_alt_off:")
        return
    actions = st.container()  # above the grid, filled when the selection is known
    selected = photo_grid(
        grid_photos(images, classes, with_class=shown_class <= _ALL),
        size_px=st.session_state[_SIZE],
        key="dataset.browse.grid",
        generation=selection_generation(),
        on_delete=None if shown_class == _TRASH else trash_photos(services),
    )
    with actions:
        if shown_class == _TRASH:
            _render_trash_actions(list(selected), dataset, services)
        else:
            render_selection_actions(list(selected), classes, services, on_alike=choose_examples)


def _render_class_filter(dataset: DatasetView, classes: list[ClassView], services: Services) -> int:
    titles = {_ALL: f"All · {dataset.num_images:,}"}
    titles |= {view.id: f"{plain(view.name)} · {view.num_images:,}" for view in classes}
    num_marked = services.library.images.count_reviews(dataset.id)
    titles |= {
        shown: f"Marked as {review} · {num_marked[review]:,}"
        for shown, review in _MARKED.items()
        if review in num_marked
    }
    titles[_TRASH] = "Trash"
    if st.session_state.get(_CLASS) not in titles:
        st.session_state[_CLASS] = _ALL
    chosen = st.pills(
        "Class",
        list(titles),
        key=_CLASS,
        required=True,
        format_func=titles.__getitem__,
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )
    return int(chosen)


def _render_split_filter() -> Split | Literal["any"] | None:
    splits: dict[str, Split | Literal["any"] | None] = {"all splits": "any"}
    splits |= {title: split for split, title in SPLIT_TITLES.items()}
    return splits[st.selectbox("Split", list(splits), key=_SPLIT, width=170, persist_state="session")]


def _render_page(
    dataset: DatasetView, shown_class: int, split: Split | Literal["any"] | None, services: Services
) -> list[ImageView]:
    """The images of the page that the visitor turned to; only these are read."""
    library = services.library
    if shown_class < _ALL:  # few
        images = (
            library.images.in_trash(dataset.id)
            if shown_class == _TRASH
            else library.images.of(dataset.id, split=split, review=_MARKED[shown_class])
        )
        offset = _render_pager(len(images))
        return images[offset : offset + _PHOTOS_PER_PAGE]
    counts = library.images.count(dataset.id)
    total = sum(
        number
        for (class_id, its_split), number in counts.items()
        if shown_class in (_ALL, class_id) and split in ("any", its_split)
    )
    offset = _render_pager(total)
    return library.images.of(
        dataset.id, class_id=shown_class or None, split=split, offset=offset, limit=_PHOTOS_PER_PAGE
    )


def _render_pager(num_images: int) -> int:
    """A box for the number of the page, where there are several; returns how many images come before it."""
    num_pages = max(1, -(-num_images // _PHOTOS_PER_PAGE))
    if num_pages == 1:
        return 0
    st.session_state[_PAGE] = min(st.session_state.get(_PAGE, 1), num_pages)
    label = f"Page, 1 to {num_pages}"
    page = st.number_input(label, 1, num_pages, key=_PAGE, width=150, persist_state="session")
    return (int(page) - 1) * _PHOTOS_PER_PAGE


def _render_trash_actions(selected: list[int], dataset: DatasetView, services: Services) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Bring back {count(len(selected), 'photo')}" if selected else "Bring back",
            icon=":material/undo:",
            disabled=not selected,
            key="dataset.browse.restore",
            on_click=guarded(act_on),
            args=(services.library.images.restore, selected),
        )
        with st.popover("Empty the trash", icon=":material/delete_forever:"):
            st.markdown("These photos are then gone for good; this cannot be undone.")
            st.button(
                "Delete for good",
                key="dataset.browse.purge",
                on_click=guarded(services.library.images.purge_trash),
                args=(dataset.id,),
            )
