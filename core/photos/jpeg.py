"""JPEG: decoded as small as is useful; the only format of which photos above the pixel limit are read."""

import io

from PIL import JpegImagePlugin

from core.photos.limits import check_pixels
from core.photos.orientation import orientation_of
from core.photos.picture import OpenedPhoto, PhotoFile, Picture

# A photo may have this many times as many pixels as the limit allows if it can be decoded so much smaller. One that is
# written progressively is held in memory as a whole while it is decoded, however small it comes out.
_MAX_TIMES_LARGER = 16
_MAX_TIMES_LARGER_PROGRESSIVE = 2


def open_jpeg(file: PhotoFile) -> OpenedPhoto:
    """Read the header, and choose how small the photo is decoded."""
    photo = JpegImagePlugin.JpegImageFile(io.BytesIO(file.data))
    file_size = photo.size
    divisor = _divisor_within_limits(photo, file)
    if divisor > 1 and divisor > _divisor_for(file_size, file.shortest_side_px):
        photo.draft(None, (file_size[0] // divisor, file_size[1] // divisor))
    elif file.shortest_side_px is not None:
        # Draft comes before the photo is turned upright; a square wish holds either way.
        photo.draft(None, (max(1, file.shortest_side_px),) * 2)
    check_pixels(photo.size, file.name, file.limits)

    def load() -> Picture:
        photo.load()
        return Picture(
            image=photo, orientation=orientation_of(photo), profile=photo.info.get("icc_profile"), is_plain=True
        )

    return OpenedPhoto(size=photo.size, file_size=file_size, load=load)


def _divisor_within_limits(photo: JpegImagePlugin.JpegImageFile, file: PhotoFile) -> int:
    """By how much a photo must be decoded smaller so that it is within the limits; 1 if it is already.

    Raises:
        ImageTooLargeError: it is larger than that helps.
    """
    width, height = photo.size
    most = file.limits.max_pixels
    times = _MAX_TIMES_LARGER_PROGRESSIVE if "progressive" in photo.info else _MAX_TIMES_LARGER
    if width * height > times * most:
        check_pixels(photo.size, file.name, file.limits)
    return next((by for by in (1, 2, 4) if -(-width // by) * -(-height // by) <= most), 8)


def _divisor_for(size: tuple[int, int], shortest_side_px: int | None) -> int:
    """By how much Pillow decodes a photo smaller of which the shortest side must keep so many pixels."""
    if shortest_side_px is None:
        return 1
    scale = min(size) // max(1, shortest_side_px)
    return next((by for by in (8, 4, 2) if scale >= by), 1)
