"""The files that people take away, and the packaging that makes them."""

from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import RunFileError, StorageError
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from pages.server.file_routes import EVERYTHING, KERAS, LABELS, LITERT, model_url
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.widgets.wording import plain, size_text, time_left

_WORTH_TELLING_BYTES = 10_000


def is_being_packaged(view: RunView) -> bool:
    """Whether the files are being made, or wait to be."""
    return view.package_status in ACTIVE_STATUSES


def render_downloads(view: RunView, services: Services) -> None:
    """The files with what is known of them; or how far they are; or why there are none, and a second try."""
    with st.container(border=True):
        st.markdown("**Take the model with you**")
        if is_being_packaged(view):
            _render_progress(view, services)
        elif view.package_status is TaskStatus.DONE:
            _render_files(view, services)
        else:
            _render_request(view, services)


def _render_progress(view: RunView, services: Services) -> None:
    progress = None if view.package_task_id is None else services.queue.progress(view.package_task_id)
    text = "Packaging waits for its turn; the model answers already"
    if progress is not None:
        text = f"Packaging: {plain(progress.message)}{time_left(progress.seconds_left)}"
    st.progress((progress.fraction or 0.0) if progress else 0.0, text=text)


def _render_request(view: RunView, services: Services) -> None:
    if view.package_status is None:
        label = "Make the files"
        st.caption("The files have not been made yet.")
    else:
        label = "Try again"
        show_error(f"Packaging did not succeed. {view.package_error or 'It was stopped.'} The model itself is whole.")
    st.button(
        label,
        key=f"train.package.{view.id}",
        icon=":material/inventory_2:",
        on_click=guarded(services.run_desk.request_packaging),
        args=(view.id,),
    )


def _render_files(view: RunView, services: Services) -> None:
    folder = RunFolder(services.settings, view.id)
    offers = [
        (KERAS, "Keras", folder.keras_path, "The whole model, to go on with in Python."),
        (LITERT, "LiteRT", folder.litert_path, "The whole model for phones and small computers."),
        (LABELS, "Labels", folder.labels_path, "The class names, in the order of its answers."),
    ]
    there = [offer for offer in offers if offer[2].is_file()]
    if len(there) < len(offers):
        st.warning("Some files of the model are missing.", icon=":material/warning:")
        _render_missing(view, services)
    with st.container(horizontal=True, gap="small"):
        if there:
            render_download("Everything (zip)", model_url(view.id, EVERYTHING), icon=":material/folder_zip:")
        for part, title, path, explanation in there:
            render_download(_label(title, path), model_url(view.id, part), help_text=explanation)
    _render_findings(folder)


def _label(title: str, path: Path) -> str:
    """A title with the size of its file, where that is worth knowing."""
    size = path.stat().st_size
    return title if size < _WORTH_TELLING_BYTES else f"{title} · {size_text(size)}"


def _render_missing(view: RunView, services: Services) -> None:
    st.button(
        "Make the files again",
        key=f"train.package.{view.id}",
        icon=":material/inventory_2:",
        on_click=guarded(services.run_desk.request_packaging),
        args=(view.id,),
    )


def _render_findings(folder: RunFolder) -> None:
    if not folder.package_path.is_file():
        return
    try:
        found = folder.read_json(folder.package_path)
    except (RunFileError, StorageError) as exc:
        show_error(str(exc))
        return
    if isinstance(found, dict):
        st.caption(":material/verified: " + describe_package(found))
        if found.get("warning"):
            st.warning(plain(str(found["warning"])), icon=":material/warning:")


def describe_package(found: dict[str, Any]) -> str:
    """What packaging found out when it compared the files with the model, in one or two sentences."""
    difference = found.get("reload_difference")
    parts = []
    if difference is not None:
        same = "no difference" if difference == 0 else f"a difference of {_points(difference)}"
        parts.append(f"Saved, reloaded and asked again: {same}.")
    litert = found.get("litert_difference")
    if litert is not None:
        answers = "the same best answer" if found.get("same_top1") else "not always the same best answer"
        parts.append(
            f"LiteRT beside Keras on {found.get('num_compared', 0):,} photos: {answers}, probabilities differ by at "
            f"most {_points(litert)}."
        )
    return " ".join(parts) or "The files were made."


def _points(difference: float) -> str:
    """A difference of probabilities, 0-1, in percentage points."""
    return f"{100 * difference:.2g} points"
