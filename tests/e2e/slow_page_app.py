"""A page that takes long to be made, with a grid of photos, a camera, and whatever else a busy person does."""

import time

import streamlit as st

from pages.dataset.camera_burst import Burst, camera_burst
from pages.widgets.photo_grid import GridPhoto, photo_grid

NUM_PHOTOS = 12
SECONDS_BEFORE = 0.2  # the page comes to its components
SECONDS_AFTER = 0.4

_DELETED, _BURSTS, _PRESSED = "deleted", "bursts", "pressed"


def _delete(image_ids: list[int]) -> None:
    # Two accesses, for a run that is overtaken would end at the first.
    before = st.session_state[_DELETED]
    st.session_state[_DELETED] = [*before, *image_ids]


def _keep(burst: Burst) -> None:
    st.session_state[_BURSTS] = [*st.session_state[_BURSTS], len(burst.frames)]


def render() -> None:
    """One run."""
    for name in (_DELETED, _BURSTS):
        st.session_state.setdefault(name, [])
    _sleep(SECONDS_BEFORE)
    deleted = st.session_state[_DELETED]
    st.text("Deleted: " + " ".join(map(str, deleted)))
    st.text("Bursts: " + " ".join(map(str, st.session_state[_BURSTS])))
    st.button("Something else", key=_PRESSED)
    photo_grid(
        [
            GridPhoto(image_id=number, photo_hash=f"{number:064x}", name=f"{number}.jpg")
            for number in range(1, NUM_PHOTOS + 1)
            if number not in deleted
        ],
        size_px=72,
        key="grid",
        on_delete=_delete,
    )
    camera_burst(key="camera", frames_per_second=10, max_frames=5, label="cat", subject=1, on_burst=_keep)
    _sleep(SECONDS_AFTER)
    st.text("Ready")


def _sleep(seconds: float) -> None:
    """Work during which the run can be overtaken at any time, as it can between the widgets of a page."""
    place = st.empty()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        place.text("Working")
    place.empty()


render()
