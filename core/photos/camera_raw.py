"""Cameras' raw files: recognised by their content, developed in full by LibRaw where it is installed, else refused.

Most of them begin with a small preview that any picture library takes for the photo; it is never shown as the photo.
"""

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from core.errors import ImageError, ImageTooLargeError, UnsupportedImageError
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.tiff_tags import Directories, Tag

RAW_LABEL = "camera raw"

# (offset, magic, kind) of those that are no TIFF files, or have a mark of their own.
RAW_MAGIC = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIU\0", "Panasonic RW2"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (4, b"ftypcrx ", "Canon CR3"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (0, b"FOVb", "Sigma X3F"),
    (0, b"\0MRM", "Minolta MRW"),
    (8, b"CR\x02\0", "Canon CR2"),
    (8, b"IIII", "Phase One IIQ"),
)
_KIND_BY_MAKE = {
    "nikon": "Nikon NEF",
    "sony": "Sony ARW",
    "canon": "Canon CR2",
    "pentax": "Pentax PEF",
    "ricoh": "Pentax PEF",
    "samsung": "Samsung SRW",
    "hasselblad": "Hasselblad 3FR",
    "epson": "Epson ERF",
    "kodak": "Kodak DCR",
    "leica": "Leica RWL",
    "mamiya": "Mamiya MEF",
    "phase one": "Phase One IIQ",
    "panasonic": "Panasonic RAW",
    "olympus": "Olympus ORF",
}
_COLOUR_FILTER, _LINEAR_RAW = 32803, 34892
# Of Sony, Nikon, Pentax and Samsung. Source: https://exiftool.org/TagNames/EXIF.html#Compression
_RAW_COMPRESSIONS = frozenset((32767, 34713, 65535, 32770))
# LibRaw reads one file at a time; a developed photo takes a lot of memory anyway.
_one_raw_file = threading.Lock()


def kind_of_tiff(data: bytes, directories: Directories) -> str | None:
    """Which camera's raw file a TIFF is, such as "Nikon NEF"; None if it is none. Its name does not count."""
    first = directories.pages[0]
    make = first.text(Tag.MAKE).lower()
    by_make = next((kind for name, kind in _KIND_BY_MAKE.items() if name in make), None)
    if Tag.DNG_VERSION in first.values:
        return "DNG"
    for offset, magic, kind in RAW_MAGIC:
        if offset == 8 and data.startswith(magic, offset):
            return kind
    has_raw_pixels = any(
        directory.number(Tag.PHOTOMETRIC, -1) in (_COLOUR_FILTER, _LINEAR_RAW)
        or directory.number(Tag.COMPRESSION) in _RAW_COMPRESSIONS
        for directory in directories.everything()
    )
    is_preview = first.is_reduced and bool(first.numbers(Tag.SUB_DIRECTORIES)) and by_make is not None
    return by_make or "raw" if has_raw_pixels or is_preview else None


def raw_kind_by_magic(data: bytes) -> str | None:
    """Which camera's raw file begins like this; None if none does. TIFF-based ones are told by their directories."""
    is_tiff = data[:4] in (b"II*\0", b"MM\0*")
    return next(
        (kind for offset, magic, kind in RAW_MAGIC if data.startswith(magic, offset) and (offset != 8 or is_tiff)), None
    )


def raw_reader() -> Any:
    """LibRaw's Python module, or None where it is not installed."""
    try:
        import rawpy
    except ImportError:
        return None
    return rawpy


def refusal(name: str, kind: str) -> UnsupportedImageError:
    """The error for a raw file that cannot be developed here."""
    return UnsupportedImageError(
        f"{name!r} is a camera's raw file ({kind}), of which only a small preview could be read here. Use the JPEG "
        "beside it, or save it as JPEG from the camera's program."
    )


def open_raw(file: PhotoFile, kind: str) -> OpenedPhoto:
    """Look how large a raw file's photo is.

    Raises:
        UnsupportedImageError: LibRaw is not installed, or cannot read it.
        ImageTooLargeError: it has more pixels than the limits allow.
    """
    rawpy = raw_reader()
    if rawpy is None:
        raise refusal(file.name, kind)

    def with_raw(work: Callable[[Any], Any]) -> Any:
        try:
            with _one_raw_file, rawpy.imread(io.BytesIO(file.data)) as raw:
                return work(raw)
        except ImageError:
            raise
        except (rawpy.LibRawError, OSError, ValueError, RuntimeError, MemoryError, AttributeError, TypeError) as exc:
            raise refusal(file.name, kind) from exc

    sizes = with_raw(lambda raw: raw.sizes)
    width, height = (sizes.iwidth, sizes.iheight)
    check_pixels((width, height), file.name, file.limits)
    if min(width, height) < 1 or sizes.raw_width * sizes.raw_height > 2 * file.limits.max_pixels:
        raise ImageTooLargeError(f"{file.name!r} is a camera's raw file ({kind}) of a size that cannot be read.")
    is_half = file.shortest_side_px is not None and min(width, height) // 2 >= file.shortest_side_px

    def develop(raw: Any) -> Image.Image:
        # LibRaw turns the photo upright itself.
        pixels = raw.postprocess(use_camera_wb=True, half_size=is_half, output_bps=8)
        return Image.fromarray(np.ascontiguousarray(pixels))

    return OpenedPhoto(
        size=(width // 2, height // 2) if is_half else (width, height),
        file_size=(height, width) if sizes.flip in (5, 6) else (width, height),
        load=lambda: Picture(image=with_raw(develop), is_plain=False),
        format=RAW_LABEL,
    )
