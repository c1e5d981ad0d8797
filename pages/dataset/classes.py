"""Renaming, merging and deleting classes."""

import streamlit as st

from core.datasets.records import ClassView, DatasetView
from core.services import Services
from pages.widgets.errors import guarded
from pages.words.wording import count, plain


def render_classes(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """A popover with every class."""
    if not classes:
        return
    with st.popover("Edit classes", icon=":material/edit:", key=f"dataset.classes.{dataset.id}"):
        for view in classes:
            _render_class(view, services)
        if len(classes) > 1:
            _render_merge(classes, services)


def _render_class(view: ClassView, services: Services) -> None:
    key = f"dataset.classes.name.{view.id}"
    st.session_state[key] = view.name  # the other session may have renamed it
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            f"Name of {plain(view.name)}",
            key=key,
            label_visibility="collapsed",
            on_change=guarded(lambda: services.library.classes.rename(view.id, st.session_state[key])),
        )
        st.button(
            "",
            icon=":material/delete:",
            key=f"dataset.classes.delete.{view.id}",
            help=f"Delete {plain(view.name)} with its {count(view.num_images, 'photo')}. This can be undone.",
            on_click=guarded(services.library.classes.delete),
            args=(view.id,),
        )


def _render_merge(classes: list[ClassView], services: Services) -> None:
    names = {view.id: view.name for view in classes}
    with st.form("dataset.classes.merge", border=False):
        merged = st.multiselect("Merge", list(names), format_func=names.__getitem__, key="dataset.classes.merged")
        into = st.selectbox("into", list(names), format_func=names.__getitem__, key="dataset.classes.into")
        st.form_submit_button("Merge", icon=":material/merge:", on_click=guarded(_merge), args=(services,))
    del merged, into


def _merge(services: Services) -> None:
    into = st.session_state["dataset.classes.into"]
    others = [class_id for class_id in st.session_state["dataset.classes.merged"] if class_id != into]
    services.library.classes.merge(others, into)
