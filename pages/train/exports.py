"""The formats in which a model can be taken away: made when asked, proven, told before anybody downloads them."""

import streamlit as st

from core.export.at_once import NUM_PHOTOS
from core.export.desk import ExportState
from core.export.formats import ExportFormat, Runtime, find_format
from core.export.page_wishes import MAX_MAKER_LINE_CHARS
from core.jobs.status import TaskStatus
from core.runs.records import RunView
from core.services import Services
from pages.server.file_routes import export_url
from pages.server.run_routes import export_progress_url, tell_export_now
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.widgets.run_progress import run_progress
from pages.words.export_told import export_facts, outdated_text
from pages.words.telling import with_tag
from pages.words.wording import plain, size_text

_AT_ONCE = (
    ":material/bolt: No need to wait: it is written the moment you press, and given out once it has answered "
    f"{NUM_PHOTOS} photos as the Classify page does."
)


def render_exports(view: RunView, services: Services) -> None:
    """One row for each format.

    Args:
        view: a run that is done.
        services: where it is kept.
    """
    with st.container(border=True, key="train-exports", gap="small"):
        st.markdown("**Take the model with you**")
        st.caption(
            "Each is a zip with the model, what runs it, a model card, three photos with their answers "
            "and the proof that it answers as the Classify page does. Calibration is inside."
        )
        states = services.exports.states(view)
        for state in states:
            _render_format(state, view, services)
        if any(_can_be_made(state) for state in states):
            st.button(
                "Make all",
                key=f"train.export.all.{view.id}",
                icon=":material/inventory_2:",
                type="tertiary",
                on_click=guarded(_make_all),
                args=(view.id, tuple(state.row.name for state in states if _can_be_made(state)), services),
            )


def _make_all(run_id: int, names: tuple[str, ...], services: Services) -> None:
    for name in names:
        _make(run_id, find_format(name), services)


def _make(run_id: int, row: ExportFormat, services: Services) -> None:
    if row.runtime is Runtime.BROWSER:
        _keep_maker_line(run_id, services)  # a click may come before what was typed last has been told
    services.exports.request(run_id, row.name)


def _keep_maker_line(run_id: int, services: Services) -> None:
    line = st.session_state.get(_maker_line_key(run_id))
    if line is not None:
        services.exports.set_maker_line(run_id, line)


def _maker_line_key(run_id: int) -> str:
    return f"train.export.maker_line.{run_id}"


def _can_be_made(state: ExportState) -> bool:
    return state.record is None and state.obstacle is None and not state.is_being_made


def _render_format(state: ExportState, view: RunView, services: Services) -> None:
    row = state.row
    with st.container(key=f"train-export-{row.name}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{row.title}** · {row.explanation}", width="stretch")
            _render_buttons(state, view, services)
        if row.runtime is Runtime.BROWSER and state.obstacle is None:
            st.text_input(
                "A line of your own, below the title",
                value="" if state.problem else services.exports.maker_line(view.id),
                key=_maker_line_key(view.id),
                max_chars=MAX_MAKER_LINE_CHARS,
                disabled=state.is_being_made,
                on_change=guarded(_keep_maker_line),
                args=(view.id, services),
            )
        if state.is_being_made:
            told = with_tag(tell_export_now(state.task, services))
            url = export_progress_url(view.id, row.name)
            run_progress(told, url=url, key=f"train.export.progress.{view.id}.{row.name}")
        else:
            _render_known(state)


def _render_buttons(state: ExportState, view: RunView, services: Services) -> None:
    """What can be done next: stop it; or take it, and make it, for the first time or again."""
    row, key = state.row, f"train.export.{view.id}.{state.row.name}"
    if state.is_being_made:
        st.button(
            "Stop",
            key=f"{key}.stop",
            icon=":material/stop:",
            disabled=state.task is not None and state.task.cancel_requested_at is not None,
            on_click=guarded(services.exports.stop),
            args=(view.id, row.name),
        )
        return
    num_bytes = 0 if state.record is None else state.record.zip_bytes
    if num_bytes or state.is_at_once:
        label = f"Download · {size_text(num_bytes)}" if num_bytes else "Download"
        render_download(label, export_url(view.id, row.name))
    if state.obstacle is None:
        label, icon = _making(state)
        st.button(
            label,
            key=f"{key}.make",
            icon=icon,
            type="tertiary" if num_bytes or state.is_at_once else "secondary",
            on_click=guarded(_make),
            args=(view.id, row, services),
        )


def _making(state: ExportState) -> tuple[str, str]:
    """What the button says that has the worker make it, and its icon."""
    record = state.record
    if state.is_at_once or (record is not None and record.zip_bytes and record.is_made_at_once):
        return "Prove on all photos", ":material/verified:"
    if record is not None and record.zip_bytes:
        return "Make again", ":material/replay:"
    if state.changed:
        return "Make again", ":material/replay:"
    return "Make" if state.task is None else "Make again", ":material/inventory_2:"


def _render_known(state: ExportState) -> None:
    """What the proof found; why there is none; and what became of the last try to make it, where nothing did."""
    if state.record is not None:
        proven = state.record.proven
        refusal = state.record.refusal(state.row)
        facts = export_facts(state.record)
        if refusal is None:
            icon = "help" if proven.certificate is None else "verified"
            told = proven.told(state.record.promise_of(state.row))
            st.caption(f"{facts}  \n:material/{icon}: {plain(told)}")
        else:
            st.caption(facts)
            show_error(refusal)
    elif state.problem is not None:
        show_error(state.problem)
    elif state.obstacle is not None:
        st.caption(f":material/block: {plain(state.obstacle)}")
    elif state.is_at_once:
        st.caption(_AT_ONCE)
    elif state.changed:
        st.caption(f":material/history: {outdated_text(state.changed)}")
    if state.task is None:
        return
    if state.task.status is TaskStatus.FAILED:
        show_error(f"It could not be made. {state.task.error or 'The log says why.'}")
    elif state.task.status is TaskStatus.CANCELLED:
        st.caption(":material/block: It was stopped.")
