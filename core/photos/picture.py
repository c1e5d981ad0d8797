"""What a reader of a format hands over: a picture as its file has it, before anything is decided about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from core.photos.limits import ImageLimits
from core.photos.tones import ToneTags


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFile:
    """What a reader is given."""

    data: bytes
    name: str  # what error messages call it
    limits: ImageLimits
    # A photo may be read smaller than it is, as long as its shortest side keeps at least this many pixels.
    shortest_side_px: int | None


@dataclass(slots=True, kw_only=True)
class Picture:
    """Pixels, either as a Pillow image or as values; and what the file says about them."""

    image: Image.Image | None = None  # any mode of Pillow's
    values: NDArray[Any] | None = None  # any number type, (height, width) or (height, width, 3)
    alpha: NDArray[Any] | None = None  # of `values`: uint8 (height, width), 0 is transparent
    tags: ToneTags = field(default_factory=ToneTags)
    orientation: Any = None  # as in EXIF
    profile: Any = None  # ICC profile of an RGB picture: bytes
    # Whether an alpha channel that is zero everywhere was just never filled.
    may_lack_alpha: bool = False
    num_pages: int = 1  # in the file; one of them is this picture
    page_word: str = "pages"  # or frames
    num_bands: int = 3  # in the file; of more than three, the first three that are named red, green and blue
    is_plain: bool = True  # whether the file's pixels, without anything else of the file, are this picture


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPhoto:
    """A file of which the size is known, but no pixel has been decoded."""

    size: tuple[int, int]  # width, height, px, as it will be decoded
    file_size: tuple[int, int]  # as the file says
    load: Callable[[], Picture]
    # Of files that are more than the format they seem to be, such as cameras' raw files in TIFF; never lossless.
    format: str | None = None
