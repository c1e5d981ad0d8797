"""Any mode of Pillow's, and any profile, as RGB in the colours of sRGB."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

# A real RGB profile has 0.5 to 50 kB; a larger one is not worth the time to read it.
MAX_PROFILE_BYTES = 1_000_000
# Profiles whose colours differ from sRGB by no more than this count as sRGB, out of 255.
PROFILE_TOLERANCE = 2


# Modes whose values are merely written down as RGB.
PLAIN_MODES = frozenset(("1", "L", "P", "RGB"))


def as_rgb(photo: Image.Image) -> Image.Image:
    """An opaque photo of 8 bits in any mode as RGB; one that is RGB already is returned as it is."""
    if photo.mode == "LAB":
        return _from_lab(photo)
    return photo if photo.mode == "RGB" else photo.convert("RGB")


def as_rgba(photo: Image.Image) -> Image.Image:
    """A photo of 8 bits with any kind of transparency as RGBA."""
    return (photo.convert("LA") if photo.mode == "La" else photo).convert("RGBA")


def wide_values(photo: Image.Image) -> NDArray[Any] | None:
    """The values of a photo with more than 8 bits, (height, width); None of any other."""
    if not photo.mode.startswith(("I", "F")):
        return None
    values = np.asarray(photo)
    # Pillow has no other mode for 16 bits than this in some formats.
    is_16_bits = photo.mode == "I" and values.size > 0 and values.min() >= 0 and values.max() <= 65_535
    return values.astype(np.uint16) if is_16_bits else values


def _from_lab(photo: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    return transform.apply(photo)


def transform_for(profile: Any) -> ImageCms.ImageCmsTransform | None:
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
