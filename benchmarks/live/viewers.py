"""Viewers with a camera, as the server sees them: frames over HTTP, one at a time."""

import asyncio
import io
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from PIL import Image

from benchmarks.load.notes import Notes

_MOST_PER_SECOND = 15  # frames, as `pages/assets/live_camera.js` sends them
_FRAME_PX = 256  # shortest side of a frame there
_FRAME_QUALITY = 85
_PAN_SHARE = 0.1  # of the photo's shortest side, from one end of the pan to the other
_NUM_FRAMES = 12  # of each pan
_TIMEOUT_SECONDS = 15.0
_PAUSE_SECONDS = 0.5  # after a refusal that names no time


@dataclass(slots=True, kw_only=True)
class Viewer:
    """What one viewer has had."""

    milliseconds: list[float] = field(default_factory=list)  # of each answer, from sending the frame
    num_dropped: int = 0


async def view_all(
    url: str, network: str, photos: Sequence[bytes], num_viewers: int, seconds: float, notes: Notes
) -> list[Viewer]:
    """Have viewers send frames for some seconds, each a photo of its own that pans.

    Args:
        url: of the app.
        network: as the route takes it.
        photos: JPEG files.
        num_viewers: how many, at the same time.
        seconds: for how long.
        notes: where errors go.
    """
    pans = [pan(photos[number % len(photos)]) for number in range(num_viewers)]
    until = time.monotonic() + seconds
    return list(await asyncio.gather(*(_view(url, network, frames, until, notes) for frames in pans)))


async def _view(url: str, network: str, frames: Sequence[bytes], until: float, notes: Notes) -> Viewer:
    viewer = Viewer()
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, verify=False) as http:
        await http.get("/", headers={"Accept": "text/html"})  # brings the cookie
        for frame in itertools.cycle(_to_and_fro(frames)):
            started = time.monotonic()
            if started >= until:
                return viewer
            pause = await _ask(http, network, frame, viewer, notes)
            await asyncio.sleep(max(pause, 1 / _MOST_PER_SECOND - (time.monotonic() - started)))
    return viewer


async def _ask(http: httpx.AsyncClient, network: str, frame: bytes, viewer: Viewer, notes: Notes) -> float:
    """Send a frame; how many seconds to wait before the next."""
    started = time.perf_counter()
    try:
        answer = await http.post(f"/bluetit/live/{network}", content=frame, headers={"Content-Type": "image/jpeg"})
    except httpx.HTTPError as exc:
        notes.fail("request", f"{type(exc).__name__}: {exc}")
        return _PAUSE_SECONDS
    if answer.status_code == HTTPStatus.OK:
        if not answer.json()["classes"]:
            notes.fail("answer", f"An answer without classes: {answer.text}")
        viewer.milliseconds.append(1000 * (time.perf_counter() - started))
        return 0.0
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        viewer.num_dropped += 1
    else:
        notes.fail(f"request {answer.status_code}", answer.text)
    return float(answer.headers.get("Retry-After", _PAUSE_SECONDS))


def pan(jpeg: bytes) -> list[bytes]:
    """Frames as a camera sees them that moves along a photo; JPEG files."""
    with Image.open(io.BytesIO(jpeg)) as photo:
        whole = photo.convert("RGB")
    scale = _FRAME_PX / ((1 - _PAN_SHARE) * min(whole.size))
    whole = whole.resize((round(whole.width * scale), round(whole.height * scale)))
    shift = round(_PAN_SHARE * min(whole.size))
    frames = []
    for step in range(_NUM_FRAMES):
        x = round(shift * step / (_NUM_FRAMES - 1))
        file = io.BytesIO()
        whole.crop((x, x, whole.width - shift + x, whole.height - shift + x)).save(file, "JPEG", quality=_FRAME_QUALITY)
        frames.append(file.getvalue())
    return frames


def _to_and_fro(frames: Sequence[bytes]) -> Iterator[bytes]:
    return itertools.chain(frames, reversed(frames))
