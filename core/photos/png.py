"""PNG: without the text and profiles that are thrown away anyway, and with all of its 16 bits.

Source: PNG specification, third edition, https://www.w3.org/TR/png-3/.
"""

import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile, PngImagePlugin

from core.errors import UnsupportedImageError
from core.photos.colours import MAX_PROFILE_BYTES
from core.photos.frames import load_with_content
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.png_chunks import chunks
from core.photos.tones import ToneTags, opacity
from core.photos.wide_animation import first_frame_with_content

# Besides critical chunks, which begin with a capital: what the pixels need. Nothing else is shown to Pillow.
_READ_CHUNKS = frozenset((b"tRNS", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"fdAT"))
_APPLE_CHUNK = b"CgBI"
_GREY, _RGB, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 4, 6
# Colour type to the layout of a pixel in Pillow's words, and its channels. Pillow keeps one byte of each sample; the
# other one comes out if the same bytes are called little-endian.
_WIDE_LAYOUTS = {_RGB: ("RGB", 3), _RGB_ALPHA: ("RGBA", 4)}


def open_png(file: PhotoFile) -> OpenedPhoto:
    """Read the header, and what says something about the pixels."""
    if file.data[12:16] == _APPLE_CHUNK:
        raise UnsupportedImageError(
            f"{file.name!r} is a PNG in the form that only iPhone apps read. Open it on a Mac and export it as PNG."
        )
    data, tags = _without_text(file.data)
    photo = PngImagePlugin.PngImageFile(io.BytesIO(data))
    check_pixels(photo.size, file.name, file.limits)
    is_wide = data[24:25] == b"\x10"

    def load() -> Picture:
        if is_wide and getattr(photo, "is_animated", False):
            return first_frame_with_content(data, lambda still: _load_wide(still, tags))
        if is_wide:
            return _load_wide(data, tags)
        return load_with_content(photo, file)

    return OpenedPhoto(size=photo.size, file_size=photo.size, load=load)


def _without_text(data: bytes) -> tuple[bytes, ToneTags]:
    """The file without texts, useless profiles and the like; and what it says about its values.

    Pillow unpacks texts and profiles while it opens a file and, from a megabyte on, or when one of them is damaged,
    refuses the whole picture.
    """
    left_out: list[tuple[int, int]] = []
    tags = ToneTags()
    for kind, start, end in chunks(data):
        if kind == b"sBIT" and end - start > 12:
            tags = ToneTags(bits=max(data[start + 8 : end - 4], default=0))
        is_read = kind[:1].isupper() or kind in _READ_CHUNKS
        if not is_read or (kind == b"iCCP" and not _is_useful_profile(data[start + 8 : end - 4])):
            left_out.append((start, end))
    if not left_out:
        return data, tags
    parts = []
    position = 0
    for start, end in left_out:
        parts.append(data[position:start])
        position = end
    return b"".join((*parts, data[position:])), tags


def _is_useful_profile(content: bytes) -> bool:
    _, _, packed = content.partition(b"\0")
    try:
        unpacker = zlib.decompressobj()
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return False
    return len(profile) <= MAX_PROFILE_BYTES and unpacker.eof


def _load_wide(data: bytes, tags: ToneTags) -> Picture:
    photo = PngImagePlugin.PngImageFile(io.BytesIO(data))
    colour_type = data[25]
    values: NDArray[Any]
    alpha: NDArray[Any] | None = None
    if colour_type == _GREY:
        photo.load()
        values = np.asarray(photo).astype(np.uint16)
    elif colour_type == _GREY_ALPHA:
        # Four bytes a pixel, like RGBA of 8 bits.
        pairs: NDArray[np.uint16] = _decode_as(data, "RGBA", "RGBA").astype(np.uint16)
        values = pairs[..., 0] << 8 | pairs[..., 1]
        alpha = opacity(pairs[..., 2] << 8 | pairs[..., 3], 65_535)
    else:
        mode, _ = _WIDE_LAYOUTS[colour_type]
        high = _decode_as(data, mode, f"{mode};16B").astype(np.uint16)
        low = _decode_as(data, mode, f"{mode};16L")
        samples = high << 8 | low
        values = np.ascontiguousarray(samples[..., :3])
        alpha = opacity(samples[..., 3], 65_535) if mode == "RGBA" else None
    key = photo.info.get("transparency")
    if alpha is None and key is not None:
        is_clear = values == np.array(key)
        is_clear = is_clear if is_clear.ndim == 2 else is_clear.all(axis=-1)
        alpha = np.where(is_clear, 0, 255).astype(np.uint8)
    return Picture(
        values=values,
        alpha=alpha,
        tags=_believed(tags, int(values.max())),
        orientation=photo.getexif().get(0x0112),
        profile=photo.info.get("icc_profile"),
        is_plain=False,
    )


def _believed(tags: ToneTags, largest: int) -> ToneTags:
    """What sBIT means: by the specification fewer bits are scaled up to 16; many writers leave them as they are."""
    if tags.bits is None or not 8 <= tags.bits < 16:
        return ToneTags()
    return tags if largest < 2**tags.bits else ToneTags(low=0.0, high=65_535.0)


def _decode_as(data: bytes, mode: str, layout: str) -> NDArray[np.uint8]:
    """Decode the pixels as if they had another layout of as many bytes."""
    photo = PngImagePlugin.PngImageFile(io.BytesIO(data))
    photo._mode = mode
    photo.tile = [ImageFile._Tile("zip", (0, 0, *photo.size), tile.offset, layout) for tile in photo.tile]
    photo.load()
    return np.asarray(photo)
