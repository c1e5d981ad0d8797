"""Photos in: bytes of any common format to an upright RGB image, and that image to what a network eats.

`decode_image` reads a file, `fit` cuts or pads it to a network's input, `to_array` turns it into numbers.
Everything here is safe to call from many threads at once and changes no setting of Pillow.
"""

import codecs
import contextlib
import io
import math
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.errors import (
    ConfigError,
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageTooLargeError,
    NotAnImageError,
)

READABLE_FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF and BMP"
WHITE = (255, 255, 255)
# Mean colour of ImageNet's photos: what a pretrained network takes for "nothing in particular".
# Source: mean (0.485, 0.456, 0.406) of https://pytorch.org/vision/stable/models.html, times 255.
LETTERBOX_GREY = (124, 116, 104)
# Share of the side that a central crop keeps.
# Source: 224/256 of Krizhevsky et al. 2012 as 0.875 in the EfficientNet preprocessing,
# https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/preprocessing.py
DEFAULT_CROP_FRACTION = 0.875
# Of models that people train: photos are theirs, and what counts need not be in the middle. On alien-vs-predator a
# logistic regression on features of EfficientNet-Lite0 was right on 97.5 % with the whole crop, 94.5 % with 0.875.
TRAINED_CROP_FRACTION = 1.0
# Large photos are first averaged down to three times the wanted size, then resampled: 5 times faster for a
# 12-megapixel photo, and at 3.0 hard to tell from the plain resampling.
# Source: https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.resize
REDUCING_GAP = 3.0
# A real RGB profile has 0.5 to 50 kB; a larger one is not worth the time to read it.
MAX_PROFILE_BYTES = 1_000_000
# Profiles whose colours differ from sRGB by no more than this count as sRGB, out of 255.
PROFILE_TOLERANCE = 2


# A photo takes up to 15 bytes a pixel while it is decoded. Larger ones are decoded one after the other, whatever the
# number of threads, so that a handful of small files of enormous photos cannot exhaust the memory.
_LARGE_PIXELS = 20_000_000
_one_large_photo = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What `decode_image` refuses to read."""

    max_bytes: int = 50_000_000  # bytes of the file
    max_pixels: int = 100_000_000  # pixels, width times height, as the file's header says

    def __post_init__(self) -> None:
        for name, value in (("max_bytes", self.max_bytes), ("max_pixels", self.max_pixels)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1.")


DEFAULT_LIMITS = ImageLimits()


class FitMode(StrEnum):
    """How a photo of any shape becomes the rectangle that a network looks at."""

    CROP = "crop"  # the middle of the photo; its edges are lost
    LETTERBOX = "letterbox"  # the whole photo, with grey bars
    SQUASH = "squash"  # the whole photo, stretched


# --- reading ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPhoto:
    """A photo that was read, and what its file says about it."""

    image: Image.Image  # upright, mode RGB, sRGB colours, no metadata
    original_size: tuple[int, int]  # width, height, px, turned upright; `image` may have been decoded smaller
    format: str  # as in `READABLE_FORMATS`
    is_lossless: bool  # whether the file's format keeps every pixel as it was
    # Whether `image` shows the file's own pixels: nothing was turned, blended, scaled or brought to other colours,
    # so that a copy of the file without its metadata decodes to the same image.
    is_as_stored: bool


def decode_image(
    data: bytes,
    name: str,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    shortest_side_px: int | None = None,
) -> Image.Image:
    """Decode a photo to an upright RGB image without metadata.

    EXIF orientation is applied, transparency shown on white, colours of an embedded RGB profile (such as a
    phone's Display P3) brought to sRGB, 16 bits scaled to 8. Of an animation the first frame is read. The
    file's content decides about its format, never its name.

    Args:
        data: the whole file.
        name: what error messages call the file.
        limits: largest file and photo that are read.
        shortest_side_px: if given, a JPEG may come out smaller than it is, by 1/2, 1/4 or 1/8, as long as its
            shortest side keeps at least this many pixels; several times faster for photos from a camera.
            `shortest_side_for` says what `fit` needs.

    Returns:
        An image of mode RGB.

    Raises:
        EmptyImageError: `data` is empty.
        NotAnImageError: `data` is something else than a photo in one of `READABLE_FORMATS`.
        DamagedImageError: the photo is truncated or broken.
        ImageTooLargeError: the file has more bytes, or the photo more pixels, than `limits` allows.
    """
    return decode_photo(data, name, limits=limits, shortest_side_px=shortest_side_px).image


def decode_photo(
    data: bytes,
    name: str,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    shortest_side_px: int | None = None,
) -> DecodedPhoto:
    """Decode a photo as `decode_image` does, and tell what its file was like. Arguments and errors are the same."""
    if not data:
        raise EmptyImageError(
            f"{name!r} is empty (0 bytes); a photo was expected. "
            "Copy or download it again, it was probably interrupted."
        )
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"{name!r} has {_megabytes(len(data))}; photos of at most {_megabytes(limits.max_bytes)} are "
            "read. Save a smaller copy (fewer pixels, or JPEG) and use that."
        )
    photo_format = _recognise(data)
    if photo_format is None:
        raise _not_a_photo(data, name)
    _silence_pillow()
    with _translated_errors(name, photo_format.label):
        photo = photo_format.open(io.BytesIO(data))
        _check_pixels(photo.size, name, limits)
        file_size = photo.size
        if shortest_side_px is not None and isinstance(photo, JpegImagePlugin.JpegImageFile):
            # Draft comes before the photo is turned upright; a square wish holds either way.
            photo.draft(None, (max(1, shortest_side_px),) * 2)
        is_smaller = photo.size != file_size
        is_large = photo.width * photo.height > _LARGE_PIXELS
        with _one_large_photo if is_large else contextlib.nullcontext():
            photo.load()
            # Read after load: Pillow turns TIFFs upright itself while loading, and then says so.
            orientation = _orientation(photo)
            turn = _turn_for(orientation)
            transform = _transform_for(photo.info.get("icc_profile"))
            is_plain = photo.mode in _PLAIN_MODES and not photo.has_transparency_data
            image = _as_rgb(photo)
            image = _upright(image if transform is None else transform.apply(image), turn)
    original_size = image.size
    if is_smaller:
        original_size = file_size[::-1] if turn in _SIDEWAYS_TURNS else file_size
    is_lossless_webp = photo_format is _WEBP and data[12:16] == _LOSSLESS_WEBP_CHUNK
    return DecodedPhoto(
        image=image,
        original_size=original_size,
        format=photo_format.label,
        is_lossless=photo_format.label in _LOSSLESS_FORMATS or is_lossless_webp,
        is_as_stored=is_plain and transform is None and turn is None and not is_smaller,
    )


def _check_pixels(size: tuple[int, int], name: str, limits: ImageLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"{name!r} is {width} × {height} pixels ({width * height / 1e6:,.0f} megapixels); photos of at "
            f"most {limits.max_pixels / 1e6:,.3g} megapixels are read. Save a smaller copy and use that."
        )


# Pillow's decoders have no common base for "this file is broken".
_BROKEN_FILE = (
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
    Warning,  # only if another thread replaced the warning filters since `_silence_pillow`
)


@contextmanager
def _translated_errors(name: str, label: str) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as exc:
        # Pillow's own limit, 178 megapixels, which counts where a frame or tile is larger than the photo.
        raise ImageTooLargeError(
            f"{name!r} is a {label} file with more pixels than can be read. Save a smaller copy and use that."
        ) from exc
    except _BROKEN_FILE as exc:
        reason = " ".join(str(exc).split())[:120] or type(exc).__name__
        raise DamagedImageError(
            f"{name!r} is a {label} file, but it is incomplete or damaged ({reason}). Copy or download it "
            "again; if it opens in a picture program, save it anew from there."
        ) from exc


# What `warnings.filterwarnings("ignore", module=...)` puts into the list.
_PILLOW_MODULES = r"(PIL|pillow_heif)\."
_PILLOW_FILTER = ("ignore", None, Warning, re.compile(_PILLOW_MODULES), 0)


def _silence_pillow() -> None:
    """Keep Pillow's remarks (strange EXIF, odd palettes) from becoming noise, or errors under `-W error`.

    Nobody who sees them can act on them. `warnings.catch_warnings` swaps the list of filters for the whole
    process, so with several threads decoding it would lose other threads' filters; instead one filter, for
    warnings from Pillow's own modules only, is put first and stays. Doing it per call, not at import,
    survives code that restores the filters afterwards (pytest does, around each test).
    """
    if not warnings.filters or warnings.filters[0] != _PILLOW_FILTER:
        warnings.filterwarnings("ignore", module=_PILLOW_MODULES)


# --- which format ----------------------------------------------------------------------------------------


class _Format(NamedTuple):
    label: str
    # Opening by class instead of `Image.open` is the allow-list: no other of Pillow's 40 decoders can be
    # reached, nothing is registered globally, and Pillow's global pixel limit, which warns, is not asked.
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


_JPEG = _Format("JPEG", JpegImagePlugin.JpegImageFile)  # also MPO, several JPEGs in one: reads the first
_AVIF = _Format("AVIF", AvifImagePlugin.AvifImageFile)
_HEIF = _Format("HEIC", pillow_heif.HeifImageFile)
_WEBP = _Format("WebP", WebPImagePlugin.WebPImageFile)
_BMP = _Format("BMP", BmpImagePlugin.BmpImageFile)
_TIFF = _Format("TIFF", TiffImagePlugin.TiffImageFile)
_GIF = _Format("GIF", GifImagePlugin.GifImageFile)

_FORMAT_BY_MAGIC = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _Format("PNG", PngImagePlugin.PngImageFile)),
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
_LOSSLESS_FORMATS = frozenset(("PNG", "GIF", "BMP", "TIFF"))
# WebP exists in both kinds; the name of the first chunk tells. Source: RFC 9649, section 2.6.
_LOSSLESS_WEBP_CHUNK = b"VP8L"
# Sizes of the known BMP headers; "BM" alone also begins ordinary text.
_BMP_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))


def _recognise(data: bytes) -> _Format | None:
    for magic, photo_format in _FORMAT_BY_MAGIC:
        if data.startswith(magic):
            return photo_format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _WEBP
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


_TO_JPEG = "Open it in a picture program and save it as JPEG."
_SCREENSHOT = "Take a screenshot of the picture in it and use that."
_UNPACK = "Unpack it and use the photos inside."
# (offset, magic, what it is, what to do): what people most often have at hand instead of a photo.
_FOREIGN = (
    (0, b"%PDF", "a PDF document", _SCREENSHOT),
    (0, b"%!PS", "a PostScript drawing", "Export it as PNG from the program that made it."),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", _SCREENSHOT),
    (0, b"\x1aE\xdf\xa3", "a video", "Pause the video, take a screenshot and use that."),
    (0, b"OggS", "a sound or video", "A single picture is needed."),
    (0, b"ID3", "a sound file", "A picture is needed."),
    (8, b"AVI ", "a video", "Pause the video, take a screenshot and use that."),
    (8, b"WAVE", "a sound file", "A picture is needed."),
    (0, b"\x1f\x8b", "a packed file (gzip)", _UNPACK),
    (0, b"Rar!", "an archive (RAR)", _UNPACK),
    (0, b"7z\xbc\xaf", "an archive (7-Zip)", _UNPACK),
    (0, b"8BPS", "a Photoshop file", _TO_JPEG),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", _TO_JPEG),
    (0, b"\xff\x0a", "a JPEG XL picture", _TO_JPEG),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", _TO_JPEG),
    (0, b"\0\0\x01\0", "an icon", _TO_JPEG),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file", _TO_JPEG),
    (0, b"IIU\0", "a camera's raw file", _TO_JPEG),
    (0, b"IIRO", "a camera's raw file", _TO_JPEG),
    (4, b"ftypcrx ", "a camera's raw file", _TO_JPEG),
    (4, b"ftyp", "a video", "Pause the video, take a screenshot and use that."),
    (4, b"moov", "a video", "Pause the video, take a screenshot and use that."),
    (0, b"\x7fELF", "a program", "A picture is needed."),
    (0, b"MZ", "a program", "A picture is needed."),
)


def _not_a_photo(data: bytes, name: str) -> NotAnImageError:
    what, remedy = _what_it_is(data)
    return NotAnImageError(f"{name!r} is {what}, not a photo. {remedy} These formats are read: {READABLE_FORMATS}.")


def _what_it_is(data: bytes) -> tuple[str, str]:
    """What a file that is no photo seems to be, and what to do about it."""
    head = data[:4096]
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"mimetypeapplication/vnd." in head:
            return "an Office document", _SCREENSHOT
        return "a ZIP archive", _UNPACK
    for offset, magic, what, remedy in _FOREIGN:
        if head.startswith(magic, offset):
            return what, remedy
    text = head.lower()
    if text.lstrip().startswith((b"<!doctype html", b"<html")):
        return "a web page", "Right-click the photo on that page, save the picture and use that."
    if b"<svg" in text:
        return "an SVG drawing", "SVG drawings are not photos: export it as PNG and use that."
    if _is_text(head):
        return "a text file", "A picture is needed."
    return "a file of unknown kind", _TO_JPEG


def _is_text(head: bytes) -> bool:
    try:
        # Incremental: the head may end in the middle of a character.
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False


# --- colours ---------------------------------------------------------------------------------------------


# Modes whose values `_as_rgb` merely writes down as RGB.
_PLAIN_MODES = frozenset(("1", "L", "P", "RGB"))


def _as_rgb(photo: Image.Image) -> Image.Image:
    """Any mode as RGB; a photo that is RGB already is returned as it is."""
    if photo.mode.startswith(("I", "F")):
        return _from_wide_values(photo)
    if photo.mode == "LAB":
        return _from_lab(photo)
    if photo.mode == "La":
        photo = photo.convert("LA")
    if not photo.has_transparency_data:
        return photo if photo.mode == "RGB" else photo.convert("RGB")
    with_alpha = photo.convert("RGBA")
    on_white = Image.new("RGB", photo.size, WHITE)
    on_white.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return on_white


def _from_wide_values(photo: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or floating-point greys to RGB; Pillow's own conversion would clip them at 255.

    0-65535 is the range, 0-1 for floating point that stays in it; if values are larger still, the largest
    is white.
    """
    values = np.nan_to_num(np.asarray(photo).astype(np.float32), posinf=0.0, neginf=0.0)
    largest = float(values.max())
    full = 1.0 if photo.mode.startswith("F") and largest <= 1.0 else max(65535.0, largest)
    grey = np.rint(np.clip(values / full, 0.0, 1.0) * 255.0).astype(np.uint8)
    transparent = photo.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _from_lab(photo: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    return transform.apply(photo)


def _transform_for(profile: Any) -> ImageCms.ImageCmsTransform | None:
    """The way from the colours of a photo's embedded profile to sRGB, if one is needed."""
    # Bytes 16-20 name the colour space: a profile for grey or CMYK no longer fits the RGB image.
    if not isinstance(profile, bytes) or profile[16:20] != b"RGB " or len(profile) > MAX_PROFILE_BYTES:
        return None
    return _transform_to_srgb(profile)


@lru_cache(maxsize=32)  # photos of one camera carry the same profile; reading it takes 2 ms
def _transform_to_srgb(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None if the profile is broken or means sRGB anyway.

    A transform may be used by several threads at once (Little CMS keeps no state in it while it runs).
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), "RGB", "RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    # Many profiles mean sRGB under another name; what they do to a set of colours tells.
    probe = _colour_probe()
    change = ImageChops.difference(probe, transform.apply(probe))
    largest = max(high for _, high in change.getextrema())  # type: ignore[misc]
    return transform if largest > PROFILE_TOLERANCE else None


def _colour_probe() -> Image.Image:
    """All 125 mixtures of five levels of red, green and blue."""
    levels = np.array((0, 64, 128, 192, 255), np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    return Image.fromarray(colours.reshape(5, 25, 3))


# --- orientation -----------------------------------------------------------------------------------------

# Source: EXIF 2.32, tag 0x0112. 1 is upright.
_TURN_FOR_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# These exchange width and height.
_SIDEWAYS_TURNS = frozenset(_TURN_FOR_ORIENTATION[orientation] for orientation in (5, 6, 7, 8))


def _orientation(photo: Image.Image) -> Any:
    try:
        return photo.getexif().get(ExifTags.Base.Orientation)
    except _BROKEN_FILE:
        # The pixels are fine, only their description is not: better lying on the side than refused.
        return None


def _turn_for(orientation: Any) -> Image.Transpose | None:
    """How a photo with this EXIF orientation is turned upright; None if it is upright."""
    # A tuple or text in place of the number happens in damaged EXIF.
    return _TURN_FOR_ORIENTATION.get(orientation) if isinstance(orientation, int) else None


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """Turn an image upright and drop its metadata (place, camera, profile)."""
    if turn is not None:
        image = image.transpose(turn)
    elif isinstance(image, ImageFile.ImageFile):
        image = image.copy()  # a plain image: the file object would keep the file's bytes and EXIF
    image.info = {}
    return image


# --- fitting to a network --------------------------------------------------------------------------------


def fit(
    image: Image.Image,
    size: tuple[int, int],
    mode: FitMode,
    *,
    crop_fraction: float = DEFAULT_CROP_FRACTION,
) -> Image.Image:
    """Bring a photo of any shape to the size that a network expects, resampled once.

    Args:
        image: mode RGB, any size.
        size: (height, width) of the result.
        mode: what happens to a photo of another shape.
        crop_fraction: for `crop`, the share of the largest possible crop's sides that is kept, above 0, at
            most 1.

    Raises:
        ConfigError: `size` or `crop_fraction` is out of range.
    """
    height, width = _checked_size(size)
    match mode:
        case FitMode.CROP:
            box = fit_box((image.height, image.width), size, crop_fraction=crop_fraction)
            return _resize(image, (width, height), box)
        case FitMode.SQUASH:
            return _resize(image, (width, height), None)
        case FitMode.LETTERBOX:
            return _letterbox(image, (height, width))


def fit_box(
    photo_size: tuple[int, int], size: tuple[int, int], *, crop_fraction: float = DEFAULT_CROP_FRACTION
) -> tuple[float, float, float, float]:
    """The part of a photo that `FitMode.CROP` keeps, in the photo's pixels.

    Args:
        photo_size: (height, width) of the photo.
        size: (height, width) of the result; only their ratio counts.
        crop_fraction: share of the largest possible crop's sides that is kept, above 0, at most 1.

    Returns:
        (left, top, right, bottom), fractions of pixels included.

    Raises:
        ConfigError: a size or `crop_fraction` is out of range.
    """
    photo_height, photo_width = _checked_size(photo_size)
    height, width = _checked_size(size)
    _check_crop_fraction(crop_fraction)
    scale = min(photo_width / width, photo_height / height) * crop_fraction
    # Rounding errors must not lead out of the photo.
    left = max(0.0, (photo_width - width * scale) / 2)
    top = max(0.0, (photo_height - height * scale) / 2)
    return left, top, photo_width - left, photo_height - top


def shortest_side_for(size: tuple[int, int], mode: FitMode, *, crop_fraction: float = DEFAULT_CROP_FRACTION) -> int:
    """Pixels that a photo's shortest side needs so that `fit` never has to enlarge a photo decoded smaller.

    The value for `decode_image(shortest_side_px=...)`.
    """
    longest = max(_checked_size(size))
    _check_crop_fraction(crop_fraction)
    return math.ceil(longest / crop_fraction) if mode is FitMode.CROP else longest


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """An RGB image as a new array: uint8 (height, width, 3), 0-255."""
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def thumbnail_jpeg(image: Image.Image, max_side_px: int, *, quality: int = 85) -> bytes:
    """A small JPEG of an RGB image for showing it; never larger than the image itself.

    Args:
        image: mode RGB, any size.
        max_side_px: longest side of the result in pixels, at least 1.
        quality: JPEG quality, 1-95.
    """
    target = io.BytesIO()
    shrink(image, max_side_px).save(target, "JPEG", quality=quality)
    return target.getvalue()


def shrink(image: Image.Image, max_side_px: int) -> Image.Image:
    """Bring an RGB image's longest side down to `max_side_px`; a smaller image is returned as it is."""
    scale = min(1.0, max_side_px / max(image.size))
    return _resize(image, _scaled(image.size, scale), None) if scale < 1.0 else image


def _letterbox(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    height, width = size
    scale = min(width / image.width, height / image.height)
    inner = _scaled(image.size, scale)
    canvas = Image.new("RGB", (width, height), LETTERBOX_GREY)
    canvas.paste(_resize(image, inner, None), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """A (width, height) scaled, each side at least one pixel: a 1 × 5000 photo stays visible."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resize(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None) -> Image.Image:
    """Resample a box of the image to (width, height); bicubic, averaging over all pixels when shrinking."""
    return image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=REDUCING_GAP)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    if min(size) < 1:
        raise ConfigError(f"The size (height, width) is {size}; both must be at least 1 pixel.")
    return size


def _check_crop_fraction(crop_fraction: float) -> None:
    if not 0.0 < crop_fraction <= 1.0:
        raise ConfigError(f"crop_fraction is {crop_fraction}; it must be above 0 and at most 1.")


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"
