"""Any mode of Pillow's, and any profile, as RGB in the colours of sRGB."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms

WHITE = (255, 255, 255)


# A real RGB profile has 0.5 to 50 kB; a larger one is not worth the time to read it.
MAX_PROFILE_BYTES = 1_000_000
# Profiles whose colours differ from sRGB by no more than this count as sRGB, out of 255.
PROFILE_TOLERANCE = 2


# Modes whose values `as_rgb` merely writes down as RGB.
PLAIN_MODES = frozenset(("1", "L", "P", "RGB"))


def as_rgb(photo: Image.Image) -> Image.Image:
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
