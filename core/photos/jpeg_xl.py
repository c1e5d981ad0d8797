"""JPEG XL, where its optional library is installed.

Source: ISO/IEC 18181-1, sections C.1 (size header) and D (image metadata), and 18181-2 (boxes).
"""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from core.errors import UnsupportedImageError
from core.photos.boxes import boxes
from core.photos.cut_depth import check_not_cut_dark
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.tones import opacity

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_SIZE_BITS = (9, 13, 18, 30)
_USUAL_DEPTHS = (8, 10, 12)


def jpeg_xl_decoder() -> Any:
    """The library's decoder, or None where it is not installed."""
    try:
        from pillow_jxl import Decoder
    except ImportError:
        return None
    return Decoder


def open_jpeg_xl(file: PhotoFile) -> OpenedPhoto:
    """Read the size from the header: the library decodes all pixels at once.

    Raises:
        UnsupportedImageError: the library is not installed.
    """
    decoder = jpeg_xl_decoder()
    if decoder is None:
        raise UnsupportedImageError(
            f"{file.name!r} is a JPEG XL picture, which is read where Bluetit was installed with [jxl]. Save it as "
            "JPEG or PNG and use that."
        )
    size, bits = _size_and_bits(file.data)
    check_pixels(size, file.name, file.limits)

    def load() -> Picture:
        # One thread: several photos are decoded at once anyway.
        is_jpeg, info, pixels, profile, _ = _guarded(lambda: decoder(num_threads=0)(file.data))
        if is_jpeg:
            return _from_jpeg(pixels, file)
        check_pixels((info.width, info.height), file.name, file.limits)
        # Orientation is applied by the library.
        picture = _picture((info.width, info.height), info.mode, pixels, profile)
        if picture.image is not None and (bits is None or bits >= 16):
            check_not_cut_dark(picture.image, file.name, "JPEG XL")
        return picture

    return OpenedPhoto(size=size, file_size=size, load=load)


def _from_jpeg(data: bytes, file: PhotoFile) -> Picture:
    """A JPEG that was packed losslessly comes out as the JPEG it was."""
    from PIL import JpegImagePlugin

    photo = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    check_pixels(photo.size, file.name, file.limits)
    photo.load()
    return Picture(
        image=photo,
        orientation=photo.getexif().get(0x0112),
        profile=photo.info.get("icc_profile"),
        is_plain=False,
    )


def _picture(size: tuple[int, int], mode: str, pixels: bytes, profile: bytes | None) -> Picture:
    shape = (size[1], size[0])
    if mode == "I;16":
        return Picture(values=np.frombuffer(pixels, np.uint16).reshape(shape), is_plain=False)
    if mode == "F":
        return Picture(values=np.frombuffer(pixels, np.float32).reshape(shape), is_plain=False)
    if mode not in ("L", "LA", "RGB", "RGBA"):
        raise ValueError(f"unsupported mode {mode}")
    if mode == "LA" and len(pixels) > 2 * size[0] * size[1]:
        # The library calls greys with transparency so, whatever their depth.
        wide = np.frombuffer(pixels, np.uint16 if len(pixels) == 4 * size[0] * size[1] else np.float32)
        samples = wide.reshape(*shape, 2)
        largest = 65_535 if wide.dtype == np.uint16 else 1
        return Picture(
            values=np.ascontiguousarray(samples[..., 0]), alpha=opacity(samples[..., 1], largest), is_plain=False
        )
    return Picture(image=Image.frombytes(mode, size, pixels), profile=profile, is_plain=False)


def _guarded(work: Any) -> Any:
    try:
        return work()
    except BaseException as exc:
        # A broken file makes the library, written in Rust, panic: no ordinary exception.
        if type(exc).__name__ == "PanicException":
            raise ValueError("broken JPEG XL data") from exc
        raise


def _size_and_bits(data: bytes) -> tuple[tuple[int, int], int | None]:
    """Width and height as the header of the code stream says, and bits of a sample; None where they are not known."""
    stream = data if data.startswith(CODESTREAM) else next(_code_streams(data), b"")
    if not stream.startswith(CODESTREAM):
        raise ValueError("no JPEG XL code stream")
    bits = _Bits(stream[2:32])
    return _take_size(bits), _take_depth(bits)


def _take_size(bits: "_Bits") -> tuple[int, int]:
    is_small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return (bits.take(5) + 1) * 8 if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1, height


def _take_depth(bits: "_Bits") -> int | None:
    if bits.take(1):
        return 8  # all as usual
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _take_size(bits)  # on a screen
        if bits.take(2):
            return None  # a preview or an animation, which describe themselves before the depth comes
    if bits.take(1):
        return 32  # floating-point numbers
    usual = bits.take(2)
    return _USUAL_DEPTHS[usual] if usual < len(_USUAL_DEPTHS) else bits.take(6) + 1


class _Bits:
    """Numbers of any length, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, num: int) -> int:
        found = self._value & ((1 << num) - 1)
        self._value >>= num
        return found


def _code_streams(data: bytes) -> Iterator[bytes]:
    """The beginnings of code streams in a container."""
    for box in boxes(data):
        if box.kind == b"jxlc":
            yield data[box.start : box.start + 32]
        elif box.kind == b"jxlp":
            yield data[box.start + 4 : box.start + 36]
