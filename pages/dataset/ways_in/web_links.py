"""Photos and archives behind links."""

import streamlit as st

from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import Links
from core.errors import DatasetError
from core.links.data_address import split_addresses
from core.services import Services
from pages.dataset.ways_in.submitting import submit
from pages.widgets.errors import guarded
from pages.words.wording import count, plain


def render_web_links(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    """A form for links, one per line."""
    st.caption("This needs a network. Links to archives bring their own class folders.")
    with st.form("dataset.collect.link_form", border=False, clear_on_submit=True):
        st.text_area(
            "Links, one per line",
            key="dataset.collect.links",
            placeholder="https://…/photo.jpg\nhttps://…/archive.zip",
            height=100,
        )
        if target is not None:
            st.checkbox(f"Photos go into {plain(target.name)}", value=True, key="dataset.collect.link_to_class")
        st.form_submit_button(
            "Fetch", icon=":material/download:", on_click=guarded(_add_links), args=(dataset, target, services)
        )


def _add_links(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    urls = split_addresses(st.session_state["dataset.collect.links"])
    if not urls:
        raise DatasetError("There is no link yet. Paste one address per line.")
    into_class = target if st.session_state.get("dataset.collect.link_to_class") else None
    submit(services, dataset, Links(urls=urls), title=count(len(urls), "link"), target=into_class)
