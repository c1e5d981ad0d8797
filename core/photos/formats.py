"""Which format a file is of; its content decides, never its name."""

import io
from collections.abc import Callable
from typing import NamedTuple

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

READABLE_FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF and BMP"


class Format(NamedTuple):
    """A format that is read."""

    label: str
    # Opening by class instead of `Image.open` is the allow-list: no other of Pillow's 40 decoders can be
    # reached, nothing is registered globally, and Pillow's global pixel limit, which warns, is not asked.
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


_JPEG = Format("JPEG", JpegImagePlugin.JpegImageFile)  # also MPO, several JPEGs in one: reads the first
_AVIF = Format("AVIF", AvifImagePlugin.AvifImageFile)
_HEIF = Format("HEIC", pillow_heif.HeifImageFile)
WEBP = Format("WebP", WebPImagePlugin.WebPImageFile)
_BMP = Format("BMP", BmpImagePlugin.BmpImageFile)
_TIFF = Format("TIFF", TiffImagePlugin.TiffImageFile)
_GIF = Format("GIF", GifImagePlugin.GifImageFile)

_FORMAT_BY_MAGIC = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", Format("PNG", PngImagePlugin.PngImageFile)),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", _TIFF),  # BigTIFF
    (b"MM\0+", _TIFF),
)
# Brands of ISO 23008-12 (HEIF) and of AVIF; others, such as mp42 or qt, are videos.
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
LOSSLESS_FORMATS = frozenset(("PNG", "GIF", "BMP", "TIFF"))
# WebP exists in both kinds; the name of the first chunk tells. Source: RFC 9649, section 2.6.
LOSSLESS_WEBP_CHUNK = b"VP8L"
# Sizes of the known BMP headers; "BM" alone also begins ordinary text.
_BMP_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))


def recognise(data: bytes) -> Format | None:
    """The format of a file that is read; None of any other file."""
    for magic, photo_format in _FORMAT_BY_MAGIC:
        if data.startswith(magic):
            return photo_format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if brands & _AVIF_BRANDS:
            return _AVIF
        if brands & _HEIF_BRANDS:
            return _HEIF
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return _BMP
    return None


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO media file; the version between them does no harm."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    return {data[start : start + 4] for start in range(8, max(end, 12), 4)}
