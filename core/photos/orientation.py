"""Photos that lie on their side or stand on their head, turned upright."""

from typing import Any

from PIL import ExifTags, Image, ImageFile

from core.photos.pillow import BROKEN_FILE

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
SIDEWAYS_TURNS = frozenset(_TURN_FOR_ORIENTATION[orientation] for orientation in (5, 6, 7, 8))


def orientation_of(photo: Image.Image) -> Any:
    """What the EXIF of an opened photo says about its orientation; None if it says nothing."""
    try:
        return photo.getexif().get(ExifTags.Base.Orientation)
    except BROKEN_FILE:
        # The pixels are fine, only their description is not: better lying on the side than refused.
        return None


def turn_for(orientation: Any) -> Image.Transpose | None:
    """How a photo with this EXIF orientation is turned upright; None if it is upright."""
    # A tuple or text in place of the number happens in damaged EXIF.
    return _TURN_FOR_ORIENTATION.get(orientation) if isinstance(orientation, int) else None


def upright(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """Turn an image upright and drop its metadata (place, camera, profile)."""
    if turn is not None:
        image = image.transpose(turn)
    elif isinstance(image, ImageFile.ImageFile):
        image = image.copy()  # a plain image: the file object would keep the file's bytes and EXIF
    image.info = {}
    return image
