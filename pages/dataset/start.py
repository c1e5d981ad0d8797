"""The dataset page before a dataset is open: make one, open one, bring one back."""

import streamlit as st

from core.datasets.records import DatasetView
from core.datasets.sources.requests import ImportRequest, Source, StagedArchive, StagedFiles
from core.errors import DatasetError
from core.names import MAX_NAME_CHARS
from core.services import Services
from pages.dataset.chooser import open_dataset
from pages.dataset.deleted import render_deleted
from pages.dataset.project_in import render_open_project, render_project_box
from pages.dataset.samples import render_samples
from pages.dataset.uploads import (
    ARCHIVE_TYPES,
    Files,
    archive_title,
    common_title,
    contents,
    render_uploader,
)
from pages.widgets.errors import guarded
from pages.words.place import this_computer
from pages.words.wording import count, plain

_NAME = "dataset.start.name"
_CLASSES = "dataset.start.classes"
_GUIDE = """
**From photos to a dataset**

1. **Collect**: name your classes, bring photos in.
2. **Photos**: look at them, move what is in the wrong class.
3. **Check**: let Bluetit find copies and bad photos.
4. **Split**: keep some photos for an honest test.

What you delete can be brought back.
"""


def render_start(services: Services) -> None:
    """Everything a visitor without an open dataset can do."""
    with st.sidebar:
        st.markdown(_GUIDE)
    st.title("Teach it your own photos", anchor=False)
    st.markdown(
        "Collect photos of what you care about in named classes: a **dataset**. "
        f"Everything stays on {this_computer(services.settings.access)}."
    )
    render_open_project(services)
    datasets = services.library.datasets.all()
    if datasets:
        _render_datasets(datasets)
    new, ready = st.columns(2, gap="large")
    with new:
        _render_new(services)
    with ready:
        _render_ready(services)
    render_deleted(services)


def _render_datasets(datasets: list[DatasetView]) -> None:
    st.subheader("Go on with", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for dataset in datasets:
            with st.container(border=True, width=240):
                st.markdown(f"**{plain(dataset.name)}**")
                st.caption(f"{count(dataset.num_classes, 'class', 'classes')} · {count(dataset.num_images, 'photo')}")
                st.button(
                    "Open",
                    key=f"dataset.start.open.{dataset.id}",
                    on_click=guarded(open_dataset),
                    args=(dataset.id, "Photos" if dataset.num_images else "Collect"),
                    width="stretch",
                )


def _render_new(services: Services) -> None:
    st.subheader("Start a new one", anchor=False)
    with st.form("dataset.start.form"):
        st.text_input("What is it about?", key=_NAME, placeholder="Birds of our garden")
        st.text_input(
            "What should it tell apart?",
            key=_CLASSES,
            placeholder="blue tit, crow",
            help="The names of your classes, with commas between them. You can add, rename and merge them later.",
        )
        st.form_submit_button(
            "Create", type="primary", icon=":material/add:", on_click=guarded(_create), args=(services,)
        )


def _create(services: Services) -> None:
    library = services.library
    classes = [part.strip() for part in st.session_state[_CLASSES].split(",") if part.strip()]
    name = st.session_state[_NAME].strip()
    if not name and not classes:
        raise DatasetError("The dataset has no name yet. Type what it is about, or the names of your classes.")
    dataset = library.datasets.create(name or library.datasets.free_name(_name_from(classes)), classes)
    open_dataset(dataset.id, "Collect")


def _name_from(classes: list[str]) -> str:
    name = " or ".join(classes)
    return name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…"


def _render_ready(services: Services) -> None:
    st.subheader("Or bring photos that are sorted already", anchor=False)
    folder, archive, project, samples = st.tabs(["Folder", "Archive", "Project", "Samples"])
    with folder:
        render_uploader(
            "A folder with one folder per class; train, validation and test folders are recognised",
            key="dataset.start.folder",
            services=services,
            accept="directory",
            take=lambda files: _import_folder(files, services),
        )
    with archive:
        render_uploader(
            "Archives of photos, an export of Bluetit, or samples of Teachable Machine; several parts at once",
            key="dataset.start.archive",
            services=services,
            accept=True,
            types=ARCHIVE_TYPES,
            take=lambda files: _import_archives(files, services),
        )
    with project:
        render_project_box(services)
    with samples:
        st.caption("No photos at hand? These need no network.")
        render_samples("dataset.start.samples", 0, lambda title, source: _import_sample(services, title, source))


def _import_folder(files: Files, services: Services) -> None:
    top, separator, _ = files[0].name.replace("\\", "/").partition("/")
    title = top if separator else "My folder"
    staging = services.imports.stage_files(contents(files))
    _import_into_new(services, title, StagedFiles(folder=staging), title)


def _import_archives(files: Files, services: Services) -> None:
    staging = services.imports.stage_files(contents(files))
    title = files[0].name if len(files) == 1 else count(len(files), "archive")
    name = archive_title(common_title([file.name for file in files]))
    _import_into_new(services, name, StagedArchive(folder=staging), title)


def _import_sample(services: Services, title: str, source: Source) -> None:
    _import_into_new(services, title, source, title)


def _import_into_new(services: Services, name: str, source: Source, title: str) -> None:
    """One import into a dataset of its own, which goes with it if nothing comes of it."""
    earlier = services.library.datasets.find(name)
    if earlier is not None:
        services.library.datasets.discard_if_vacant(earlier.id)
    dataset = services.library.datasets.create(services.library.datasets.free_name(name))
    request = ImportRequest(dataset_id=dataset.id, source=source, title=title, is_new_dataset=True)
    services.imports.submit(request)
    open_dataset(dataset.id, "Photos")
