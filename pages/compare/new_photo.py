"""One new photo through all models of a comparison, side by side, with the time that each takes."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import BluetitError
from core.inference.classifier import Classification
from core.photos.decode import decode_image
from core.photos.fit import thumbnail_jpeg
from core.services import Services
from pages.compare.entrants import Entrant
from pages.compare.verdict import describe_top_five, render_verdict, top_five_chart
from pages.widgets.errors import guarded, show_error, showing_errors
from pages.words.wording import plain

_PHOTO, _ANSWERS, _GENERATION = "compare.photo", "compare.answers", "compare.generation"
_CAMERA_NAME = "camera.jpg"
_PREVIEW_PX = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPhoto:
    """A photo that a visitor brought."""

    name: str
    data: bytes

    @property
    def mark(self) -> str:
        """Another photo has another."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAnswer:
    """What one model says to it, or why it says nothing."""

    classification: Classification | None
    milliseconds: float  # pixels to answer
    problem: str = ""


def render_new_photo(entrants: Sequence[Entrant], services: Services) -> None:
    """Ways to bring a photo, and what each model says to it."""
    _render_inputs(services)
    photo: NewPhoto | None = st.session_state.get(_PHOTO)
    if photo is None:
        return
    with showing_errors():
        image = decode_image(photo.data, photo.name, shortest_side_px=_PREVIEW_PX)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(thumbnail_jpeg(image, _PREVIEW_PX), caption=plain(photo.name), width=180)
            st.button("Another photo", icon=":material/close:", key="compare.photo.clear", on_click=guarded(_clear))
        for begin in range(0, len(entrants), 2):
            for column, entrant in zip(st.columns(2), entrants[begin : begin + 2], strict=False):
                with column.container(border=True):
                    _render_answer(entrant, _answer(entrant, photo, services))
        st.caption(
            "The time is that of one answer just now, from the pixels on; single answers vary. *Figures* measures it "
            "properly."
        )


def _render_inputs(services: Services) -> None:
    generation = st.session_state.get(_GENERATION, 0)
    files, camera = st.tabs([":material/upload: Photo", ":material/photo_camera: Camera"])
    with files:
        st.file_uploader(
            "Drop a photo here, or browse",
            key=f"compare.upload.{generation}",
            max_upload_size=-(-services.settings.max_photo_bytes // 1_000_000),
            on_change=guarded(_take),
            args=(f"compare.upload.{generation}",),
        )
    with camera:
        # Asking for the camera only when wanted: opening this page must not make the browser ask for permission.
        if st.toggle("Use the camera", key="compare.camera_on"):
            key = f"compare.camera.{generation}"
            st.camera_input("Take a photo", key=key, on_change=guarded(_take), args=(key,))
        else:
            st.caption("Your browser asks for permission. It needs HTTPS or this very computer (localhost).")


def _take(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    st.session_state[_PHOTO] = NewPhoto(name=file.name or _CAMERA_NAME, data=file.getvalue())
    st.session_state[_ANSWERS] = {}
    # A new key gives an empty uploader, and Streamlit lets go of the file's bytes.
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def _clear() -> None:
    st.session_state.pop(_PHOTO, None)
    st.session_state.pop(_ANSWERS, None)


def _answer(entrant: Entrant, photo: NewPhoto, services: Services) -> TimedAnswer:
    """What a model says, worked out once."""
    kept: dict[tuple[str, str, str], TimedAnswer] = st.session_state.setdefault(_ANSWERS, {})
    key = (entrant.key, entrant.fingerprint, photo.mark)
    if key not in kept:
        try:
            kept[key] = _ask(entrant, photo, services)
        except BluetitError as exc:
            return TimedAnswer(classification=None, milliseconds=0.0, problem=str(exc))
    return kept[key]


def _ask(entrant: Entrant, photo: NewPhoto, services: Services) -> TimedAnswer:
    classifier = entrant.load(services)
    classification = classifier.classify(photo.data, photo.name, is_alone=True)
    square = classifier.square(photo.data, photo.name)
    # Timed apart: models on one backbone share what it made of the photo, and the second would look too fast.
    started = time.perf_counter()
    classifier.answer(square)
    return TimedAnswer(classification=classification, milliseconds=1000 * (time.perf_counter() - started))


def _render_answer(entrant: Entrant, answer: TimedAnswer) -> None:
    found = answer.classification
    if found is None:
        st.markdown(f"**{plain(entrant.title)}**")
        show_error(answer.problem)
        return
    st.markdown(f"**{plain(entrant.title)}** · {answer.milliseconds:.1f} ms")
    render_verdict(found)
    st.plotly_chart(
        top_five_chart(found.predictions, is_refused=found.is_refused),
        key=f"compare.answer.{entrant.key}",
        config={"displayModeBar": False},
        alt=describe_top_five(found.predictions),
    )
