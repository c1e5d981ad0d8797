"""What can be done with a dataset as a whole: rename, duplicate, export, take home, delete."""

import streamlit as st

from core.datasets.exporting import export_path
from core.datasets.records import DatasetView
from core.datasets.tasks import EXPORT_KIND
from core.services import Services
from pages.dataset.chooser import leave_dataset, open_dataset
from pages.dataset.deleted import trash_period
from pages.dataset.project_out import render_project_out
from pages.server.file_routes import dataset_url
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.words.wording import plain

_POLL_SECONDS = 0.5


def render_dataset_menu(dataset: DatasetView, services: Services) -> None:
    """A popover with the actions on a dataset."""
    with st.popover("Rename, export …", icon=":material/more_horiz:", key=f"dataset.menu.{dataset.id}"):
        key = f"dataset.menu.name.{dataset.id}"
        st.session_state[key] = dataset.name
        st.text_input("Name", key=key, on_change=guarded(_rename), args=(dataset, services, key))
        st.button("Duplicate", icon=":material/content_copy:", on_click=guarded(_duplicate), args=(dataset, services))
        _render_export(dataset, services)
        render_project_out(dataset, services)
        st.button(
            "Delete",
            icon=":material/delete:",
            help=f"It can be brought back from the list of all datasets{trash_period(services.settings)}.",
            on_click=guarded(_delete),
            args=(dataset, services),
        )


def _rename(dataset: DatasetView, services: Services, key: str) -> None:
    if st.session_state[key] != dataset.name:  # not the text of a box that has gone with the dataset
        services.library.datasets.rename(dataset.id, st.session_state[key])


def _duplicate(dataset: DatasetView, services: Services) -> None:
    copy = services.library.datasets.duplicate(dataset.id, services.library.datasets.free_name(dataset.name))
    open_dataset(copy.id)


def _delete(dataset: DatasetView, services: Services) -> None:
    services.library.datasets.delete(dataset.id)
    leave_dataset()
    st.toast(f"Deleted {plain(dataset.name)}. It can be brought back below.", icon=":material/delete:")


def _render_export(dataset: DatasetView, services: Services) -> None:
    is_active = services.dataset_tasks.is_active(EXPORT_KIND, dataset.id)
    st.fragment(_render_export_state, run_every=_POLL_SECONDS if is_active else None)(
        dataset, services, was_active=is_active
    )


def _render_export_state(dataset: DatasetView, services: Services, *, was_active: bool) -> None:
    task = services.dataset_tasks.latest(EXPORT_KIND, dataset.id)
    if task is not None and task.is_active:
        if not was_active:
            st.rerun()  # the whole page, which starts the timer
        progress = services.queue.progress(task.id)
        st.progress((progress.fraction or 0.0) if progress else 0.0, text="Writing the zip")
        return
    if was_active:
        st.rerun()  # the whole page, which ends the timer
    if export_path(services.settings, dataset).is_file():
        render_download("Download zip", dataset_url(dataset.id, dataset.revision))
        return
    if task is not None and task.error:
        show_error(task.error)
    st.button(
        "Export as zip",
        icon=":material/archive:",
        disabled=not dataset.num_images,
        help="Folders per split and class with a table of all photos; Bluetit can import it again.",
        on_click=guarded(services.dataset_tasks.request),
        args=(EXPORT_KIND, dataset.id),
    )
