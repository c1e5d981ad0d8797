"""Bursts, as the page gets them; browser tests hold the button."""

import base64
from typing import Any

import pytest

from pages.dataset.camera_burst import Burst, parse_burst

JPEG = b"\xff\xd8\xff\xe0 and so on"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def payload(**changes: Any) -> dict[str, Any]:
    return {"subject": 3, "frames": [encoded(JPEG)], "is_single": True, **changes}


def test_frames_arrive_in_order():
    """The photos of a burst are those that the browser took, one after the other."""
    frames = [JPEG + bytes([number]) for number in range(5)]
    burst = parse_burst(payload(frames=[*map(encoded, frames)], is_single=False), max_frames=10)
    assert burst == Burst(frames=tuple(frames), subject=3, is_single=False)


def test_no_more_frames_than_asked_for():
    """A browser that sends more than the page wanted does not get more in."""
    burst = parse_burst(payload(frames=[encoded(JPEG)] * 9, is_single=False), max_frames=4)
    assert burst is not None
    assert len(burst.frames) == 4


@pytest.mark.parametrize("frame", [None, 5, "", "no base64!", "é", encoded(b"GIF89a"), encoded(b""), [encoded(JPEG)]])
def test_what_is_no_jpeg_is_left_out(frame: Any):
    """One broken frame does not cost the others."""
    burst = parse_burst(payload(frames=[frame, encoded(JPEG)], is_single=False), max_frames=10)
    assert burst is not None
    assert burst.frames == (JPEG,)
    assert parse_burst(payload(frames=[frame]), max_frames=10) is None


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "x",
        [],
        {},
        payload(subject=None),
        payload(subject="3"),
        payload(subject=True),
        payload(frames=None),
        payload(frames=encoded(JPEG)),
        payload(frames=[]),
    ],
)
def test_what_is_no_burst_is_none(hostile: Any):
    """Whatever a browser sends, the page gets a burst or nothing."""
    assert parse_burst(hostile, max_frames=10) is None


@pytest.mark.parametrize(
    ("is_single", "num_frames", "expected"), [(True, 1, True), (True, 2, False), ("yes", 1, False)]
)
def test_single_means_one_photo(is_single: Any, num_frames: int, expected: bool):
    """Several photos are never taken for one, whatever the browser says."""
    burst = parse_burst(payload(frames=[encoded(JPEG)] * num_frames, is_single=is_single), max_frames=10)
    assert burst is not None
    assert burst.is_single is expected
