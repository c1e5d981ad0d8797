"""JPEG 2000, with all of its bits.

Pillow keeps eight bits of colours; of more than eight bits a sample OpenJPEG's own numbers are taken.

Source: ISO/IEC 15444-1, annex A.5.1 (SIZ marker segment) and annex I.5.3 (boxes about colours).
"""

import io
import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from openjpeg.utils import decode
from PIL import Image, Jpeg2KImagePlugin

from core.errors import UnsupportedImageError
from core.photos.boxes import Box, boxes
from core.photos.cut_depth import check_not_cut_dark
from core.photos.frames import load_with_content
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.tones import ToneTags, opacity, spread

CODESTREAM = b"\xff\x4f\xff\x51"
CONTAINER = b"\0\0\0\x0cjP  \r\n\x87\n"
# Of `decode`: a code stream without a container.
_BARE = 0
# Numbers of colour spaces; others are CMYK, YCC and the like.
_PLAIN_COLOURS = (0, 16, 17)  # what OpenJPEG writes for no particular one, sRGB, grey


class _Colours(IntEnum):
    """What the components of a code stream are."""

    PLAIN = 0  # grey, or red, green and blue
    OTHER = 1  # if there are three or more
    PALETTE = 2  # numbers of colours


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What a code stream says about its samples."""

    size: tuple[int, int]  # width, height, px
    num_components: int
    bits: int  # of a sample; of the deepest component, where they differ
    is_signed: bool
    is_uniform: bool  # whether all components have the same depth, and a sample for each pixel


def open_jpeg_2000(file: PhotoFile) -> OpenedPhoto:
    """Read the headers of the container and of the code stream."""
    photo = Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(file.data))
    check_pixels(photo.size, file.name, file.limits)
    stream, colours = _code_stream(file.data)
    header = _read_header(stream)
    check_pixels(header.size, file.name, file.limits)

    def load() -> Picture:
        is_plain = colours is _Colours.PLAIN or (colours is _Colours.OTHER and header.num_components < 3)
        if header.bits > 8 and is_plain and header.is_uniform and header.num_components <= 4:
            return _load_wide(stream, header)
        is_cut_down = header.bits >= 16 and not is_plain
        if is_cut_down or (colours is _Colours.PALETTE and photo.mode not in ("P", "PA")):
            raise UnsupportedImageError(
                f"{file.name!r} is a JPEG 2000 picture whose colours are written in a way that is not read (16 bits, "
                "and neither grey nor RGB). Save it as PNG or TIFF and use that."
            )
        return _load_with_pillow(photo, file, header)

    return OpenedPhoto(size=photo.size, file_size=photo.size, load=load)


def _code_stream(data: bytes) -> tuple[bytes, _Colours]:
    """The pixels of a file, and what they mean."""
    if data.startswith(CODESTREAM):
        return data, _Colours.PLAIN
    colours = _Colours.PLAIN
    for box in boxes(data):
        if box.kind == b"jp2c":
            return data[box.start : box.end], colours
        if box.kind == b"jp2h":
            colours = max((_colours(inner, data) for inner in boxes(data, box.start, box.end)), default=colours)
    raise ValueError("no code stream")


def _colours(box: Box, data: bytes) -> _Colours:
    if box.kind in (b"pclr", b"cmap"):
        return _Colours.PALETTE
    is_numbered = box.kind == b"colr" and data[box.start : box.start + 1] == b"\1"
    if is_numbered and int.from_bytes(data[box.start + 3 : box.start + 7], "big") not in _PLAIN_COLOURS:
        return _Colours.OTHER
    return _Colours.PLAIN


def _read_header(stream: bytes) -> _Header:
    if not stream.startswith(CODESTREAM):
        raise ValueError("no code stream")
    right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
    (num_components,) = struct.unpack_from(">H", stream, 40)
    components = [struct.unpack_from("3B", stream, 42 + 3 * number) for number in range(num_components)]
    if not components or right <= left or bottom <= top:
        raise ValueError("impossible header")
    return _Header(
        size=(right - left, bottom - top),
        num_components=num_components,
        bits=max((depth & 0x7F) + 1 for depth, _, _ in components),
        is_signed=bool(components[0][0] & 0x80),
        is_uniform=set(components) == {(components[0][0], 1, 1)},
    )


def _load_wide(stream: bytes, header: _Header) -> Picture:
    width, height = header.size
    samples = decode(stream, _BARE).reshape(height, width, header.num_components)
    num_colours = 1 if header.num_components < 3 else 3
    alpha = None
    if header.num_components > num_colours:
        alpha = opacity(samples[..., -1], 2**header.bits - 1)
    values = samples[..., 0] if num_colours == 1 else samples[..., :3]
    return Picture(
        values=np.ascontiguousarray(values),
        alpha=alpha,
        # There is room for whole bytes; where fewer bits are named, they are meant.
        tags=ToneTags(bits=header.bits if header.bits % 8 and not header.is_signed else None),
        is_plain=False,
    )


def _load_with_pillow(photo: Jpeg2KImagePlugin.Jpeg2KImageFile, file: PhotoFile, header: _Header) -> Picture:
    picture = load_with_content(photo, file)
    if header.bits >= 16:
        check_not_cut_dark(photo, file.name, "JPEG 2000")
    if header.bits < 8 and header.is_uniform and photo.mode in ("L", "RGB"):
        # Pillow moves the bits to the upper end of a byte, which leaves white grey.
        values = np.asarray(photo) >> (8 - header.bits)
        picture.image = Image.fromarray(spread(values, 2**header.bits - 1))
        picture.is_plain = False
    return picture
