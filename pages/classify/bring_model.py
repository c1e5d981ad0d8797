"""Bringing a model from elsewhere: files in, a question where one has to be asked, progress, and then it answers."""

import streamlit as st

from core.foreign.labels import LABEL_SUFFIXES
from core.foreign.opening import MODEL_SUFFIXES
from core.foreign.records import ForeignSource
from core.foreign.refusals import NAMED_SUFFIXES
from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.services import Services
from pages.classify.foreign_menu import render_deleted
from pages.widgets import links
from pages.widgets.address import NETWORK
from pages.widgets.errors import guarded, show_error, showing_errors
from pages.widgets.uploading import Files, render_upload_box
from pages.words.foreign_told import ACCEPT_WORDS
from pages.words.wording import plain, time_left

_SOURCE = "foreign.source"  # the files about which the person is asked, as JSON
_PANEL = "foreign.bring"
_POLL_SECONDS = 0.5
_ENDINGS = (*MODEL_SUFFIXES, *LABEL_SUFFIXES, *NAMED_SUFFIXES, ".zip", ".rar", ".7z", ".gz")
_TYPES = tuple(ending.removeprefix(".") for ending in _ENDINGS)


def take_brought(services: Services) -> None:
    """Have a model answer that has just come in; called once in each run, before the network is looked up."""
    source = _source()
    model = None if source is None else services.foreign_desk.brought_in(source)
    if model is None:
        return
    st.session_state.pop(_SOURCE)
    NETWORK.open(links.classify_with_foreign(model.id).address)
    st.toast(f"{plain(model.name)} is here and answers.", icon=":material/check_circle:")


def render_bring_model(services: Services) -> None:
    """The way in, below the choice of network."""
    source = _source()
    if source is not None:
        st.session_state[_PANEL] = True  # on another page, and back
    panel = st.expander("Bring a model from elsewhere", icon=":material/upload_file:", key=_PANEL, on_change="rerun")
    if not panel.open:
        return
    with panel:
        if source is None:
            _render_box(services)
            render_deleted(services)
            return
        task = services.foreign_desk.reading(source)
        is_active = task is not None and task.is_active
        st.fragment(_render_state, run_every=_POLL_SECONDS if is_active else None)(
            source, services, was_active=is_active
        )


def _render_box(services: Services) -> None:
    st.caption(
        "From Teachable Machine (Keras or Tensorflow Lite), Lobe, Edge Impulse, "
        "MediaPipe, a notebook, or another Bluetit: a "
        ".keras or .tflite file with its labels.txt, or the zip that the tool gave you."
    )
    render_upload_box(
        "Drop a model here, together with its list of class names",
        key="foreign.files",
        max_megabytes=-(-services.settings.max_foreign_bytes // 1_000_000),
        types=_TYPES,
        take=lambda files: _receive(files, services),
    )


def _receive(files: Files, services: Services) -> None:
    source = services.foreign_desk.receive([(file.name, file, file.size) for file in files])
    if services.foreign_desk.needs_acceptance(source):
        st.session_state[_SOURCE] = source.to_json()
        return
    st.session_state[_SOURCE] = services.foreign_desk.request_reading(source).to_json()


def _source() -> ForeignSource | None:
    values = st.session_state.get(_SOURCE)
    return None if values is None else ForeignSource.from_json(values)


def _render_state(source: ForeignSource, services: Services, *, was_active: bool) -> None:
    if _source() != source:
        st.rerun()  # the whole page: it was put away, or asked for in another way
    with showing_errors():
        task = services.foreign_desk.reading(source)
        is_active = task is not None and task.is_active
        if is_active != was_active:
            st.rerun()  # the whole page: the timer starts, or the model is here
        if task is not None and is_active:
            _render_progress(source, task, services)
        else:
            _render_question(source, task, services)


def _render_progress(source: ForeignSource, task: TaskView, services: Services) -> None:
    progress = services.foreign_desk.progress(task)
    text = "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}"
    st.progress((progress.fraction or 0.0) if progress else 0.0, text=f"**{plain(source.title)}** · {text}")
    st.button(
        "Stop",
        key="foreign.stop",
        icon=":material/stop:",
        on_click=guarded(services.foreign_desk.stop),
        args=(task,),
    )


def _render_question(source: ForeignSource, task: TaskView | None, services: Services) -> None:
    """Before an old file is opened, and after one that could not be brought in."""
    st.markdown(f"**{plain(', '.join(source.names))}**")
    has_failed = task is not None and task.status is TaskStatus.FAILED
    if task is not None and has_failed:
        show_error(task.error or "The model was not brought in; nothing of it is here.")
    elif task is not None:
        st.info("Stopped; nothing of it was kept.", icon=":material/stop:")
    needs_acceptance = not source.accepts_hdf5 and services.foreign_desk.needs_acceptance(source)
    accepts = True
    if needs_acceptance:
        accepts = st.checkbox(ACCEPT_WORDS, key=_accepts_key(source))
        st.caption("If you can, save the model as .keras or .tflite where it was trained: these need no such trust.")
    if has_failed:
        _render_drop(source, services, label="Choose another file", is_primary=True)
        place = st.expander("The file lacks the names of its classes", icon=":material/label:")
        place.text_area(
            "Class names, one a line",
            key=_names_key(source),
            placeholder="In the order in which the model was trained",
            height=110,
        )
    else:
        place = st.container(horizontal=True)
    place.button(
        "Try again with these names" if has_failed else "Bring it in",
        key="foreign.bring_in",
        type="secondary" if has_failed else "primary",
        icon=":material/download:",
        disabled=not accepts,
        on_click=guarded(_bring_in),
        args=(source, services),
    )
    if not has_failed:
        with place:
            _render_drop(source, services, label="Put it away", is_primary=False)


def _render_drop(source: ForeignSource, services: Services, *, label: str, is_primary: bool) -> None:
    st.button(
        label,
        key="foreign.drop",
        type="primary" if is_primary else "tertiary",
        icon=":material/upload_file:" if is_primary else ":material/close:",
        on_click=guarded(_drop),
        args=(source, services),
    )


def _bring_in(source: ForeignSource, services: Services) -> None:
    accepts = source.accepts_hdf5 or bool(st.session_state.get(_accepts_key(source)))
    names = str(st.session_state.get(_names_key(source), ""))
    asked = services.foreign_desk.request_reading(source, accepts_hdf5=accepts, class_names=names)
    st.session_state[_SOURCE] = asked.to_json()


def _accepts_key(source: ForeignSource) -> str:
    """Another for each file: nobody trusts the next one by having trusted this one."""
    return f"foreign.accepts.{source.key}"


def _names_key(source: ForeignSource) -> str:
    return f"foreign.names.{source.key}"


def _drop(source: ForeignSource, services: Services) -> None:
    st.session_state.pop(_SOURCE, None)
    services.foreign_desk.drop(source)
