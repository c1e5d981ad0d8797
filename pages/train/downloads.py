"""The run's own files, and the packaging that makes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import RunFileError, StorageError
from core.export.findings import describe_findings, read_findings, warnings_of
from core.export.run_files import RUN_FILES
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from pages.server.file_routes import EVERYTHING, LABELS, model_url
from pages.server.run_routes import run_url
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.widgets.run_progress import run_progress
from pages.words.wording import plain, size_text

_WORTH_TELLING_BYTES = 10_000


def render_downloads(view: RunView, told: Mapping[str, Any], services: Services) -> None:
    """The files with what is known of them; or how far they are; or why there are none, and a second try.

    Args:
        view: the run.
        told: how far they are, from `pages.words.run_told`.
        services: where it is kept.
    """
    with st.container(border=True):
        st.markdown("**The run's own files**")
        st.caption("Bluetit answers by these where the prepared network is gone. They are not calibrated.")
        if view.package_status in ACTIVE_STATUSES:
            run_progress(told, url=run_url(view.id), key=f"train.packaging.{view.id}")
        elif view.package_status is TaskStatus.DONE:
            _render_files(view, services)
        else:
            _render_request(view, services)


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
    offers = [(row.name, row.title, folder.file(row.file_name), row.explanation) for row in RUN_FILES]
    offers.append((LABELS, "Labels", folder.labels_path, "The class names, in the order of its answers."))
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
    try:
        findings = read_findings(folder)
    except (RunFileError, StorageError) as exc:
        show_error(str(exc))
        return
    if findings:
        st.caption(":material/verified: " + describe_findings(findings))
        for warning in warnings_of(findings):
            st.warning(plain(warning), icon=":material/warning:")
