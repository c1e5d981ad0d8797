"""The camera, for one photo or for as many as fit while a button is held."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.widgets.browser_component import load_component

# Streamlit refuses a message of more than 25 MB from a component; this is the length of the frames in base64.
MAX_BURST_CHARS = 18_000_000

_MAX_SIDE_PX = 640
_JPEG_QUALITY = 0.9
_JPEG_START = b"\xff\xd8\xff"
_BURST_ID = re.compile(r"[0-9a-f]{32}")
# A browser repeats a burst only while it waits for the answer to it.
_MAX_REMEMBERED_IDS = 50

_camera = load_component("camera_burst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Photos that were taken in one go."""

    burst_id: str  # random, 32 hexadecimal digits
    frames: tuple[bytes, ...]  # JPEG files in the order in which they were taken, at least one
    subject: int  # what `camera_burst` was called with when they were taken
    is_single: bool  # one photo on purpose, rather than a short burst


def camera_burst(*, key: str, frames_per_second: float, max_frames: int, label: str, subject: int) -> Burst | None:
    """Show the camera and return the photos that have just been taken.

    A burst is returned once, also when Streamlit breaks off the run in which it arrived. Should several be waiting,
    each run returns one; so call `st.rerun` after taking one in.

    Args:
        key: of the widget.
        frames_per_second: of the photos that are taken while the button is held.
        max_frames: most photos in one burst; recording stops there.
        label: what is photographed, shown to the person.
        subject: what the photos belong to; comes back with each burst, for it may have changed when one arrives.
    """
    received: list[str] = st.session_state.setdefault(f"{key}.received", [])
    waiting: list[Burst] = st.session_state.setdefault(f"{key}.waiting", [])
    _camera(
        key=key,
        data={
            "label": label,
            "subject": subject,
            "frames_per_second": frames_per_second,
            "max_frames": max_frames,
            "max_chars": MAX_BURST_CHARS,
            "max_side_px": _MAX_SIDE_PX,
            "quality": _JPEG_QUALITY,
            "received": received[-1] if received else None,
        },
        # Callbacks run before the page does: a burst is safe there even if the next click overtakes this run.
        on_burst_change=lambda: _receive(key, max_frames),
    )
    return waiting.pop(0) if waiting else None


def _receive(key: str, max_frames: int) -> None:
    burst = parse_burst(st.session_state[key].get("burst"), max_frames=max_frames)
    received = st.session_state.setdefault(f"{key}.received", [])
    if burst is None or burst.burst_id in received:
        return
    st.session_state[f"{key}.received"] = [*received, burst.burst_id][-_MAX_REMEMBERED_IDS:]
    st.session_state.setdefault(f"{key}.waiting", []).append(burst)


def parse_burst(payload: Any, *, max_frames: int) -> Burst | None:
    """What the browser sent, as far as it is photos; None where nothing of it is.

    The browser writes the payload, so it may be anything. Whether the JPEGs can be decoded shows when they are read.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("frames"), list):
        return None
    burst_id, subject = payload.get("id"), payload.get("subject")
    if not isinstance(burst_id, str) or not _BURST_ID.fullmatch(burst_id) or type(subject) is not int:
        return None
    frames = tuple(filter(None, map(_parse_frame, payload["frames"][:max_frames])))
    if not frames:
        return None
    is_single = payload.get("is_single") is True and len(frames) == 1
    return Burst(burst_id=burst_id, frames=frames, subject=subject, is_single=is_single)


def _parse_frame(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        frame = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return frame if frame.startswith(_JPEG_START) else None
