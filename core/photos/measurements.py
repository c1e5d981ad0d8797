"""What is measured on every photo once, when it comes in: light, sharpness, and what it looks like from afar.

`core.datasets.checks.photo_checks` says which values are a reason to look at a photo. Another measure is another entry
of `MEASURES`: photos that were measured without it are measured again by the next check of a dataset that has them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

# Grows with every change to how something is measured, so that photos measured before are measured again.
MEASUREMENTS_VERSION = 1

# Sharpness and hashes are taken from a copy of this longest side, so that they do not depend on the number of pixels
# and tell what a network, which sees about as many, gets of the photo.
_MEASURED_SIDE_PX = 256
# A perceptual hash compares the lowest frequencies of a picture of this size. Source: `imagehash.phash`, whose default
# is an 8 × 8 hash of a 4 times larger picture.
_HASH_SIDE_PX = 32
# Sharpness is that of the sharpest tiles of a grid of this many rows and columns: a bird in front of a soft background
# is a sharp photo.
_TILES_PER_SIDE = 4
_SHARPEST_SHARE = 0.25
_LEVELS = np.arange(256) / 255
_DARK_BELOW = 30  # of 255; grey that looks black on a screen
_BRIGHT_ABOVE = 250  # of 255; white without any detail


@dataclass(frozen=True, slots=True)
class Reduced:
    """A photo at the size it is measured at, and what several measures start from."""

    colours: Image.Image  # mode RGB
    grey: Image.Image  # mode L
    tiny: Image.Image  # mode L, the square that perceptual hashes look at
    grey_levels: npt.NDArray[np.float64]  # (256,): share of the pixels that have each grey, 0-1
    colour_levels: npt.NDArray[np.float64]  # (3, 256): the same of red, green and blue

    @classmethod
    def of(cls, image: Image.Image) -> "Reduced":
        """Reduce a photo of mode RGB."""
        small = _reduced(image)
        grey = small.convert("L")
        num_pixels = grey.width * grey.height
        return cls(
            colours=small,
            grey=grey,
            tiny=grey.resize((_HASH_SIDE_PX, _HASH_SIDE_PX), Image.Resampling.LANCZOS),
            grey_levels=np.array(grey.histogram(), dtype=np.float64) / num_pixels,
            colour_levels=np.array(small.histogram(), dtype=np.float64).reshape(3, 256) / num_pixels,
        )


# What is measured, as JSON can hold it:
# brightness              mean grey, 0-1
# contrast                standard deviation of the grey, 0-0.5
# dark_share              part of the photo that is black, 0-1
# bright_share            part of the photo that is white, 0-1
# colour_spread           the largest standard deviation of red, green or blue, 0-0.5
# sharpness               variance of the Laplacian of the grey (0-255) in the sharpest quarter of the photo
# phash, phash_mirrored   perceptual hashes of the photo and of its mirror image, 16 hexadecimal digits each
MEASURES: Mapping[str, Callable[[Reduced], float | str]] = {
    "brightness": lambda photo: round(_mean_and_deviation(photo.grey_levels)[0], 4),
    "contrast": lambda photo: round(_mean_and_deviation(photo.grey_levels)[1], 4),
    "dark_share": lambda photo: round(float(photo.grey_levels[:_DARK_BELOW].sum()), 4),
    "bright_share": lambda photo: round(float(photo.grey_levels[_BRIGHT_ABOVE + 1 :].sum()), 4),
    "colour_spread": lambda photo: round(max(_mean_and_deviation(each)[1] for each in photo.colour_levels), 4),
    "sharpness": lambda photo: round(sharpness(np.asarray(photo.grey)), 2),
    "phash": lambda photo: str(imagehash.phash(photo.tiny)),
    "phash_mirrored": lambda photo: str(imagehash.phash(photo.tiny.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
}


def measure(image: Image.Image, original_size: tuple[int, int]) -> dict[str, Any]:
    """Measure a photo.

    Args:
        image: mode RGB, as it is stored.
        original_size: (width, height) of the photo as it arrived, turned upright.

    Returns:
        What JSON can hold: `version`; `original_size` [width, height], px; and all of `MEASURES`.
    """
    reduced = Reduced.of(image)
    values = {name: value_of(reduced) for name, value_of in MEASURES.items()}
    return {"version": MEASUREMENTS_VERSION, "original_size": list(original_size), **values}


def is_measured(measurements: Mapping[str, Any]) -> bool:
    """Whether a photo was measured by this version, or by a newer one that knows all that this one does."""
    return measurements.get("version", 0) >= MEASUREMENTS_VERSION and measurements.keys() >= MEASURES.keys()


def sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Variance of the Laplacian in the sharpest quarter of a photo; 0 for one smaller than 3 × 3 pixels.

    Args:
        grey: uint8 (height, width), 0-255.

    Source: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy".
    """
    if min(grey.shape) < 3:
        return 0.0
    values = grey.astype(np.int16)
    middle = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * middle
    rows, columns = (min(_TILES_PER_SIDE, side) for side in laplacian.shape)
    height, width = laplacian.shape[0] // rows, laplacian.shape[1] // columns
    grid = laplacian[: rows * height, : columns * width].reshape(rows, height, columns, width)
    tiles = grid.swapaxes(1, 2).reshape(rows * columns, height * width).astype(np.float32)
    # Mean of the squares less square of the mean: `var` takes twice as long.
    variances = np.sort(np.einsum("tp,tp->t", tiles, tiles) / (height * width) - tiles.mean(axis=1) ** 2)
    return float(variances[-max(1, round(variances.size * _SHARPEST_SHARE)) :].mean())


def _reduced(image: Image.Image) -> Image.Image:
    """The photo at the size it is measured at; a smaller photo stays as it is."""
    scale = _MEASURED_SIDE_PX / max(image.size)
    if scale >= 1.0:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _mean_and_deviation(histogram: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation, 0-1, of values whose shares are given for each of 0-255."""
    mean = float(histogram @ _LEVELS)
    return mean, math.sqrt(max(0.0, float(histogram @ _LEVELS**2) - mean**2))
