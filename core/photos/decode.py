"""A file's bytes to an upright RGB image.

Everything here is safe to call from many threads at once and changes no setting of Pillow.
"""

import contextlib
import io
import threading
from dataclasses import dataclass

from PIL import Image, JpegImagePlugin

from core.errors import EmptyImageError, ImageTooLargeError
from core.photos.colours import PLAIN_MODES, as_rgb, transform_for
from core.photos.foreign import not_a_photo
from core.photos.formats import LOSSLESS_FORMATS, LOSSLESS_WEBP_CHUNK, WEBP, recognise
from core.photos.limits import DEFAULT_LIMITS, ImageLimits, check_pixels, megabytes
from core.photos.orientation import SIDEWAYS_TURNS, orientation_of, turn_for, upright
from core.photos.pillow import silence_pillow, translated_errors

# A photo takes up to 15 bytes a pixel while it is decoded. Larger ones are decoded one after the other, whatever the
# number of threads, so that a handful of small files of enormous photos cannot exhaust the memory.
_LARGE_PIXELS = 20_000_000
_one_large_photo = threading.Lock()


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
            f"{name!r} has {megabytes(len(data))}; photos of at most {megabytes(limits.max_bytes)} are "
            "read. Save a smaller copy (fewer pixels, or JPEG) and use that."
        )
    photo_format = recognise(data)
    if photo_format is None:
        raise not_a_photo(data, name)
    silence_pillow()
    with translated_errors(name, photo_format.label):
        photo = photo_format.open(io.BytesIO(data))
        check_pixels(photo.size, name, limits)
        file_size = photo.size
        if shortest_side_px is not None and isinstance(photo, JpegImagePlugin.JpegImageFile):
            # Draft comes before the photo is turned upright; a square wish holds either way.
            photo.draft(None, (max(1, shortest_side_px),) * 2)
        is_smaller = photo.size != file_size
        is_large = photo.width * photo.height > _LARGE_PIXELS
        with _one_large_photo if is_large else contextlib.nullcontext():
            photo.load()
            # Read after load: Pillow turns TIFFs upright itself while loading, and then says so.
            orientation = orientation_of(photo)
            turn = turn_for(orientation)
            transform = transform_for(photo.info.get("icc_profile"))
            is_plain = photo.mode in PLAIN_MODES and not photo.has_transparency_data
            image = as_rgb(photo)
            image = upright(image if transform is None else transform.apply(image), turn)
    original_size = image.size
    if is_smaller:
        original_size = file_size[::-1] if turn in SIDEWAYS_TURNS else file_size
    is_lossless_webp = photo_format is WEBP and data[12:16] == LOSSLESS_WEBP_CHUNK
    return DecodedPhoto(
        image=image,
        original_size=original_size,
        format=photo_format.label,
        is_lossless=photo_format.label in LOSSLESS_FORMATS or is_lossless_webp,
        is_as_stored=is_plain and transform is None and turn is None and not is_smaller,
    )
