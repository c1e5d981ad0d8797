"""How far background work on a dataset has come."""

import streamlit as st

from core.services import Services
from pages.words.wording import time_left

_POLL_SECONDS = 0.5


def render_task_progress(kind: str, dataset_id: int, services: Services) -> None:
    """A bar that moves by itself; makes the page anew once the work has ended.

    Args:
        kind: of the task, one of `core.datasets.tasks`.
        dataset_id: the dataset it works on.
        services: the open services.
    """
    st.fragment(_render, run_every=_POLL_SECONDS)(kind, dataset_id, services)


def _render(kind: str, dataset_id: int, services: Services) -> None:
    if not services.dataset_tasks.is_active(kind, dataset_id):
        st.rerun()
    progress = services.dataset_tasks.progress(kind, dataset_id)
    if progress is None:
        st.progress(0.0, text="Starting")
        return
    st.progress(progress.fraction or 0.0, text=f"{progress.message}{time_left(progress.seconds_left)}")
