"""Photos from public sources: a web search, TensorFlow Datasets, Kaggle."""

import streamlit as st

from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import Kaggle, Licence, TensorFlowDataset, WebSearch
from core.services import Services
from pages.dataset.ways_in.submitting import submit
from pages.widgets.errors import guarded

_LICENCES = {
    Licence.ANY: "any, also unknown",
    Licence.PUBLIC: "public domain",
    Licence.SHARE: "free to share and use",
    Licence.SHARE_COMMERCIALLY: "free to share and use commercially",
    Licence.MODIFY: "free to change, share and use",
    Licence.MODIFY_COMMERCIALLY: "free to change, share and use commercially",
}


def render_public_sources(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    """A form for each source."""
    st.caption("These need a network, and the optional packages that are named when they are missing.")
    source = st.segmented_control(
        "Source",
        ["Web search", "TensorFlow Datasets", "Kaggle"],
        default="Web search",
        required=True,
        key="dataset.collect.public",
    )
    with st.form(f"dataset.collect.public_form.{source}", border=False):
        match source:
            case "Web search":
                _render_web_search(target)
            case "TensorFlow Datasets":
                st.text_input("Name", value="cats_vs_dogs", key="dataset.collect.tfds_name")
                st.number_input("At most this many photos", 10, 100_000, 2_000, key="dataset.collect.tfds_photos")
            case _:
                st.text_input(
                    "Name or address of a data set",
                    key="dataset.collect.kaggle_handle",
                    placeholder="pmigdal/alien-vs-predator-images",
                    help="Some data sets need your Kaggle account: put its kaggle.json into the folder .kaggle.",
                )
        st.form_submit_button(
            "Fetch",
            icon=":material/download:",
            on_click=guarded(_add_public),
            args=(dataset, target, services, source),
            disabled=source == "Web search" and target is None,
        )


def _render_web_search(target: ClassView | None) -> None:
    if target is None:
        st.info("Add a class first; the photos found go there.", icon=":material/label:")
        return
    st.text_input("Search for", value=target.name, key=f"dataset.collect.query.{target.id}")
    st.selectbox(
        "Licence", list(Licence), format_func=lambda licence: _LICENCES[licence], key="dataset.collect.licence"
    )
    st.number_input("At most this many photos", 1, 200, 50, key="dataset.collect.web_photos")


def _add_public(dataset: DatasetView, target: ClassView | None, services: Services, source: str) -> None:
    state = st.session_state
    if source == "Web search" and target is not None:
        query = state[f"dataset.collect.query.{target.id}"]
        search = WebSearch(
            query=query, licence=state["dataset.collect.licence"], max_photos=state["dataset.collect.web_photos"]
        )
        submit(services, dataset, search, title=f"Web search: {query}", target=target)
    elif source == "TensorFlow Datasets":
        name = state["dataset.collect.tfds_name"]
        request = TensorFlowDataset(name=name, max_photos=state["dataset.collect.tfds_photos"])
        submit(services, dataset, request, title=f"TensorFlow Datasets: {name}", target=None)
    else:
        handle = state["dataset.collect.kaggle_handle"]
        submit(services, dataset, Kaggle(handle=handle), title=f"Kaggle: {handle}", target=None)
