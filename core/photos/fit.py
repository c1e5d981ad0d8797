"""A photo of any shape to the rectangle that a network looks at, to numbers, and to a small copy."""

import io
import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import ConfigError

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


class FitMode(StrEnum):
    """How a photo of any shape becomes the rectangle that a network looks at."""

    CROP = "crop"  # the middle of the photo; its edges are lost
    LETTERBOX = "letterbox"  # the whole photo, with grey bars
    SQUASH = "squash"  # the whole photo, stretched


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


def mirrored(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square, uint8 (height, width, 3), with left and right changed."""
    return np.ascontiguousarray(pixels[:, ::-1])


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
