"""Notices what other visitors and background work do to the open dataset."""

import streamlit as st

from core.datasets.records import DatasetView
from core.datasets.tasks import CHECK_KIND
from core.errors import UnknownDatasetError
from core.services import Services

_LOOK_SECONDS = 2.0


def render_watch(dataset: DatasetView, services: Services) -> None:
    """Make the page anew as soon as the dataset, or its check, is another than the one on the screen."""
    st.fragment(_look, run_every=_LOOK_SECONDS)(dataset.id, _state(dataset.id, services), services)


def _look(dataset_id: int, shown: object, services: Services) -> None:
    if _state(dataset_id, services) != shown:
        st.rerun()


def _state(dataset_id: int, services: Services) -> object:
    try:
        dataset = services.library.get_dataset(dataset_id)
    except UnknownDatasetError:
        return None
    return (
        dataset.revision,
        dataset.trashed_at,
        services.library.checked_revision(dataset_id),
        services.dataset_tasks.is_active(CHECK_KIND, dataset_id),
    )
