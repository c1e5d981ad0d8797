"""The ways in: files, folders, archives, camera, links, folders of the server, public sources, samples."""

import time
from pathlib import Path

import streamlit as st

from core.datasets.ingest.places import list_folders
from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import (
    ImportRequest,
    Kaggle,
    Licence,
    Links,
    ServerFolder,
    Source,
    StagedArchive,
    StagedFiles,
    TensorFlowDataset,
    WebSearch,
)
from core.errors import DatasetError
from core.links.data_address import split_addresses
from core.services import Services
from pages.dataset.camera_burst import Burst, camera_burst
from pages.dataset.no_photos import render_first_class_hint
from pages.dataset.samples import render_samples
from pages.dataset.uploads import ARCHIVE_TYPES, Files, contents, max_upload_bytes, render_uploader
from pages.widgets.browser_events import Pasted, watch_browser
from pages.widgets.errors import guarded
from pages.widgets.uploading import open_box
from pages.widgets.wording import count, plain

_TARGET = "dataset.collect.target"
_NEW_CLASS = "dataset.collect.new_class"
_FOLDER, _ARCHIVE = "dataset.collect.folder", "dataset.collect.archive"
_MAX_BURST_FRAMES = 150

_LICENCES = {
    Licence.ANY: "any, also unknown",
    Licence.PUBLIC: "public domain",
    Licence.SHARE: "free to share and use",
    Licence.SHARE_COMMERCIALLY: "free to share and use commercially",
    Licence.MODIFY: "free to change, share and use",
    Licence.MODIFY_COMMERCIALLY: "free to change, share and use commercially",
}


def render_collect(dataset: DatasetView, services: Services) -> None:
    """Choose a class, then a way in; sources with class folders of their own need no choice."""
    target = _render_target(dataset, services)
    photos, camera, sorted_ones, link, public, samples = st.tabs(
        [
            ":material/upload: Photos",
            ":material/photo_camera: Camera",
            ":material/folder: Folder or archive",
            ":material/link: Link",
            ":material/public: Public sources",
            ":material/brush: Samples",
        ]
    )
    with photos:
        if _has_target(target):
            photos_key = f"dataset.collect.files.{target.id}"
            render_uploader(
                f"Drop photos of {target.name} here, browse, or paste with Ctrl+V anywhere on the page",
                key=photos_key,
                services=services,
                accept=True,
                take=lambda files: _add_files(files, dataset, target, services),
            )
            watch_browser(
                key="dataset.collect.browser_events",
                max_photo_bytes=max_upload_bytes(services),
                boxes=[open_box(key) for key in (photos_key, _FOLDER, _ARCHIVE)],
                on_pasted=lambda pasted: _add_pasted(pasted, dataset, target, services),
                on_oversized=lambda oversized: _refuse_oversized(oversized, services),
                on_lost=_refuse_lost,
            )
    with camera:
        if _has_target(target):
            _render_camera(dataset, target, services)
    with sorted_ones:
        _render_sorted(dataset, services)
    with link:
        _render_links(dataset, target, services)
    with public:
        _render_public(dataset, target, services)
    with samples:
        _render_samples(dataset, services)


# --- the class that photos go to -------------------------------------------------------------------------


def _render_target(dataset: DatasetView, services: Services) -> ClassView | None:
    classes = {view.id: view for view in services.library.list_classes(dataset.id)}
    if st.session_state.get(_TARGET) not in classes:
        st.session_state[_TARGET] = next(iter(classes), None)
    choice, new = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    with choice:
        if classes:
            st.pills(
                "Into which class?",
                list(classes),
                key=_TARGET,
                required=True,
                format_func=lambda class_id: f"{plain(classes[class_id].name)} · {classes[class_id].num_images:,}",
                wrap=True,
            )
        else:
            render_first_class_hint(dataset, services)
    form = new.form("dataset.collect.class_form", border=False, clear_on_submit=True)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("New class", key=_NEW_CLASS, placeholder="blue tit")
        st.form_submit_button(
            "Add class", icon=":material/add:", on_click=guarded(_add_class), args=(dataset, services)
        )
    return classes.get(st.session_state.get(_TARGET))


def _add_class(dataset: DatasetView, services: Services) -> None:
    if not st.session_state[_NEW_CLASS].strip():
        return  # the second half of a double click: the first has made the class and emptied the box
    created = services.library.create_class(dataset.id, st.session_state[_NEW_CLASS])
    st.session_state[_TARGET] = created.id


def _has_target(target: ClassView | None) -> bool:
    if target is None:
        st.info("Add a class first; its photos go here.", icon=":material/label:")
    return target is not None


# --- one way each ----------------------------------------------------------------------------------------


def _submit(services: Services, dataset: DatasetView, source: Source, *, title: str, target: ClassView | None) -> None:
    services.imports.submit(
        ImportRequest(dataset_id=dataset.id, source=source, title=title, target_class=target.name if target else None)
    )


def _add_files(files: Files, dataset: DatasetView, target: ClassView, services: Services) -> None:
    staging = services.imports.stage_files(contents(files))
    title = files[0].name if len(files) == 1 else count(len(files), "file")
    _submit(services, dataset, StagedFiles(folder=staging), title=title, target=target)


def _add_pasted(pasted: Pasted, dataset: DatasetView, target: ClassView, services: Services) -> None:
    photos = [(photo.name, photo.data) for photo in pasted.photos if photo.data is not None]
    if photos:
        staging = services.imports.stage_files(photos)
        title = f"Pasted: {count(len(photos), 'photo')}"
        _submit(services, dataset, StagedFiles(folder=staging), title=title, target=target)
    if pasted.link:
        _submit(services, dataset, Links(urls=(pasted.link,)), title="Pasted link", target=target)
    refused = [photo.reason for photo in pasted.photos if photo.data is None]
    if refused:
        raise DatasetError(" ".join(refused))


def _refuse_oversized(oversized: dict[str, int], services: Services) -> None:
    sizes = ", ".join(f"{name} ({num_bytes / 1e6:,.0f} MB)" for name, num_bytes in oversized.items())
    limit = services.settings.max_photo_bytes / 1e6
    raise DatasetError(
        f"Too large: {sizes}. Photos up to {limit:.0f} MB are read. Save them smaller, as JPEG for example."
    )


def _refuse_lost(names: list[str]) -> None:
    if names:
        raise DatasetError(
            f"Did not reach the server: {', '.join(names)}. Look at your connection and choose them again."
        )


def _render_camera(dataset: DatasetView, target: ClassView, services: Services) -> None:
    camera = st.container()
    # Below the camera: whoever is about to hold the button must not have to scroll to it.
    frames_per_second = st.slider(
        "Photos a second while you hold the button", 1, 15, 5, key="dataset.collect.camera_rate", width=320
    )
    with camera:
        camera_burst(
            key="dataset.collect.camera",
            frames_per_second=frames_per_second,
            max_frames=_MAX_BURST_FRAMES,
            label=target.name,
            subject=target.id,
            on_burst=lambda burst: _add_burst(burst, dataset, services),
        )


def _add_burst(burst: Burst, dataset: DatasetView, services: Services) -> None:
    names = {view.id: view.name for view in services.library.list_classes(dataset.id)}
    if burst.subject not in names:
        raise DatasetError(
            "The class of these photos was deleted while they were taken. Choose another, take them again."
        )
    taken_at = time.strftime("%Y-%m-%d %H-%M-%S")
    staging = services.imports.stage_files(
        (f"{number:03d} camera {taken_at}.jpg", frame) for number, frame in enumerate(burst.frames, start=1)
    )
    services.imports.submit(
        ImportRequest(
            dataset_id=dataset.id,
            source=StagedFiles(folder=staging),
            target_class=names[burst.subject],
            capture=not burst.is_single,
            title=_burst_title(burst, names[burst.subject]),
        )
    )


def _burst_title(burst: Burst, class_name: str) -> str:
    what = "Photo from the camera" if burst.is_single else f"Burst of {count(len(burst.frames), 'photo')}"
    return f"{what} → {class_name}"


def _render_sorted(dataset: DatasetView, services: Services) -> None:
    st.caption(
        "The folders name the classes. Folders called train, validation or test, with any spelling, set the split."
    )
    folder, archive = st.columns(2)
    with folder:
        render_uploader(
            "A folder with one folder per class",
            key=_FOLDER,
            services=services,
            accept="directory",
            take=lambda files: _add_folder(files, dataset, services),
        )
    with archive:
        render_uploader(
            "Archives: zip, tar, 7z …; several parts at once",
            key=_ARCHIVE,
            services=services,
            accept=True,
            types=ARCHIVE_TYPES,
            take=lambda files: _add_archives(files, dataset, services),
        )
    _render_server_folders(dataset, services)


def _add_folder(files: Files, dataset: DatasetView, services: Services) -> None:
    staging = services.imports.stage_files(contents(files))
    title = files[0].name.replace("\\", "/").split("/")[0]
    _submit(services, dataset, StagedFiles(folder=staging), title=title, target=None)


def _add_archives(files: Files, dataset: DatasetView, services: Services) -> None:
    # Together: several may be the parts of one, or a class each.
    staging = services.imports.stage_files(contents(files))
    title = files[0].name if len(files) == 1 else count(len(files), "archive")
    _submit(services, dataset, StagedArchive(folder=staging), title=title, target=None)


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
    _submit(services, dataset, ServerFolder(path=path), title=Path(path).name or path, target=None)


def _render_links(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    st.caption("This needs a network. Links to archives bring their own class folders.")
    with st.form("dataset.collect.link_form", border=False, clear_on_submit=True):
        st.text_area(
            "Links, one per line",
            key="dataset.collect.links",
            placeholder="https://…/photo.jpg\nhttps://…/archive.zip",
            height=100,
        )
        if target is not None:
            st.checkbox(f"Photos go into {plain(target.name)}", value=True, key="dataset.collect.link_to_class")
        st.form_submit_button(
            "Fetch", icon=":material/download:", on_click=guarded(_add_links), args=(dataset, target, services)
        )


def _add_links(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    urls = split_addresses(st.session_state["dataset.collect.links"])
    if not urls:
        raise DatasetError("There is no link yet. Paste one address per line.")
    into_class = target if st.session_state.get("dataset.collect.link_to_class") else None
    _submit(services, dataset, Links(urls=urls), title=count(len(urls), "link"), target=into_class)


def _render_public(dataset: DatasetView, target: ClassView | None, services: Services) -> None:
    st.caption("These need a network, and the optional packages that are named when they are missing.")
    source = st.segmented_control(
        "Source",
        ["Web search", "TensorFlow Datasets", "Kaggle"],
        default="Web search",
        required=True,
        key="dataset.collect.public",
    )
    with st.form(f"dataset.collect.public_form.{source}", border=False):
        match source:
            case "Web search":
                _render_web_search(target)
            case "TensorFlow Datasets":
                st.text_input("Name", value="cats_vs_dogs", key="dataset.collect.tfds_name")
                st.number_input("At most this many photos", 10, 100_000, 2_000, key="dataset.collect.tfds_photos")
            case _:
                st.text_input(
                    "Name or address of a data set",
                    key="dataset.collect.kaggle_handle",
                    placeholder="pmigdal/alien-vs-predator-images",
                    help="Some data sets need your Kaggle account: put its kaggle.json into the folder .kaggle.",
                )
        st.form_submit_button(
            "Fetch",
            icon=":material/download:",
            on_click=guarded(_add_public),
            args=(dataset, target, services, source),
            disabled=source == "Web search" and target is None,
        )


def _render_web_search(target: ClassView | None) -> None:
    if target is None:
        st.info("Add a class first; the photos found go there.", icon=":material/label:")
        return
    st.text_input("Search for", value=target.name, key=f"dataset.collect.query.{target.id}")
    st.selectbox(
        "Licence", list(Licence), format_func=lambda licence: _LICENCES[licence], key="dataset.collect.licence"
    )
    st.number_input("At most this many photos", 1, 200, 50, key="dataset.collect.web_photos")


def _add_public(dataset: DatasetView, target: ClassView | None, services: Services, source: str) -> None:
    state = st.session_state
    if source == "Web search" and target is not None:
        query = state[f"dataset.collect.query.{target.id}"]
        search = WebSearch(
            query=query, licence=state["dataset.collect.licence"], max_photos=state["dataset.collect.web_photos"]
        )
        _submit(services, dataset, search, title=f"Web search: {query}", target=target)
    elif source == "TensorFlow Datasets":
        name = state["dataset.collect.tfds_name"]
        request = TensorFlowDataset(name=name, max_photos=state["dataset.collect.tfds_photos"])
        _submit(services, dataset, request, title=f"TensorFlow Datasets: {name}", target=None)
    else:
        handle = state["dataset.collect.kaggle_handle"]
        _submit(services, dataset, Kaggle(handle=handle), title=f"Kaggle: {handle}", target=None)


def _render_samples(dataset: DatasetView, services: Services) -> None:
    st.caption("These need no network and bring their own classes.")
    render_samples(
        "dataset.collect.samples",
        dataset.num_images,  # another seed each time: the same birds again would be copies
        lambda title, source: _submit(services, dataset, source, title=title, target=None),
    )
