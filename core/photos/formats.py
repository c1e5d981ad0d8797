"""Which format a file is of; its content decides, never its name."""

import io
import struct
from collections.abc import Callable
from typing import NamedTuple

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    CurImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    ImageFile,
    PcxImagePlugin,
    TgaImagePlugin,
    WebPImagePlugin,
)

from core.photos import camera_raw, dicom, jpeg, jpeg_2000, jpeg_xl, netpbm, png, png_chunks, tiff
from core.photos.frames import load_with_content
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture


class Format(NamedTuple):
    """A format that is read."""

    label: str
    open: Callable[[PhotoFile], OpenedPhoto]
    is_lossless: bool = False  # whether it keeps every pixel as it was


def _by_pillow(
    plugin: type[ImageFile.ImageFile], *, may_lack_alpha: bool = False
) -> Callable[[PhotoFile], OpenedPhoto]:
    """A reader for what one of Pillow's plug-ins reads.

    Opening by class instead of `Image.open` is the allow-list: no other of Pillow's 40 decoders can be reached, nothing
    is registered globally, and Pillow's global pixel limit, which warns, is not asked.
    """

    def open_photo(file: PhotoFile) -> OpenedPhoto:
        photo = plugin(io.BytesIO(file.data))
        check_pixels(photo.size, file.name, file.limits)

        def load() -> Picture:
            picture = load_with_content(photo, file)
            picture.may_lack_alpha = may_lack_alpha
            return picture

        return OpenedPhoto(size=photo.size, file_size=photo.size, load=load)

    return open_photo


_JPEG = Format("JPEG", jpeg.open_jpeg)  # also MPO, several JPEGs in one: reads the first
_PNG = Format("PNG", png.open_png, is_lossless=True)
_AVIF = Format("AVIF", _by_pillow(AvifImagePlugin.AvifImageFile))
_HEIF = Format("HEIC", _by_pillow(pillow_heif.HeifImageFile))
_WEBP = Format("WebP", _by_pillow(WebPImagePlugin.WebPImageFile))
_LOSSLESS_WEBP = _WEBP._replace(is_lossless=True)
_BMP = Format("BMP", _by_pillow(BmpImagePlugin.BmpImageFile, may_lack_alpha=True), is_lossless=True)
_TIFF = Format("TIFF", tiff.open_tiff, is_lossless=True)
_GIF = Format("GIF", _by_pillow(GifImagePlugin.GifImageFile), is_lossless=True)
_JPEG_2000 = Format("JPEG 2000", jpeg_2000.open_jpeg_2000)
_JPEG_XL = Format("JPEG XL", jpeg_xl.open_jpeg_xl)
_ICON = Format("icon", _by_pillow(IcoImagePlugin.IcoImageFile, may_lack_alpha=True), is_lossless=True)
_CURSOR = Format("cursor", _by_pillow(CurImagePlugin.CurImageFile, may_lack_alpha=True), is_lossless=True)
_PCX = Format("PCX", _by_pillow(PcxImagePlugin.PcxImageFile), is_lossless=True)
_TGA = Format("TGA", _by_pillow(TgaImagePlugin.TgaImageFile, may_lack_alpha=True), is_lossless=True)
_NETPBM = Format("PPM", netpbm.open_netpbm, is_lossless=True)
_DICOM = Format("DICOM", dicom.open_dicom, is_lossless=True)

_FORMAT_BY_MAGIC = (
    (b"\xff\xd8\xff", _JPEG),
    (png_chunks.SIGNATURE, _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", _TIFF),  # BigTIFF
    (b"MM\0+", _TIFF),
    (jpeg_2000.CONTAINER, _JPEG_2000),
    (jpeg_2000.CODESTREAM, _JPEG_2000),
    (jpeg_xl.CODESTREAM, _JPEG_XL),
    (jpeg_xl.CONTAINER, _JPEG_XL),
)
# Brands of ISO 23008-12 (HEIF) and of AVIF; others, such as mp42 or qt, are videos.
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
# WebP exists in both kinds; the name of the first chunk tells. Source: RFC 9649, section 2.6.
_LOSSLESS_WEBP_CHUNK = b"VP8L"
# Sizes of the known BMP headers; "BM" alone also begins ordinary text.
_BMP_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_TGA_FOOTER = b"TRUEVISION-XFILE"
_TGA_ENDINGS = (".tga", ".icb", ".vda", ".vst")
_OPTIONAL = {
    "JPEG XL": jpeg_xl.jpeg_xl_decoder,
    "DICOM": dicom.dicom_reader,
    "cameras' raw files": camera_raw.raw_reader,
}


def readable_formats() -> str:
    """The formats that are read here, for people."""
    names = [
        "JPEG",
        "PNG",
        "WebP",
        "HEIC",
        "AVIF",
        "GIF",
        "TIFF",
        "BMP",
        "JPEG 2000",
        "PPM and PGM",
        "TGA",
        "ICO",
        "PCX",
    ]
    names += [name for name, is_installed in _OPTIONAL.items() if is_installed() is not None]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def recognise(data: bytes, name: str) -> Format | None:
    """The format of a file that is read; None of any other file.

    Args:
        data: the whole file.
        name: counts for TGA only, the one format without a mark of its own.
    """
    raw_kind = camera_raw.raw_kind_by_magic(data)
    if raw_kind is not None:
        return Format(camera_raw.RAW_LABEL, lambda file: camera_raw.open_raw(file, raw_kind))
    for magic, photo_format in _FORMAT_BY_MAGIC:
        if data.startswith(magic):
            return photo_format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _LOSSLESS_WEBP if data[12:16] == _LOSSLESS_WEBP_CHUNK else _WEBP
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if brands & _AVIF_BRANDS:
            return _AVIF
        if brands & _HEIF_BRANDS:
            return _HEIF
    return _recognise_by_header(data, name)


def _recognise_by_header(data: bytes, name: str) -> Format | None:
    """Formats whose marks are so short that their headers must make sense too."""
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return _BMP
    if data[dicom.MAGIC_OFFSET :].startswith(dicom.MAGIC):
        return _DICOM
    if netpbm.is_netpbm(data):
        return _NETPBM._replace(label=netpbm.kind_of(data))
    if (
        data[:4] in (b"\0\0\1\0", b"\0\0\2\0")
        and 0 < int.from_bytes(data[4:6], "little") <= 256
        and data[9:10] == b"\0"
    ):
        return _ICON if data[2] == 1 else _CURSOR
    if _is_pcx(data):
        return _PCX
    return _TGA if _is_tga(data, name) else None


def _is_pcx(data: bytes) -> bool:
    if (
        len(data) < 128
        or data[0] != 10
        or data[1] not in (0, 2, 3, 4, 5)
        or data[2] != 1
        or data[3] not in (1, 2, 4, 8)
    ):
        return False
    left, top, right, bottom = struct.unpack_from("<4H", data, 4)
    return bool(left <= right and top <= bottom and data[64] == 0)


def _is_tga(data: bytes, name: str) -> bool:
    if len(data) < 18 or not (data[-18:-2] == _TGA_FOOTER or name.lower().endswith(_TGA_ENDINGS)):
        return False
    has_palette, kind, bits = data[1], data[2], data[16]
    width, height = struct.unpack_from("<2H", data, 12)
    is_known = has_palette in (0, 1) and kind in (1, 2, 3, 9, 10, 11) and bits in (1, 8, 15, 16, 24, 32)
    return bool(is_known and width and height)


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO media file; the version between them does no harm."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    return {data[start : start + 4] for start in range(8, max(end, 12), 4)}
