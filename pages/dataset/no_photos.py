"""What to say where photos or classes are still missing: they may be on their way."""

import streamlit as st

from core.datasets.records import DatasetView
from core.services import Services


def has_imports_under_way(dataset: DatasetView, services: Services) -> bool:
    """Whether an import has not ended yet."""
    return any(status.is_active for status in services.imports.list_statuses(dataset.id, limit=5))


def render_no_photos(dataset: DatasetView, services: Services) -> None:
    """In place of a section that shows nothing without photos."""
    if has_imports_under_way(dataset, services):
        st.info("The photos are on their way.", icon=":material/hourglass_top:")
    else:
        st.info("No photos yet. Go to **Collect** and bring some in.", icon=":material/add_a_photo:")


def render_first_class_hint(dataset: DatasetView, services: Services) -> None:
    """In place of the choice of a class."""
    if has_imports_under_way(dataset, services):
        st.markdown("The classes come with the photos that are on their way; you can add others.")
    else:
        st.markdown("Name your first class: one kind of thing that the network shall recognise.")
