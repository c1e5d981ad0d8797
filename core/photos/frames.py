"""Animations: the first frame on which there is something."""

from PIL import Image, ImageFile

from core.photos.ground import is_blank
from core.photos.limits import check_pixels
from core.photos.orientation import orientation_of
from core.photos.picture import PhotoFile, Picture

# As many frames are looked at for one that is not blank.
MAX_BLANK_FRAMES = 32
# Scanners and lossy compression leave empty pages with greys that differ by no more than this, of 255.
_ONE_COLOUR_SPREAD = 6


def load_with_content(photo: ImageFile.ImageFile, file: PhotoFile) -> Picture:
    """Decode an opened photo; of an animation the first frame that is not all of one colour, or the first."""
    num_frames = int(getattr(photo, "n_frames", 1)) if getattr(photo, "is_animated", False) else 1
    if num_frames > 1:
        _seek_content(photo, num_frames, file)
    photo.load()
    return Picture(
        image=photo,
        # Read after load: some formats are turned upright while they are loaded, and then say so.
        orientation=orientation_of(photo),
        profile=photo.info.get("icc_profile"),
        num_pages=num_frames,
        page_word="frames",
        is_plain=num_frames == 1,
    )


def _seek_content(photo: ImageFile.ImageFile, num_frames: int, file: PhotoFile) -> None:
    for number in range(min(num_frames, MAX_BLANK_FRAMES)):
        photo.seek(number)
        check_pixels(photo.size, file.name, file.limits)
        photo.load()
        if not is_of_one_colour(photo):
            return
    photo.seek(0)


def is_of_one_colour(photo: Image.Image) -> bool:
    """Whether nothing can be seen on a picture of any mode."""
    if "A" in photo.getbands() and is_blank(photo.getchannel("A")):
        return True
    extremes = photo.getextrema()
    bands = extremes if isinstance(extremes[0], tuple) else (extremes,)
    # Numbers of a palette's colours may lie close together and look nothing alike.
    most = 0 if photo.mode in ("P", "PA", "1") or photo.mode[0] in "IF" else _ONE_COLOUR_SPREAD
    return all(isinstance(band, tuple) and band[1] - band[0] <= most for band in bands)
