"""Taking a project home: a dataset with the runs that a person chooses, packed into one file."""

import streamlit as st

from core.datasets.records import DatasetView
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.server.file_routes import project_url
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.words.wording import time_left

_POLL_SECONDS = 0.5


def render_project_out(dataset: DatasetView, services: Services) -> None:
    """The choice of runs, and the file once it is packed, in an expander."""
    place = st.expander(
        "Take the project home",
        icon=":material/backpack:",
        key=f"dataset.project.out.{dataset.id}",
        on_change="rerun",  # what it shows is asked of the database only while it is open
    )
    if place.open:
        with place:
            _render_choice(dataset, services)


def _render_choice(dataset: DatasetView, services: Services) -> None:
    views = {view.id: view for view in services.projects.runs_to_take(dataset.id)}
    key = f"dataset.project.runs.{dataset.id}"
    if key in st.session_state:  # one that was deleted meanwhile is no option any more
        st.session_state[key] = [run_id for run_id in st.session_state[key] if run_id in views]
    chosen = (
        st.multiselect(
            "With these runs",
            list(views),
            default=None if key in st.session_state else list(views),
            key=key,
            format_func=lambda run_id: _title(views[run_id]),
            placeholder="The photos alone",
            help="Each brings its model, its results and what it learned from. Files for download are made anew there.",
        )
        if views
        else []
    )
    file_name = services.projects.file_name(dataset, chosen)
    task = services.projects.writing(file_name)
    is_active = task is not None and task.is_active
    st.fragment(_render_state, run_every=_POLL_SECONDS if is_active else None)(
        dataset, tuple(chosen), file_name, services, was_active=is_active
    )


def _render_state(
    dataset: DatasetView, run_ids: tuple[int, ...], file_name: str, services: Services, *, was_active: bool
) -> None:
    task = services.projects.writing(file_name)
    if task is not None and task.is_active:
        if not was_active:
            st.rerun()  # the whole page, which starts the timer
        progress = services.projects.progress(task)
        text = "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}"
        st.progress((progress.fraction or 0.0) if progress else 0.0, text=text)
        st.button(
            "Stop",
            key=f"dataset.project.stop.{dataset.id}",
            icon=":material/stop:",
            on_click=guarded(services.projects.stop),
            args=(task,),
        )
        return
    if was_active:
        st.rerun()  # the whole page, which ends the timer
    if services.projects.is_written(file_name):
        render_download("Download project", project_url(dataset.id, file_name))
        return
    if task is not None and task.error:
        show_error(task.error)
    st.button(
        "Pack the project",
        key=f"dataset.project.pack.{dataset.id}",
        icon=":material/inventory_2:",
        help="One file with photos, splits, marks and the chosen runs. Open it in another Bluetit, and go on there.",
        on_click=guarded(services.projects.request_writing),
        args=(dataset, run_ids),
    )


def _title(view: RunView) -> str:
    return view.name if view.status is RunStatus.DONE else f"{view.name} (not finished)"
