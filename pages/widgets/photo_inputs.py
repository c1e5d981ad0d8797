"""The ways in which photos reach the classify page: files, paste, camera, link, samples."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.inference.photo_batch import PhotoBatch, PhotoOrigin
from core.photos.decode import decode_image
from core.photos.fit import FitMode, fit, thumbnail_jpeg
from core.samples import SAMPLE_PHOTOS, SamplePhoto, sample_path
from core.services import Services
from core.settings import Settings
from pages.widgets.browser_events import Pasted, watch_browser
from pages.widgets.errors import guarded, showing_errors

_BATCH = "photo_inputs.batch"
_BATCH_PARAMETER = "photos"
_GENERATION = "photo_inputs.generation"
_TAKEN_FILE_IDS = "photo_inputs.taken_file_ids"
_LINK = "photo_inputs.link"
_BROWSER_EVENTS = "photo_inputs.browser_events"
_NOTICE = "photo_inputs.notice"

_SAMPLE_WIDTH_PX = 92


def open_batch(services: Services) -> PhotoBatch:
    """This visitor's photos; their id in the address brings them back after a reload, on whichever page."""
    batch = services.batches.open(st.session_state.get(_BATCH) or st.query_params.get(_BATCH_PARAMETER))
    st.session_state[_BATCH] = batch.batch_id
    st.query_params[_BATCH_PARAMETER] = batch.batch_id
    return batch


def render_photo_inputs(batch: PhotoBatch, settings: Settings) -> None:
    """Every way in; what arrives goes straight into the batch."""
    upload_megabytes = -(-settings.max_photo_bytes // 1_000_000)  # Streamlit's browser side counts in these MB too
    files, camera, link = st.tabs(
        [":material/upload: Photos", ":material/photo_camera: Camera", ":material/link: Link"]
    )
    with files:
        _render_uploader(batch, upload_megabytes)
        with showing_errors():
            _render_samples(batch)
    with camera:
        _render_camera(batch)
    with link, st.form("photo_inputs.link_form", border=False, clear_on_submit=True):
        st.text_input(
            "Link to a photo",
            key=_LINK,
            placeholder="https://…/photo.jpg",
            help="Right-click a photo on a web page and copy the image address. This needs a network.",
        )
        st.form_submit_button("Add", icon=":material/add:", on_click=_take_link, args=(batch,))
    watch_browser(
        key=_BROWSER_EVENTS,
        max_photo_bytes=upload_megabytes * 1_000_000,
        on_pasted=lambda pasted: _take_pasted(batch, pasted),
        on_oversized=lambda files: _refuse_oversized(batch, files, settings),
    )
    if notice := st.session_state.pop(_NOTICE, None):
        st.warning(notice, icon=":material/warning:")


def _render_uploader(batch: PhotoBatch, max_megabytes: int) -> None:
    key = f"photo_inputs.files.{st.session_state.get(_GENERATION, 0)}"
    st.file_uploader(
        "Drop photos here, browse, or paste with Ctrl+V anywhere on the page",
        accept_multiple_files=True,
        key=key,
        max_upload_size=max_megabytes,
        on_change=_take_uploads,
        args=(batch, key),
    )


def _take_uploads(batch: PhotoBatch, key: str) -> None:
    for file in st.session_state[key]:
        if _is_new(file) and _has_room(batch):
            batch.add_file(file.name, file.getvalue(), PhotoOrigin.FILE)
    # A new key gives an empty uploader, and Streamlit lets go of the files' bytes.
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def _is_new(file: UploadedFile) -> bool:
    """Whether this upload has not been taken in yet.

    When a run is overtaken by the next (`runner.fastReruns`), Streamlit calls its callback a second time.
    """
    taken = st.session_state.setdefault(_TAKEN_FILE_IDS, set())
    if file.file_id in taken:
        return False
    taken.add(file.file_id)
    return True


def _render_camera(batch: PhotoBatch) -> None:
    # Asking for the camera only when wanted: opening this page must not make the browser ask for permission.
    if not st.toggle("Use the camera", key="photo_inputs.camera_on"):
        st.caption("Your browser asks for permission. It needs HTTPS or this very computer (localhost).")
        return
    key = f"photo_inputs.camera.{st.session_state.get(_GENERATION, 0)}"
    st.camera_input("Take a photo", key=key, on_change=_take_camera, args=(batch, key))


def _take_camera(batch: PhotoBatch, key: str) -> None:
    photo = st.session_state[key]
    if photo is not None and _is_new(photo) and _has_room(batch):
        batch.add_file("camera.jpg", photo.getvalue(), PhotoOrigin.CAMERA)
        st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def _take_link(batch: PhotoBatch) -> None:
    link = st.session_state[_LINK].strip()
    if link and _has_room(batch):
        batch.add_link(link)


def _render_samples(batch: PhotoBatch) -> None:
    st.caption("No photo at hand? Try one of these.")
    with st.container(horizontal=True, gap="small"):
        for sample in SAMPLE_PHOTOS:
            with st.container(width=_SAMPLE_WIDTH_PX, gap="xxsmall"):
                st.image(_sample_thumbnail(sample), alt=f"Sample photo: {sample.title}", width="stretch")
                st.button(
                    sample.title,
                    key=f"photo_inputs.sample.{sample.file_name}",
                    on_click=guarded(_take_sample),
                    args=(batch, sample),
                    width="stretch",
                    type="tertiary",
                )


@st.cache_data(show_spinner=False)
def _sample_thumbnail(sample: SamplePhoto) -> bytes:
    image = decode_image(sample_path(sample).read_bytes(), sample.file_name)
    side_px = 2 * _SAMPLE_WIDTH_PX  # screens with two pixels for one
    return thumbnail_jpeg(fit(image, (side_px, side_px), FitMode.CROP, crop_fraction=1.0), side_px)


def _take_sample(batch: PhotoBatch, sample: SamplePhoto) -> None:
    if _has_room(batch):
        batch.add_file(sample.file_name, sample_path(sample).read_bytes(), PhotoOrigin.SAMPLE)


def _take_pasted(batch: PhotoBatch, pasted: Pasted) -> None:
    for photo in pasted.photos:
        if not _has_room(batch):
            return
        if photo.data is None:
            batch.refuse(photo.name, photo.reason)
        else:
            batch.add_file(photo.name, photo.data, PhotoOrigin.PASTE)
    if pasted.link and _has_room(batch):
        batch.add_link(pasted.link)


def _refuse_oversized(batch: PhotoBatch, files: dict[str, int], settings: Settings) -> None:
    for name, num_bytes in files.items():
        batch.refuse(
            name,
            f"{name} has {num_bytes / 1e6:,.0f} MB; photos up to {settings.max_photo_bytes / 1e6:.0f} MB are read. "
            "Save it smaller, as JPEG for example.",
        )


def _has_room(batch: PhotoBatch) -> bool:
    if batch.num_free() > 0:
        return True
    st.session_state[_NOTICE] = "The page is full. Clear it, or remove photos, before you add more."
    return False
