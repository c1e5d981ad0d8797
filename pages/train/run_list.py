"""The list of runs: how each stands, how good it became, how it got there."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from pages.server.run_routes import runs_url, tell_runs_now
from pages.train.opened import open_race, open_run
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.errors import guarded
from pages.words.telling import with_tag
from pages.words.wording import plain

_list = load_component("run_list")


def render_run_list(open_run_id: int | None, services: Services) -> None:
    """The runs of the visitor's choice, which the browser keeps up to date by itself, with the trash below."""
    views = services.runs.list_runs()
    datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
    told = with_tag(tell_runs_now(views, datasets, services))
    show_component(
        _list,
        key="train.list",
        data={
            "open_run_id": open_run_id,
            "dataset_id": _choose_dataset(views, datasets),
            **watched_data(told, "heading", "runs", url=runs_url()),
        },
        on_event={"open": _open_run, "race": _open_race},
    )
    _render_trash(services)


def _choose_dataset(views: Sequence[RunView], datasets: Mapping[int, str]) -> int | None:
    """The dataset whose runs are wanted; None for all."""
    used = sorted({view.dataset_id for view in views if view.dataset_id in datasets})
    if len(used) < 2:
        return None
    chosen: int | None = st.selectbox(
        "Of dataset",
        [None, *used],
        key="train.list.dataset",
        format_func=lambda dataset_id: "All datasets" if dataset_id is None else datasets[dataset_id],
        label_visibility="collapsed",
        persist_state="session",
    )
    return chosen


def _open_run(payload: Any) -> None:
    """The browser writes the payload, so it may be anything; a run that is not there is told of by the page."""
    if type(payload) is int and payload > 0:
        open_run(payload)


def _open_race(payload: Any) -> None:
    if isinstance(payload, str):
        open_race(payload)


def _render_trash(services: Services) -> None:
    trashed = services.runs.list_trashed()
    if not trashed:
        return
    with st.expander(f"Deleted runs ({len(trashed)})", icon=":material/delete:"):
        for view in trashed:
            st.markdown(plain(view.name))
            with st.container(horizontal=True, gap="small"):
                st.button(
                    "Bring back",
                    key=f"train.trash.restore.{view.id}",
                    icon=":material/undo:",
                    type="tertiary",
                    on_click=guarded(_restore),
                    args=(view.id, services),
                )
                with st.popover("Delete for good", icon=":material/delete_forever:", type="tertiary"):
                    st.markdown("Its model, its curve and its files are lost. This cannot be undone.")
                    st.button(
                        "Delete for good",
                        key=f"train.trash.purge.{view.id}",
                        icon=":material/delete_forever:",
                        on_click=guarded(services.run_desk.purge),
                        args=(view.id,),
                    )


def _restore(run_id: int, services: Services) -> None:
    open_run(services.runs.restore(run_id).id)
