"""The camera, for one photo or for as many as fit while a button is held."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pages.widgets.browser_component import load_component, show_component
from pages.widgets.camera_frames import parse_frame

# Streamlit refuses a message of more than 25 MB from a component; this is the length of the frames in base64.
MAX_BURST_CHARS = 18_000_000

_MAX_SIDE_PX = 640
_JPEG_QUALITY = 0.9

_camera = load_component("camera_burst", parts=["camera"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Photos that were taken in one go."""

    frames: tuple[bytes, ...]  # JPEG files in the order in which they were taken, at least one
    subject: int  # what `camera_burst` was called with when they were taken
    is_single: bool  # one photo on purpose, rather than a short burst


def camera_burst(
    *,
    key: str,
    frames_per_second: float,
    max_frames: int,
    label: str,
    subject: int,
    on_burst: Callable[[Burst], object],
) -> None:
    """Show the camera, and take in the photos that are taken.

    Args:
        key: of the widget.
        frames_per_second: of the photos that are taken while the button is held.
        max_frames: most photos in one burst; recording stops there.
        label: what is photographed, shown to the person.
        subject: what the photos belong to; comes back with each burst, for it may have changed when one arrives.
        on_burst: called with each burst, once, in the order in which they were taken.
    """
    show_component(
        _camera,
        key=key,
        data={
            "label": label,
            "subject": subject,
            "frames_per_second": frames_per_second,
            "max_frames": max_frames,
            "max_chars": MAX_BURST_CHARS,
            "max_side_px": _MAX_SIDE_PX,
            "quality": _JPEG_QUALITY,
        },
        on_event={"burst": lambda payload: _receive(payload, max_frames, on_burst)},
    )


def _receive(payload: Any, max_frames: int, on_burst: Callable[[Burst], object]) -> None:
    burst = parse_burst(payload, max_frames=max_frames)
    if burst is not None:
        on_burst(burst)


def parse_burst(payload: Any, *, max_frames: int) -> Burst | None:
    """What the browser sent, as far as it is photos; None where nothing of it is.

    The browser writes the payload, so it may be anything. Whether the JPEGs can be decoded shows when they are read.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("frames"), list):
        return None
    subject = payload.get("subject")
    if type(subject) is not int:
        return None
    frames = tuple(filter(None, map(parse_frame, payload["frames"][:max_frames])))
    if not frames:
        return None
    is_single = payload.get("is_single") is True and len(frames) == 1
    return Burst(frames=frames, subject=subject, is_single=is_single)
