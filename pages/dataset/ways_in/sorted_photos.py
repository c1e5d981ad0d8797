"""Photos that are sorted already: folders and archives from the browser, folders of the server."""

from pathlib import Path

import streamlit as st

from core.datasets.ingest.places import list_folders
from core.datasets.records import DatasetView
from core.datasets.sources.requests import ServerFolder, StagedArchive, StagedFiles
from core.errors import DatasetError
from core.services import Services
from pages.dataset.uploads import ARCHIVE_TYPES, Files, contents, render_uploader
from pages.dataset.ways_in.submitting import submit
from pages.widgets.errors import guarded
from pages.words.wording import count

FOLDER_BOX, ARCHIVE_BOX = "dataset.collect.folder", "dataset.collect.archive"


def render_sorted_photos(dataset: DatasetView, services: Services) -> None:
    """Boxes for folders and archives, whose folders name the classes."""
    st.caption(
        "The folders name the classes. Folders called train, validation or test, with any spelling, set the split."
    )
    folder, archive = st.columns(2)
    with folder:
        render_uploader(
            "A folder with one folder per class",
            key=FOLDER_BOX,
            services=services,
            accept="directory",
            take=lambda files: _add_folder(files, dataset, services),
        )
    with archive:
        render_uploader(
            "Archives: zip, tar, 7z …; several parts at once",
            key=ARCHIVE_BOX,
            services=services,
            accept=True,
            types=ARCHIVE_TYPES,
            take=lambda files: _add_archives(files, dataset, services),
        )
    _render_server_folders(dataset, services)


def _add_folder(files: Files, dataset: DatasetView, services: Services) -> None:
    staging = services.imports.stage_files(contents(files))
    title = files[0].name.replace("\\", "/").split("/")[0]
    submit(services, dataset, StagedFiles(folder=staging), title=title, target=None)


def _add_archives(files: Files, dataset: DatasetView, services: Services) -> None:
    # Together: several may be the parts of one, or a class each.
    staging = services.imports.stage_files(contents(files))
    title = files[0].name if len(files) == 1 else count(len(files), "archive")
    submit(services, dataset, StagedArchive(folder=staging), title=title, target=None)


def _render_server_folders(dataset: DatasetView, services: Services) -> None:
    if not services.settings.import_dirs:
        return
    form = st.form("dataset.collect.server_form", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "A folder of this server",
            list_folders(services.settings),
            index=None,  # a box that is filled already swallows the first letters of what is typed or pasted
            placeholder="Choose, or type a path",
            key="dataset.collect.server_folder",
            accept_new_options=True,
            help="Folders that the administrator allows (BLUETIT_IMPORT_DIRS).",
        )
        st.form_submit_button(
            "Import", on_click=guarded(_add_server_folder), args=(dataset, services), icon=":material/dns:"
        )


def _add_server_folder(dataset: DatasetView, services: Services) -> None:
    path = str(st.session_state["dataset.collect.server_folder"] or "").strip()
    if not path:
        raise DatasetError("No folder is chosen yet. Choose one from the list, or type its path.")
    submit(services, dataset, ServerFolder(path=path), title=Path(path).name or path, target=None)
