"""Notices what other visitors and background work do to the open dataset."""

from dataclasses import dataclass

import streamlit as st

from core.datasets.records import DatasetView
from core.datasets.tasks import CHECK_KIND
from core.errors import UnknownDatasetError
from core.services import Services

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What tells two states of a dataset apart, as far as the page shows it."""

    revision: int
    trashed_at: float | None
    checked_revision: int | None
    is_being_checked: bool


def state_of(dataset: DatasetView, services: Services) -> DatasetState:
    """What the page is about to show.

    To be asked for before anything else of the dataset is read: photos that come in while the page is being made are
    noticed then, whichever parts show them already.
    """
    return DatasetState(
        revision=dataset.revision,
        trashed_at=dataset.trashed_at,
        checked_revision=services.library.checks.checked_revision(dataset.id),
        is_being_checked=services.dataset_tasks.is_active(CHECK_KIND, dataset.id),
    )


def has_changed(dataset_id: int, shown: DatasetState, services: Services) -> bool:
    """Whether the dataset, or its check, is another than the one on the screen."""
    try:
        dataset = services.library.datasets.get(dataset_id)
    except UnknownDatasetError:
        return True  # deleted for good: the page falls back to the list
    return state_of(dataset, services) != shown


def render_watch(dataset_id: int, shown: DatasetState, services: Services) -> None:
    """Make the page anew as soon as what it shows is out of date."""
    is_being_made = True

    @st.fragment(run_every=_LOOK_SECONDS)
    def look() -> None:
        # Not while the page is being made for the first time: what it has just said in passing would be lost.
        if not is_being_made and has_changed(dataset_id, shown, services):
            st.rerun()

    look()
    is_being_made = False
