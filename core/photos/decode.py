"""A file's bytes to an upright RGB image.

Everything here is safe to call from many threads at once and changes no setting of Pillow.
"""

import contextlib
import threading
from dataclasses import dataclass

from PIL import Image

from core.errors import BlankImageError, EmptyImageError, ImageTooLargeError
from core.photos.colours import PLAIN_MODES, as_rgb, as_rgba, transform_for, wide_values
from core.photos.foreign import not_a_photo
from core.photos.formats import recognise
from core.photos.ground import Ground, GroundSurvey, is_blank, is_opaque, put_on_ground, survey_ground
from core.photos.limits import DEFAULT_LIMITS, ImageLimits, megabytes
from core.photos.orientation import SIDEWAYS_TURNS, turn_for, upright
from core.photos.picture import PhotoFile, Picture
from core.photos.pillow import silence_pillow, translated_errors
from core.photos.remarks import PhotoFacts
from core.photos.rendering import Rendering, Survey
from core.photos.tones import ToneSurvey, survey_tones, to_bytes

# A photo takes up to 15 bytes a pixel while it is decoded. Larger ones are decoded one after the other, whatever the
# number of threads, so that a handful of small files of enormous photos cannot exhaust the memory.
_LARGE_PIXELS = 20_000_000
_one_large_photo = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPhoto:
    """A photo that was read, and what its file says about it."""

    image: Image.Image  # upright, mode RGB, sRGB colours, no metadata
    original_size: tuple[int, int]  # width, height, px, turned upright; `image` may have been decoded smaller
    is_lossless: bool  # whether the file's format keeps every pixel as it was
    # Whether `image` shows the file's own pixels: nothing was turned, blended, scaled or brought to other colours,
    # so that a copy of the file without its metadata decodes to the same image.
    is_as_stored: bool
    facts: PhotoFacts  # what else was found, and decided about it


def decode_image(
    data: bytes,
    name: str,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    shortest_side_px: int | None = None,
    rendering: Rendering | None = None,
) -> Image.Image:
    """Decode a photo to an upright RGB image without metadata.

    EXIF orientation is applied, colours of an embedded RGB profile (such as a phone's Display P3) are brought to sRGB.
    Values of more than 8 bits are scaled, and transparent photos put on a ground they can be seen on, as `rendering`
    says or, without one, as fits this photo alone. Of several pages or frames the first that is not blank is read.
    The file's content decides about its format, never its name (but for TGA, which has no mark of its own).

    Args:
        data: the whole file.
        name: what error messages call the file.
        limits: largest file and photo that are read.
        shortest_side_px: if given, a JPEG may come out smaller than it is, by 1/2, 1/4 or 1/8, as long as its
            shortest side keeps at least this many pixels; several times faster for photos from a camera.
            `shortest_side_for` says what `fit` needs.
        rendering: what was decided for all photos that belong together.

    Returns:
        An image of mode RGB.

    Raises:
        EmptyImageError: `data` is empty.
        NotAnImageError: `data` is something else than a photo in one of the formats that are read.
        UnsupportedImageError: the photo is of a variety of its format that is not read.
        BlankImageError: all of it is transparent.
        DamagedImageError: the photo is truncated or broken.
        ImageTooLargeError: the file has more bytes, or the photo more pixels, than `limits` allows.
    """
    return decode_photo(data, name, limits=limits, shortest_side_px=shortest_side_px, rendering=rendering).image


def decode_photo(
    data: bytes,
    name: str,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    shortest_side_px: int | None = None,
    rendering: Rendering | None = None,
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
    photo_format = recognise(data, name)
    if photo_format is None:
        raise not_a_photo(data, name)
    silence_pillow()
    file = PhotoFile(data=data, name=name, limits=limits, shortest_side_px=shortest_side_px)
    with translated_errors(name, photo_format.label, data):
        opened = photo_format.open(file)
        is_large = opened.size[0] * opened.size[1] > _LARGE_PIXELS
        with _one_large_photo if is_large else contextlib.nullcontext():
            picture = opened.load()
            turn = turn_for(picture.orientation)
            shown = _show(picture, name, rendering or Rendering())
            image = upright(shown.image, turn)
    original_size = image.size
    is_smaller = opened.size != opened.file_size
    if is_smaller:
        original_size = opened.file_size[::-1] if turn in SIDEWAYS_TURNS else opened.file_size
    return DecodedPhoto(
        image=image,
        original_size=original_size,
        is_lossless=photo_format.is_lossless and opened.format is None,
        is_as_stored=picture.is_plain and shown.is_plain and turn is None and not is_smaller,
        facts=PhotoFacts(
            format=opened.format or photo_format.label,
            survey=shown.survey,
            rendering=shown.rendering,
            num_pages=picture.num_pages,
            num_bands=picture.num_bands,
            page_word=picture.page_word,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A picture as RGB, not turned upright yet."""

    image: Image.Image
    survey: Survey
    rendering: Rendering
    is_plain: bool  # whether these are the picture's own pixels


def _show(picture: Picture, name: str, wanted: Rendering) -> _Shown:
    transform = transform_for(picture.profile)
    photo, tones, scales = _narrow(picture, wanted)
    if not photo.has_transparency_data:
        image = as_rgb(photo)
        is_plain = tones is None and transform is None and photo.mode in PLAIN_MODES
        return _Shown(
            image=image if transform is None else transform.apply(image),
            survey=Survey(tones=tones),
            rendering=scales,
            is_plain=is_plain,
        )
    photo = as_rgba(photo)
    alpha = photo.getchannel("A")
    if is_blank(alpha) and not picture.may_lack_alpha:
        raise BlankImageError(
            f"{name!r} is blank: all of it is transparent. Leave it out, or save it with something to be seen on it."
        )
    if transform is not None:
        photo = transform.apply(photo.convert("RGB"))
        photo.putalpha(alpha)
    ground: GroundSurvey | None = None
    rendering = scales
    if is_blank(alpha) or is_opaque(alpha):
        image = photo.convert("RGB")
    else:
        ground = survey_ground(photo)
        rendering = wanted.of(Survey(tones=tones, ground=ground))
        image = put_on_ground(photo, rendering.ground or Ground.WHITE)
    return _Shown(image=image, survey=Survey(tones=tones, ground=ground), rendering=rendering, is_plain=False)


def _narrow(picture: Picture, wanted: Rendering) -> tuple[Image.Image, ToneSurvey | None, Rendering]:
    """The picture with 8 bits a sample, and how it was brought to them."""
    values = picture.values
    if values is None and picture.image is not None:
        values = wide_values(picture.image)
    if values is None:
        if picture.image is None:
            raise ValueError("a picture without pixels")
        return picture.image, None, Rendering()
    tones = survey_tones(values, picture.tags)
    rendering = wanted.of(Survey(tones=tones))
    image = Image.fromarray(to_bytes(values, rendering.scales[tones.group], picture.tags))
    if picture.alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(picture.alpha))
    return image, tones, rendering
