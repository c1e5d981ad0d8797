"""Opening a project file: what is inside is shown first, and comes in when the person says so."""

import time
from pathlib import Path

import streamlit as st

from core.errors import DatasetError
from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.projects.layout import SUFFIX, ProjectSummary
from core.projects.places import ProjectSource
from core.services import Services
from pages.dataset.chooser import open_dataset
from pages.dataset.uploads import Files, render_uploader
from pages.widgets.errors import guarded, show_error, showing_errors
from pages.words.wording import count, plain, size_text, time_left

_SOURCE = "dataset.project.source"  # the file about which the person is asked, as JSON
_SERVER_FILE = "dataset.project.server_file"
_POLL_SECONDS = 0.5
_NUM_SHOWN = 12  # classes and runs


def render_project_box(services: Services) -> None:
    """Where a project file is dropped, or chosen on the server."""
    render_uploader(
        "Open a project file: a dataset with its models, packed by another Bluetit (.bluetit)",
        key="dataset.start.project",
        services=services,
        accept=True,
        types=(SUFFIX.removeprefix("."),),
        take=lambda files: _receive(files, services),
    )
    if not services.settings.import_dirs:
        return
    form = st.form("dataset.project.server_form", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "A project file of this server",
            services.projects.on_server(),
            index=None,
            placeholder="Choose, or type a path",
            key=_SERVER_FILE,
            accept_new_options=True,
            help="In folders that the administrator allows (BLUETIT_IMPORT_DIRS).",
        )
        st.form_submit_button("Look", on_click=guarded(_find), args=(services,), icon=":material/dns:")


def render_open_project(services: Services) -> None:
    """The project that was chosen: what is inside, how far it is, or that it is here; nothing where there is none."""
    values = st.session_state.get(_SOURCE)
    if values is None:
        return
    source = ProjectSource.from_json(values)
    task = services.projects.reading(source)
    is_active = task is not None and task.is_active
    with st.container(border=True, key="dataset-project"):
        st.fragment(_render_state, run_every=_POLL_SECONDS if is_active else None)(
            source, services, was_active=is_active
        )


def _receive(files: Files, services: Services) -> None:
    if len(files) > 1:
        raise DatasetError(f"{len(files)} files came; projects are opened one at a time. Choose one.")
    file = files[0]
    _look_at(services.projects.receive(file.name, file, file.size), services)


def _find(services: Services) -> None:
    path = str(st.session_state[_SERVER_FILE] or "").strip()
    if not path:
        raise DatasetError("No project file is chosen yet. Choose one from the list, or type its path.")
    _look_at(services.projects.find_on_server(path), services)


def _look_at(source: ProjectSource, services: Services) -> None:
    """Ask about a project from now on; one that cannot be read is told and forgotten at once."""
    try:
        services.projects.look(source)
    except BaseException:
        services.projects.drop(source)
        raise
    st.session_state[_SOURCE] = source.to_json()


def _render_state(source: ProjectSource, services: Services, *, was_active: bool) -> None:
    if st.session_state.get(_SOURCE) != source.to_json():
        st.rerun()  # the whole page: it was put away, or has become a dataset that is to be opened
    with showing_errors():
        task = services.projects.reading(source)
        if task is not None and task.is_active:
            if not was_active:
                st.rerun()  # the whole page, which starts the timer
            _render_progress(source, task, services)
            return
        if was_active:
            st.rerun()  # the whole page: there is a dataset more
        dataset_id = services.projects.brought_in(source)
        if dataset_id is not None:
            _render_here(source, dataset_id, services)
        else:
            _render_question(source, task, services)


def _render_progress(source: ProjectSource, task: TaskView, services: Services) -> None:
    progress = services.projects.progress(task)
    text = "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}"
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress((progress.fraction or 0.0) if progress else 0.0, text=f"**{plain(source.name)}** · {text}")
    button.button(
        "Stop",
        key="dataset.project.stop_reading",
        icon=":material/stop:",
        on_click=guarded(services.projects.stop),
        args=(task,),
        width="stretch",
    )


def _render_here(source: ProjectSource, dataset_id: int, services: Services) -> None:
    dataset = services.library.datasets.get(dataset_id)
    runs = len(services.runs.list_runs(dataset_id))
    more = f" and {count(runs, 'run')}" if runs else ""
    st.markdown(
        f":material/check_circle: **{plain(dataset.name)}** is here, with {count(dataset.num_images, 'photo')}{more}."
    )
    st.button(
        "Open it",
        key="dataset.project.open",
        type="primary",
        icon=":material/arrow_forward:",
        on_click=guarded(_open),
        args=(dataset_id,),
    )


def _open(dataset_id: int) -> None:
    st.session_state.pop(_SOURCE, None)
    open_dataset(dataset_id, "Photos")


def _render_question(source: ProjectSource, task: TaskView | None, services: Services) -> None:
    if task is not None and task.status is TaskStatus.FAILED:
        show_error(task.error or "The project was not brought in; nothing of it is here.")
    else:
        _render_summary(services.projects.look(source), source)
    with st.container(horizontal=True):
        st.button(
            "Try again" if task is not None else "Bring it in",
            key="dataset.project.bring_in",
            type="primary",
            icon=":material/download:",
            on_click=guarded(services.projects.request_reading),
            args=(source,),
        )
        st.button(
            "Do not bring it in",
            key="dataset.project.drop",
            type="tertiary",
            icon=":material/close:",
            on_click=guarded(_drop),
            args=(source, services),
        )


def _drop(source: ProjectSource, services: Services) -> None:
    st.session_state.pop(_SOURCE, None)
    services.projects.drop(source)


def _render_summary(summary: ProjectSummary, source: ProjectSource) -> None:
    """What is inside, as the file says; it is checked when it comes in."""
    packed = time.strftime("%d %B %Y, %H:%M", time.localtime(summary.made_at))
    st.markdown(f":material/help: **{plain(summary.dataset_name)}** — a project in {plain(Path(source.name).name)}")
    marked = f", {summary.num_marked:,} of them marked as right or unsure" if summary.num_marked else ""
    st.markdown(f"{count(summary.num_images, 'photo')} ({size_text(summary.num_bytes)}){marked}")
    classes = [f"{plain(name)} {number:,}" for name, number in summary.class_counts.items()]
    st.markdown(f"{count(len(classes), 'class', 'classes')}: {_listed(classes)}")
    runs = [_run_text(run.name, run.num_correct, run.num_judged, is_done=run.is_done) for run in summary.runs]
    st.markdown(f"{count(len(runs), 'run')}: {_listed(runs)}" if runs else "No runs.")
    st.caption(
        f"Packed on {packed} by Bluetit {plain(summary.made_by)}. It becomes a dataset of its own beside yours; names "
        "that are taken get a number. Bring in only what comes from people whom you trust."
    )


def _run_text(name: str, num_correct: int | None, num_judged: int | None, *, is_done: bool) -> str:
    if not is_done:
        return f"{plain(name)} (not finished)"
    score = f" ({num_correct:,} of {num_judged:,} right)" if num_correct is not None and num_judged else ""
    return f"{plain(name)}{score}"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _NUM_SHOWN:,} more" if len(texts) > _NUM_SHOWN else ""
    return f"{', '.join(texts[:_NUM_SHOWN])}{more}"
