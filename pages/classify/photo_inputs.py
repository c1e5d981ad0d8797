"""The ways in which photos reach the classify page: files, paste, camera, link, samples."""

from collections.abc import Sequence

import streamlit as st

from core.inference.batch_records import GivenPhoto, Intake, PhotoOrigin
from core.inference.photo_batch import PhotoBatch
from core.photos.decode import decode_image
from core.photos.fit import FitMode, fit, thumbnail_jpeg
from core.photos.samples import SAMPLE_PHOTOS, SamplePhoto, sample_path
from core.services import Services
from core.settings import Settings
from pages.classify.live_view import render_live_camera
from pages.classify.network_choice import NetworkChoice
from pages.widgets.browser_events import Pasted, watch_browser
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.uploading import Files, open_box, render_upload_box
from pages.words.wording import count, plain, size_text

_FILES = "photo_inputs.files"
_LINK = "photo_inputs.link"
_BROWSER_EVENTS = "photo_inputs.browser_events"

_MAX_NAMES = 5  # of photos that found no room
_SAMPLE_WIDTH_PX = 92


def render_photo_inputs(batch: PhotoBatch, network: NetworkChoice, services: Services) -> None:
    """Every way in; what arrives goes straight into the batch."""
    settings = services.settings
    upload_megabytes = -(-settings.max_photo_bytes // 1_000_000)  # Streamlit's browser side counts in these MB too
    files, camera, link = st.tabs(
        [":material/upload: Photos", ":material/photo_camera: Camera", ":material/link: Link"]
    )
    with files:
        render_upload_box(
            "Drop photos here, browse, or paste with Ctrl+V anywhere on the page",
            key=_FILES,
            max_megabytes=upload_megabytes,
            take=lambda given: _take_files(batch, given),
        )
        with showing_errors():
            _render_samples(batch)
    with camera:
        render_live_camera(batch, network, services)
    with link, st.form("photo_inputs.link_form", border=False, clear_on_submit=True):
        st.text_input(
            "Link to a photo",
            key=_LINK,
            placeholder="https://…/photo.jpg",
            help="Right-click a photo on a web page and copy the image address. This needs a network.",
        )
        st.form_submit_button("Add", icon=":material/add:", on_click=guarded(_take_link), args=(batch,))
    watch_browser(
        key=_BROWSER_EVENTS,
        max_photo_bytes=upload_megabytes * 1_000_000,
        boxes=[open_box(_FILES)],
        on_pasted=lambda pasted: _take_pasted(batch, pasted),
        on_oversized=lambda files: _refuse_oversized(batch, files, settings),
        on_lost=lambda names: _refuse_lost(batch, names),
    )
    with st.container():  # what comes and goes here moves nothing below
        _render_intake(batch.last_intake)


def _render_intake(intake: Intake | None) -> None:
    """The sum of what was given last, where that was many photos or not all of them came in."""
    if intake is None:
        return
    if intake.no_room:
        names = ", ".join(plain(name) for name in intake.no_room[:_MAX_NAMES])
        more = f" and {len(intake.no_room) - _MAX_NAMES:,} more" if len(intake.no_room) > _MAX_NAMES else ""
        st.warning(
            f"{plain(intake.no_room_because)} {intake_sentence(intake)} Without room: {names}{more}.",
            icon=":material/warning:",
        )
    elif intake.num_given > 1:
        st.caption(intake_sentence(intake))


def intake_sentence(intake: Intake) -> str:
    """How many were given, and what became of all of them."""
    parts = [f"{intake.num_taken:,} taken"]
    if intake.num_refused:
        parts.append(f"{intake.num_refused:,} refused, with the reason below")
    if intake.no_room:
        parts.append(f"{len(intake.no_room):,} without room")
    return f"{count(intake.num_given, 'photo')} given: {', '.join(parts)}."


def _take_files(batch: PhotoBatch, files: Files) -> None:
    batch.add([GivenPhoto(name=file.name, origin=PhotoOrigin.FILE, data=file.getvalue()) for file in files])


def _take_link(batch: PhotoBatch) -> None:
    link = st.session_state[_LINK].strip()
    if link:
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
    batch.add_file(sample.file_name, sample_path(sample).read_bytes(), PhotoOrigin.SAMPLE)


def _take_pasted(batch: PhotoBatch, pasted: Pasted) -> None:
    if pasted.photos:
        batch.add(
            [
                GivenPhoto(name=photo.name, origin=PhotoOrigin.PASTE, data=photo.data or b"", refusal=photo.reason)
                for photo in pasted.photos
            ]
        )
    if pasted.link:
        batch.add_link(pasted.link)


def _refuse_oversized(batch: PhotoBatch, files: dict[str, int], settings: Settings) -> None:
    limit = size_text(settings.max_photo_bytes)
    _refuse(
        batch,
        {
            name: f"{name} has {size_text(num_bytes)}; photos up to {limit} are read. "
            "Save it smaller, as JPEG for example."
            for name, num_bytes in files.items()
        },
    )


def _refuse_lost(batch: PhotoBatch, names: Sequence[str]) -> None:
    _refuse(
        batch,
        {name: f"{name} did not reach the server. Look at your connection and choose it again." for name in names},
    )


def _refuse(batch: PhotoBatch, reasons: dict[str, str]) -> None:
    if reasons:
        batch.add([GivenPhoto(name=name, origin=PhotoOrigin.FILE, refusal=reason) for name, reason in reasons.items()])
