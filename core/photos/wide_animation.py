"""Animated PNG with 16 bits a sample, of which Pillow keeps eight: each frame becomes a PNG of its own.

Source: PNG specification, third edition, sections 11.3.6 and 12.5, https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.photos.frames import MAX_BLANK_FRAMES
from core.photos.picture import Picture
from core.photos.png_chunks import SIGNATURE, chunks

_TO_CLEAR, _TO_RESTORE = 1, 2  # what happens to a frame's rectangle when the next one is shown
_OVER = 1  # how a frame is shown: on top of what there is, or in its place
_INVISIBLE_BELOW = 8  # of 255


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A rectangle of the canvas."""

    width: int
    height: int
    left: int = 0
    top: int = 0
    disposal: int = 0
    blending: int = 0
    packed: bytes = b""  # pixels


def first_frame_with_content(data: bytes, read_still: Callable[[bytes], Picture]) -> Picture:
    """Show frame after frame until one is not all of one colour; the first, if there is none.

    Args:
        data: the whole file.
        read_still: reads a PNG of one picture as values.
    """
    size, header, about_pixels, frames = _take_apart(data)
    canvas: _Canvas | None = None
    first: Picture | None = None
    for frame in frames[:MAX_BLANK_FRAMES]:
        still = read_still(_still(frame, header, about_pixels))
        if still.values is None:
            raise ValueError("a frame without values")
        canvas = canvas or _Canvas(size, still.values, has_alpha=still.alpha is not None)
        canvas.show(frame, still)
        picture = Picture(
            values=canvas.values.copy(),
            alpha=None if canvas.alpha.min() == 255 else canvas.alpha.copy(),
            tags=still.tags,
            orientation=still.orientation,
            profile=still.profile,
            num_pages=len(frames),
            page_word="frames",
            is_plain=False,
        )
        if not _is_of_one_colour(picture):
            return picture
        first = first or picture
    if first is None:
        raise EOFError("no frames")
    return first


class _Canvas:
    """What is to be seen of an animation."""

    def __init__(self, size: tuple[int, int], like: NDArray[Any], *, has_alpha: bool) -> None:
        self._empty_alpha = 0 if has_alpha else 255
        self.values = np.zeros((size[1], size[0], *like.shape[2:]), like.dtype)
        self.alpha = np.full((size[1], size[0]), self._empty_alpha, np.uint8)
        self._undo: Callable[[], None] = lambda: None

    def show(self, frame: _Frame, still: Picture) -> None:
        """Undo the last frame as it wished, and show another one."""
        self._undo()
        place = (slice(frame.top, frame.top + frame.height), slice(frame.left, frame.left + frame.width))
        values, alpha = self.values[place].copy(), self.alpha[place].copy()
        self._undo = self._disposal(frame.disposal, place, values, alpha)
        shown, opacity = still.values, still.alpha
        if opacity is None or shown is None:
            opacity = np.full(alpha.shape, 255, np.uint8)
        elif frame.blending == _OVER:
            shown, opacity = _blended(shown, opacity, values, alpha)
        self.values[place], self.alpha[place] = shown, opacity

    def _disposal(
        self, kind: int, place: tuple[slice, slice], values: NDArray[Any], alpha: NDArray[np.uint8]
    ) -> Callable[[], None]:
        def undo() -> None:
            if kind == _TO_CLEAR:
                self.values[place], self.alpha[place] = 0, self._empty_alpha
            elif kind == _TO_RESTORE:
                self.values[place], self.alpha[place] = values, alpha

        return undo


def _blended(
    above: NDArray[Any], opacity: NDArray[np.uint8], below: NDArray[Any], alpha: NDArray[np.uint8]
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    top = opacity / 255.0
    bottom = alpha / 255.0 * (1.0 - top)
    both = top + bottom
    share = np.divide(top, both, out=np.zeros_like(both), where=both > 0)
    share = share if above.ndim == 2 else share[..., None]
    mixed = np.rint(above * share + below * (1.0 - share)).astype(above.dtype)
    return mixed, np.rint(both * 255.0).astype(np.uint8)


def _is_of_one_colour(picture: Picture) -> bool:
    if picture.alpha is not None:
        if picture.alpha.max() < _INVISIBLE_BELOW:
            return True
        if picture.alpha.min() != picture.alpha.max():
            return False
    values = picture.values
    return values is not None and bool((values == values[:1, :1]).all())


def _take_apart(data: bytes) -> tuple[tuple[int, int], bytes, bytes, list[_Frame]]:
    """Size of the canvas, the header's content, the chunks about all pixels, and the frames."""
    width, height = struct.unpack_from(">II", data, 16)
    header, about_pixels = data[16:29], b""
    frames: list[_Frame] = []
    for kind, start, end in chunks(data):
        content = data[start + 8 : end - 4]
        if kind == b"fcTL":
            frames.append(_checked(content, (width, height)))
        elif kind == b"IDAT":
            # A picture that is no part of the animation is shown where animations are unknown.
            frames = frames or [_Frame(width=width, height=height, disposal=_TO_CLEAR)]
            frames[-1].packed += content
        elif kind == b"fdAT" and frames:
            frames[-1].packed += content[4:]  # after their number in the file
        elif kind != b"IHDR" and not frames:
            about_pixels += data[start:end]
    return (width, height), header, about_pixels, frames


def _checked(content: bytes, size: tuple[int, int]) -> _Frame:
    _, width, height, left, top, _, _, disposal, blending = struct.unpack(">IIIIIHHBB", content)
    if min(width, height) < 1 or left + width > size[0] or top + height > size[1]:
        raise ValueError("a frame beyond its canvas")
    return _Frame(width=width, height=height, left=left, top=top, disposal=disposal, blending=blending)


def _still(frame: _Frame, header: bytes, about_pixels: bytes) -> bytes:
    own_header = struct.pack(">II", frame.width, frame.height) + header[8:]
    return b"".join(
        (SIGNATURE, *_chunk(b"IHDR", own_header), about_pixels, *_chunk(b"IDAT", frame.packed), *_chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, content: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(content)) + kind
    yield content
    yield struct.pack(">I", zlib.crc32(kind + content))
