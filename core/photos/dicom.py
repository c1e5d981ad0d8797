"""DICOM: grey and RGB pictures of medical devices, where its optional library is installed.

Source: DICOM PS3.3, sections C.7.6.3 (pixels) and C.11 (rescaling and window).
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import DamagedImageError, ImageTooLargeError, UnsupportedImageError
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.pillow import BROKEN_FILE
from core.photos.tones import ToneTags, spread

MAGIC_OFFSET, MAGIC = 128, b"DICM"
# Pixels as they are, in either byte order. Source: DICOM PS3.5, annex A.
_PLAIN_SYNTAXES = frozenset(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"))
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_IMPLICIT = "1.2.840.10008.1.2"
_RUN_LENGTHS = "1.2.840.10008.1.2.5"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_JPEG_SYNTAXES = "1.2.840.10008.1.2.4."
_MAX_BLANK_FRAMES = 32


def dicom_reader() -> Any:
    """The library, or None where it is not installed."""
    try:
        import pydicom
    except ImportError:
        return None
    return pydicom


def open_dicom(file: PhotoFile) -> OpenedPhoto:
    """Read everything but the pixels.

    Raises:
        UnsupportedImageError: the library is not installed, or the pixels are of a kind that is not read.
    """
    pydicom = dicom_reader()
    if pydicom is None:
        raise UnsupportedImageError(
            f"{file.name!r} is a DICOM picture, which is read where Bluetit was installed with [dicom]. Export it as "
            "PNG from the program that shows it."
        )
    header = _read(pydicom, file)
    size = int(header.get("Columns", 0) or 0), int(header.get("Rows", 0) or 0)
    if min(size) < 1:
        raise UnsupportedImageError(f"{file.name!r} is a DICOM file without a picture, such as a report. Leave it out.")
    check_pixels(size, file.name, file.limits)
    return OpenedPhoto(size=size, file_size=size, load=lambda: _load(file, header, size))


def _read(pydicom: Any, file: PhotoFile) -> Any:
    if _DEFLATED.encode() in file.data:
        # The library would unpack all of it, however much that is.
        raise _compressed(file.name, "deflate")
    try:
        header = pydicom.dcmread(io.BytesIO(file.data))
        # Values are read when they are asked for; what is broken shows then.
        for keyword in _KEYWORDS:
            header.get(keyword)
        syntax = _syntax(header)
    except (*BROKEN_FILE, pydicom.errors.InvalidDicomError, pydicom.errors.BytesLengthException) as exc:
        raise _damaged(file.name) from exc
    if syntax not in _PLAIN_SYNTAXES:
        how = "JPEG" if syntax.startswith(_JPEG_SYNTAXES) else "another method"
        raise _compressed(file.name, "run lengths" if syntax == _RUN_LENGTHS else how)
    return header


def _syntax(header: Any) -> str:
    return str(header.file_meta.get("TransferSyntaxUID", None) or _IMPLICIT)


def _compressed(name: str, how: str) -> UnsupportedImageError:
    return UnsupportedImageError(
        f"{name!r} is a DICOM picture that is compressed with {how}, which is not read here. Export it as PNG, or "
        "uncompressed, from the program that shows it."
    )


_KEYWORDS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PhotometricInterpretation", "PlanarConfiguration", "RescaleSlope",
    "RescaleIntercept", "WindowCenter", "WindowWidth", "PixelData",
)  # fmt: skip


def _damaged(name: str) -> DamagedImageError:
    return DamagedImageError(
        f"{name!r} is a DICOM file, but it is incomplete or damaged. Copy it again from where it came."
    )


def _load(file: PhotoFile, header: Any, size: tuple[int, int]) -> Picture:
    name = file.name
    num_channels = int(header.get("SamplesPerPixel", 1) or 1)
    photometric = str(header.get("PhotometricInterpretation", ""))
    bits = int(header.get("BitsAllocated", 0) or 0)
    is_grey = photometric in ("MONOCHROME1", "MONOCHROME2") and num_channels == 1 and bits in (8, 16, 32)
    is_rgb = photometric == "RGB" and num_channels == 3 and bits == 8
    if not is_grey and not is_rgb:
        raise UnsupportedImageError(
            f"{name!r} is a DICOM picture of a kind that is not read ({photometric or 'unknown'}, {bits} bits). Export "
            "it as PNG from the program that shows it."
        )
    order = ">" if _syntax(header) == _BIG_ENDIAN else "<"
    sign = "i" if int(header.get("PixelRepresentation", 0) or 0) == 1 else "u"
    dtype = np.dtype(f"{order}{sign}{bits // 8}")
    content = header.get("PixelData", b"")
    frame_bytes = size[0] * size[1] * num_channels * dtype.itemsize
    num_frames = max(1, int(header.get("NumberOfFrames", 1) or 1))
    if not isinstance(content, bytes) or len(content) < frame_bytes:
        raise _damaged(name)
    if frame_bytes > 32 * file.limits.max_pixels:
        raise ImageTooLargeError(f"{name!r} has more pixels than can be read. Save a smaller copy and use that.")
    first: NDArray[Any] | None = None
    frame = np.zeros(0)
    for number in range(min(num_frames, len(content) // frame_bytes, _MAX_BLANK_FRAMES)):
        frame = np.frombuffer(content, dtype, frame_bytes // dtype.itemsize, number * frame_bytes)
        first = frame if first is None else first
        if frame.min() != frame.max():
            break
    else:
        frame = first if first is not None else frame
    if is_rgb:
        is_planar = int(header.get("PlanarConfiguration", 0) or 0) == 1
        shape = (3, size[1], size[0]) if is_planar else (size[1], size[0], 3)
        pixels = frame.reshape(shape).transpose(1, 2, 0) if is_planar else frame.reshape(shape)
        return Picture(
            image=Image.fromarray(np.ascontiguousarray(pixels)),
            num_pages=num_frames,
            page_word="frames",
            is_plain=False,
        )
    values = _stored_bits(frame.reshape(size[1], size[0]).astype(dtype.newbyteorder("=")), header)
    return _grey(values, header, num_frames, is_inverted=photometric == "MONOCHROME1")


def _stored_bits(values: NDArray[Any], header: Any) -> NDArray[Any]:
    """Values without what is in the bits beside them, such as an overlay; the highest of their bits is the sign.

    Source: DICOM PS3.5, section 8.1.1.
    """
    room = values.dtype.itemsize * 8
    stored = int(header.get("BitsStored", room) or room)
    # Files in which they are not the lowest bits are older than the standard.
    if not 0 < stored < room or int(header.get("HighBit", stored - 1) or 0) != stored - 1:
        return values
    unused = values.dtype.type(room - stored)
    return np.asarray(np.right_shift(np.left_shift(values, unused), unused))


def _grey(values: NDArray[Any], header: Any, num_frames: int, *, is_inverted: bool) -> Picture:
    slope, intercept = _number(header.get("RescaleSlope"), 1.0), _number(header.get("RescaleIntercept"), 0.0)
    if (slope, intercept) != (1.0, 0.0) and slope:
        values = (values * np.float32(slope) + np.float32(intercept)).astype(np.float32)
    centre, width = _number(header.get("WindowCenter"), np.nan), _number(header.get("WindowWidth"), np.nan)
    stored = int(header.get("BitsStored", 0) or 0)
    is_whole_unsigned = values.dtype.kind == "u" and 0 < stored < values.dtype.itemsize * 8
    if np.isfinite(centre) and np.isfinite(width) and width > 1:
        # Source: C.11.2.1.2.1, the linear function.
        low = centre - 0.5 - (width - 1) / 2
        tags = ToneTags(low=low, high=low + width - 1, is_inverted=is_inverted)
    else:
        tags = ToneTags(bits=stored if is_whole_unsigned else None, is_inverted=is_inverted)
    if values.dtype == np.uint8 and not np.isfinite(centre):
        values = spread(values, 2**stored - 1) if is_whole_unsigned else values
        image = Image.fromarray(255 - values if is_inverted else values)
        return Picture(image=image, num_pages=num_frames, page_word="frames", is_plain=False)
    return Picture(values=values, tags=tags, num_pages=num_frames, page_word="frames", is_plain=False)


def _number(value: Any, default: float) -> float:
    """A number, or the first of several."""
    if value is None or value == "":
        return default
    if not isinstance(value, str | int | float) and hasattr(value, "__getitem__"):
        value = value[0] if len(value) else default
    try:
        return float(value)
    except (TypeError, ValueError):
        return default
