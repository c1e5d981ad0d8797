"""A run that waits or trains: how far it is, how fast, and the two ways to end it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.server.run_routes import run_url
from pages.widgets.errors import guarded
from pages.widgets.run_progress import run_progress


def render_progress(view: RunView, told: Mapping[str, Any], services: Services) -> None:
    """What happens now, with *Stop* and *Cancel*."""
    run_progress(told, url=run_url(view.id), key=f"train.progress.{view.id}")
    is_ending = view.status is RunStatus.STOPPING
    is_unbegun = view.status is RunStatus.QUEUED and view.started_at is None  # there is nothing to keep yet
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Stop",
            key=f"train.stop.{view.id}",
            icon=":material/stop:",
            disabled=is_ending or is_unbegun,
            help="Ends the training now. The best epoch so far is kept as a model.",
            on_click=guarded(services.run_desk.stop),
            args=(view.id,),
        )
        with st.popover("Cancel", icon=":material/delete_forever:", type="tertiary", disabled=view.is_cancel_requested):
            st.markdown(
                "Discard this run? All that it has learned is lost, and there will be no model. *Stop* keeps the best "
                "epoch."
            )
            st.button(
                "Discard the run",
                key=f"train.cancel.{view.id}",
                icon=":material/delete_forever:",
                on_click=guarded(services.run_desk.cancel),
                args=(view.id,),
            )
