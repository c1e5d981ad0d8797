"""TIFF: photos, scans, and what microscopes and satellites write."""

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from core.errors import DamagedImageError, ImageTooLargeError, UnsupportedImageError
from core.photos import camera_raw
from core.photos.frames import is_of_one_colour
from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.tiff_pixels import COMPRESSION_NAMES, TiffPixels, bits_of
from core.photos.tiff_tags import Directories, Directory, Tag, read_directories, with_first_page
from core.photos.tones import LEAST_COVERAGE, ToneTags, opacity, spread

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_GREYS = (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
_ALPHA_KINDS = (1, 2)  # of ExtraSamples: multiplied with the colours, or not; 0 is anything else
_MULTIPLIED = 1
# As many pages are looked at for one that is not blank.
_MAX_BLANK_PAGES = 32
# A page takes this many bytes for each pixel of the limit, at most: four samples of double precision.
_MAX_PIXEL_BYTES = 32
_IMAGEJ_STACK = re.compile(r"^images=(\d+)", re.MULTILINE)
_IMAGEJ_RANGE = re.compile(r"^(min|max)=([-+.\deE]+)\s*$", re.MULTILINE)
# <Item name="DESCRIPTION" sample="2" role="description">red</Item>, or COLORINTERP with the same attributes.
_GDAL_BAND = re.compile(r"<Item[^>]*\bsample=\"(\d+)\"[^>]*>\s*([^<]+?)\s*</Item>", re.IGNORECASE)
_COLOUR_NAMES = (("red", "r"), ("green", "g"), ("blue", "b"))


def open_tiff(file: PhotoFile) -> OpenedPhoto:
    """Find out which page is the photo; it may be a camera's raw file.

    Raises:
        ImageError: it cannot be read; the message says why.
    """
    directories = read_directories(file.data)
    if not directories.pages:
        raise DamagedImageError(
            f"{file.name!r} is a TIFF file, but it is incomplete or damaged. Copy or download it again; if it opens "
            "in a picture program, save it anew from there."
        )
    raw_kind = camera_raw.kind_of_tiff(file.data, directories)
    if raw_kind is not None:
        return camera_raw.open_raw(file, raw_kind)
    pages = _pages(directories)
    page = pages[0]
    _check_size(file, directories, page)

    def load() -> Picture:
        return _first_with_content(file, directories, pages)

    return OpenedPhoto(size=page.size, file_size=page.size, load=load)


def _pages(directories: Directories) -> tuple[Directory, ...]:
    """Those that a person would call pages: no small copies of others. The largest picture, if all are copies."""
    pages = tuple(page for page in directories.pages if not page.is_reduced and min(page.size) > 0)
    if pages:
        # A slide scanner's label and overview are pages of their own, much smaller than the slide.
        slide = _slide_scanner(directories)
        return (max(pages, key=lambda page: page.size[0] * page.size[1]),) if slide else pages
    full = [page for page in directories.everything() if not page.is_reduced and min(page.size) > 0]
    return (max(full or directories.pages, key=lambda page: page.size[0] * page.size[1]),)


def _slide_scanner(directories: Directories) -> str | None:
    """The kind of slide scanner that wrote a file; None for anything else."""
    first = directories.pages[0]
    description = first.text(Tag.DESCRIPTION)
    if description.startswith("Aperio"):
        return "Aperio SVS"
    if "hamamatsu" in first.text(Tag.MAKE).lower():
        return "Hamamatsu NDPI"
    if "PHILIPS" in first.text(Tag.SOFTWARE).upper() and first.numbers(Tag.TILE_OFFSETS):
        return "Philips"
    if "<iScan" in description or "Ventana" in first.text(Tag.SOFTWARE):
        return "Ventana"
    return None


def _check_size(file: PhotoFile, directories: Directories, page: Directory) -> None:
    try:
        check_pixels(page.size, file.name, file.limits)
    except ImageTooLargeError as exc:
        slide = _slide_scanner(directories)
        if slide is None:
            raise
        width, height = page.size
        raise ImageTooLargeError(
            f"{file.name!r} is a slide scanner's picture ({slide}) of {width} × {height} pixels; photos of at most "
            f"{file.limits.max_pixels / 1e6:,.3g} megapixels are read. Export the parts that matter as JPEG or PNG "
            "from the scanner's program."
        ) from exc


def _first_with_content(file: PhotoFile, directories: Directories, pages: Sequence[Directory]) -> Picture:
    """The first page that is not all of one colour; the first, if there is none."""
    stack = _stack_size(pages)
    num_pages = max(len(pages), stack)
    first: Picture | None = None
    for number in range(min(num_pages, _MAX_BLANK_PAGES)):
        page = pages[0] if stack > 1 else pages[number]
        if number > 0 and stack <= 1:
            _check_size(file, directories, page)
        picture = _read_page(file, directories, page, number if stack > 1 else 0)
        if picture is None:
            break  # the stack ends before it says so
        picture.num_pages = num_pages
        picture.num_bands = _num_bands_of_colour(page)
        first = first or picture
        if num_pages == 1 or not _is_of_one_colour(picture):
            return picture
    if first is None:
        raise DamagedImageError(f"{file.name!r} is a TIFF file, but it is incomplete. Copy or download it again.")
    return first


def _num_bands_of_colour(page: Directory) -> int:
    """Samples of a page without transparency; for CMYK and the like as many as there are colours in the picture."""
    num_samples = max(1, page.number(Tag.SAMPLES_PER_PIXEL, 1))
    if page.number(Tag.PHOTOMETRIC, _BLACK_IS_ZERO) not in (*_GREYS, _RGB):
        return 3
    has_alpha = any(kind in _ALPHA_KINDS for kind in page.numbers(Tag.EXTRA_SAMPLES))
    return num_samples - has_alpha


def _stack_size(pages: Sequence[Directory]) -> int:
    """Pictures of an ImageJ stack with a single directory, whose pixels follow one another."""
    description = pages[0].text(Tag.DESCRIPTION)
    found = _IMAGEJ_STACK.search(description) if description.startswith("ImageJ") else None
    is_plain = pages[0].number(Tag.COMPRESSION, 1) == 1 and len(pages[0].numbers(Tag.STRIP_OFFSETS)) == 1
    return int(found[1]) if found and len(pages) == 1 and is_plain and len(found[1]) < 8 else 1


def _is_of_one_colour(picture: Picture) -> bool:
    if picture.values is not None:
        return bool(picture.values.min() == picture.values.max())
    return picture.image is not None and is_of_one_colour(picture.image)


def _read_page(file: PhotoFile, directories: Directories, page: Directory, slice_number: int) -> Picture | None:
    bands = _bands(file.name, page)
    if bands is None:
        return _read_with_pillow(file, directories, page)
    pixels = TiffPixels(file.data, directories.byte_order, page, file.name)
    num_bytes = page.size[0] * page.size[1] * pixels.num_samples * (pixels.bits + 7) // 8
    if num_bytes > file.limits.max_pixels * _MAX_PIXEL_BYTES:
        raise ImageTooLargeError(
            f"{file.name!r} has {pixels.num_samples} bands of {page.size[0]} × {page.size[1]} pixels, more than can be "
            "read. Export red, green and blue as a picture of its own."
        )
    slice_bytes = page.size[0] * page.size[1] * pixels.num_samples * pixels.bits // 8
    if slice_number and page.number(Tag.STRIP_OFFSETS) + slice_bytes * (slice_number + 1) > len(file.data):
        return None
    samples = pixels.read(slice_bytes * slice_number)
    return _picture_of(samples, bands, page, file.name)


class _Bands:
    """Which samples of a page are the picture."""

    def __init__(self, colours: tuple[int, ...], alpha: int | None = None, *, is_multiplied: bool = False) -> None:
        self.colours = colours  # one or three samples, from 0
        self.alpha = alpha
        self.is_multiplied = is_multiplied


def _bands(name: str, page: Directory) -> _Bands | None:
    """The samples to read; None for pages that Pillow reads as they are.

    Raises:
        UnsupportedImageError: there are more bands than a picture has, and nothing says which three to take.
    """
    num_samples = max(1, page.number(Tag.SAMPLES_PER_PIXEL, 1))
    photometric = page.number(Tag.PHOTOMETRIC, _BLACK_IS_ZERO)
    is_wide = bits_of(page) > 8 or any(kind in (2, 3) for kind in page.numbers(Tag.SAMPLE_FORMAT))
    extra = page.numbers(Tag.EXTRA_SAMPLES)
    is_plain = (photometric in _GREYS and num_samples == 1) or (photometric == _RGB and num_samples in (3, 4))
    if photometric not in (*_GREYS, _RGB):
        if is_wide and photometric != _CMYK:
            raise UnsupportedImageError(
                f"{name!r} is a TIFF file whose colours are written in a way that is not read (photometric "
                f"interpretation {photometric}, {bits_of(page)} bits). Save it with 8 bits, or as PNG."
            )
        return _Bands((0, 1, 2, 3)) if is_wide and num_samples >= 4 else None
    if is_plain and not is_wide and bits_of(page) in (1, 2, 4, 8):
        return None
    if photometric == _RGB and num_samples >= 3:
        alpha = 3 if num_samples > 3 and extra and extra[0] in _ALPHA_KINDS else None
        return _Bands((0, 1, 2), alpha, is_multiplied=bool(alpha and extra[0] == _MULTIPLIED))
    if num_samples == 1:
        return _Bands((0,))
    if num_samples == 2 and (not extra or extra[0] in _ALPHA_KINDS):
        return _Bands((0,), 1, is_multiplied=bool(extra and extra[0] == _MULTIPLIED))
    named = _named_colours(page, num_samples)
    if named is not None:
        return _Bands(named)
    if num_samples == 3:
        return _Bands((0, 1, 2))
    raise UnsupportedImageError(
        f"{name!r} has {num_samples} channels; three can be read. Export red, green and blue as an RGB picture, from "
        "the program that made it or with gdal_translate, and use that."
    )


def _named_colours(page: Directory, num_samples: int) -> tuple[int, ...] | None:
    """The samples that GDAL's description calls red, green and blue."""
    names: dict[str, int] = {}
    for number, label in _GDAL_BAND.findall(page.text(Tag.GDAL_METADATA)[:100_000]):
        names.setdefault(label.strip().lower(), int(number))
    found = tuple(next((names[name] for name in spellings if name in names), -1) for spellings in _COLOUR_NAMES)
    is_complete = len(set(found)) == 3 and all(0 <= number < num_samples for number in found)
    return found if is_complete else None


def _picture_of(samples: NDArray[Any], bands: _Bands, page: Directory, name: str) -> Picture:
    bits = bits_of(page)
    full = float(2**bits - 1) if samples.dtype.kind == "u" else 1.0
    full = float(np.iinfo(samples.dtype).max) if samples.dtype.kind == "i" else full
    if len(bands.colours) == 4:
        return Picture(
            image=_cmyk(samples[..., :4], full, name), orientation=page.number(Tag.ORIENTATION), is_plain=False
        )
    values = samples[..., bands.colours[0]] if len(bands.colours) == 1 else samples[..., list(bands.colours)]
    alpha = None
    if bands.alpha is not None:
        alpha = opacity(samples[..., bands.alpha], full)
        if bands.is_multiplied:
            share = alpha.astype(np.float32) / np.float32(255)
            divisor = np.where(share > 0, share, 1.0)
            values = values / (divisor if values.ndim == 2 else divisor[..., None])
            values = np.clip(values, 0, full).astype(samples.dtype)
    is_inverted = page.number(Tag.PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO
    if values.dtype == np.uint8:
        # Eight bits are shown as they are, and fewer as their depth says.
        values = values if bits == 8 else spread(values, 2**bits - 1)
        image = Image.fromarray(np.ascontiguousarray(255 - values if is_inverted else values))
        if alpha is not None:
            image = image.convert("RGB")
            image.putalpha(Image.fromarray(alpha))
        return Picture(
            image=image,
            orientation=page.number(Tag.ORIENTATION),
            profile=page.values.get(Tag.ICC_PROFILE),
            is_plain=False,
        )
    return Picture(
        values=np.ascontiguousarray(values),
        alpha=alpha,
        tags=_tone_tags(page, is_inverted),
        orientation=page.number(Tag.ORIENTATION),
        profile=page.values.get(Tag.ICC_PROFILE),
        is_plain=False,
    )


def _cmyk(samples: NDArray[Any], full: float, name: str) -> Image.Image:
    """Inks of more than 8 bits.

    Raises:
        UnsupportedImageError: there is so little ink that the values may be of fewer bits than there is room for.
    """
    most = float(samples.max(initial=0))
    if 0 < most < LEAST_COVERAGE * full:
        raise UnsupportedImageError(
            f"{name!r} is a TIFF picture in the colours of printers (CMYK) whose values go up to {most:.5g} of "
            f"{full:.5g}: it would come out nearly white. Save it as RGB and use that."
        )
    inks = np.rint(samples / full * 255.0).clip(0, 255).astype(np.uint8)
    return Image.fromarray(inks, "CMYK")


def _tone_tags(page: Directory, is_inverted: bool) -> ToneTags:
    """What a page says about the range of its values."""
    bits = bits_of(page)
    container = next(size for size in (8, 16, 32, 64) if bits <= size)
    low = high = None
    description = page.text(Tag.DESCRIPTION)
    said = dict(_IMAGEJ_RANGE.findall(description)) if description.startswith("ImageJ") else {}
    if {"min", "max"} <= said.keys():
        low, high = _float(said["min"]), _float(said["max"])
    for low_tag, high_tag in (
        (Tag.S_MIN_SAMPLE_VALUE, Tag.S_MAX_SAMPLE_VALUE),
        (Tag.MIN_SAMPLE_VALUE, Tag.MAX_SAMPLE_VALUE),
    ):
        highs, lows = page.numbers(high_tag), page.numbers(low_tag)
        # The largest value that there is room for says nothing.
        if high is None and highs and max(highs) < 2**container - 1:
            low, high = (min(lows) if lows else 0.0), max(highs)
    no_data = page.text(Tag.GDAL_NO_DATA)
    if low == 0 and high is not None and high >= 255 and float(high + 1).is_integer() and _is_power_of_two(high + 1):
        return ToneTags(bits=int(high + 1).bit_length() - 1, is_inverted=is_inverted, no_data=_float(no_data))
    return ToneTags(
        bits=bits if bits < container else None,
        low=low,
        high=high,
        is_inverted=is_inverted,
        no_data=_float(no_data),
    )


def _is_power_of_two(value: float) -> bool:
    number = int(value)
    return number > 0 and number & (number - 1) == 0


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _read_with_pillow(file: PhotoFile, directories: Directories, page: Directory) -> Picture:
    compression = page.number(Tag.COMPRESSION, 1)
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        how = COMPRESSION_NAMES.get(compression, f"method {compression}")
        raise UnsupportedImageError(
            f"{file.name!r} is a TIFF file that is compressed with {how}, which is not read here. Save it "
            "uncompressed, or export it as PNG or JPEG from the program that made it."
        )
    photo = TiffImagePlugin.TiffImageFile(io.BytesIO(with_first_page(file.data, directories, page)))
    check_pixels(photo.size, file.name, file.limits)
    photo.load()
    if photo.mode == "P":
        _mend_palette(photo, page.numbers(Tag.COLOR_MAP))
    # Pillow turns TIFFs upright itself while loading, and then says so.
    return Picture(image=photo, orientation=photo.getexif().get(Tag.ORIENTATION), profile=photo.info.get("icc_profile"))


def _mend_palette(photo: Image.Image, colours: Sequence[float]) -> None:
    """Palettes have 16 bits a colour, of which Pillow takes the upper 8; some programs fill the lower 8 only.

    Source: `checkcmap` of libtiff's tools.
    """
    if colours and max(colours) < 256:
        photo.putpalette(np.reshape(colours, (3, -1)).T.astype(np.uint8).tobytes())
