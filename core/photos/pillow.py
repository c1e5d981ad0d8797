"""Pillow as a library among others: its errors translated, its remarks silenced."""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageCms

from core.errors import DamagedImageError, ImageError, ImageTooLargeError, UnsupportedImageError
from core.photos.jpeg_varieties import unread_variety

# Pillow's decoders have no common base for "this file is broken".
BROKEN_FILE = (
    # What 60,000 mutated files raised
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    # What else Pillow's sources let through
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    Warning,  # only if another thread replaced the warning filters since `silence_pillow`
)


# What libraries say of files that are whole, but of a variety they do not read.
_SAYS_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not available|unknown (?:pixel )?mode|not implemented|cannot handle|can't handle|"
    r"unknown compression|unhandled|only .* supported",
    re.IGNORECASE,
)


@contextmanager
def translated_errors(name: str, label: str, data: bytes) -> Iterator[None]:
    """Turn whatever a library raises for a file that it cannot read into ours; its own words reach nobody.

    Args:
        name: what error messages call the file.
        label: its format.
        data: the whole file.
    """
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as exc:
        # Pillow's own limit, 178 megapixels, which counts where a frame or tile is larger than the photo.
        raise ImageTooLargeError(
            f"{name!r} is a {label} file with more pixels than can be read. Save a smaller copy and use that."
        ) from exc
    except MemoryError as exc:
        raise ImageTooLargeError(
            f"{name!r} is a {label} file that needs more memory than there is. Save a smaller copy and use that."
        ) from exc
    except BROKEN_FILE as exc:
        variety = unread_variety(data) if label == "JPEG" else None
        if variety or isinstance(exc, NotImplementedError) or _SAYS_UNSUPPORTED.search(str(exc)):
            what = f"a {variety or label + ' file of a kind'} that is not read here"
            raise UnsupportedImageError(
                f"{name!r} is {what}. Open it in a picture program and save it as an ordinary JPEG or PNG."
            ) from exc
        raise DamagedImageError(
            f"{name!r} is a {label} file, but it is incomplete or damaged. Copy or download it again; if it opens in "
            "a picture program, save it anew from there."
        ) from exc


# What `warnings.filterwarnings("ignore", module=...)` puts into the list.
_PILLOW_MODULES = r"(PIL|pillow_heif|pydicom)\."
_PILLOW_FILTER = ("ignore", None, Warning, re.compile(_PILLOW_MODULES), 0)


def silence_pillow() -> None:
    """Keep Pillow's remarks (strange EXIF, odd palettes) from becoming noise, or errors under `-W error`.

    Nobody who sees them can act on them. `warnings.catch_warnings` swaps the list of filters for the whole
    process, so with several threads decoding it would lose other threads' filters; instead one filter, for
    warnings from Pillow's own modules only, is put first and stays. Doing it per call, not at import,
    survives code that restores the filters afterwards (pytest does, around each test).
    """
    if not warnings.filters or warnings.filters[0] != _PILLOW_FILTER:
        warnings.filterwarnings("ignore", module=_PILLOW_MODULES)
