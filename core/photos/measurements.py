"""What is measured on every photo once, when it comes in: light, sharpness, and what it looks like from afar.

`core.datasets.checks.findings` says which values are a reason to look at a photo.
"""

import math
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

# Grows with every change to what is measured, so that photos measured before can be told apart.
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


def measure(image: Image.Image, original_size: tuple[int, int]) -> dict[str, Any]:
    """Measure a photo.

    Args:
        image: mode RGB, as it is stored.
        original_size: (width, height) of the photo as it arrived, turned upright.

    Returns:
        What JSON can hold: `version`; `original_size` [width, height], px; `brightness`, mean grey, 0-1; `contrast`,
        standard deviation of the grey, 0-0.5; `dark_share` and `bright_share`, parts of the photo that are black and
        white, 0-1; `colour_spread`, the largest standard deviation of red, green or blue, 0-0.5; `sharpness`, variance
        of the Laplacian of the grey (0-255) in the sharpest quarter of the photo; `phash` and `phash_mirrored`,
        perceptual hashes of the photo and of its mirror image, 16 hexadecimal digits each.
    """
    small = _reduced(image)
    grey = small.convert("L")
    tiny = grey.resize((_HASH_SIDE_PX, _HASH_SIDE_PX), Image.Resampling.LANCZOS)
    levels = np.array(grey.histogram(), dtype=np.float64) / (grey.width * grey.height)
    brightness, contrast = _mean_and_deviation(levels)
    colours = np.array(small.histogram(), dtype=np.float64).reshape(3, 256) / (grey.width * grey.height)
    return {
        "version": MEASUREMENTS_VERSION,
        "original_size": list(original_size),
        "brightness": round(brightness, 4),
        "contrast": round(contrast, 4),
        "dark_share": round(float(levels[:_DARK_BELOW].sum()), 4),
        "bright_share": round(float(levels[_BRIGHT_ABOVE + 1 :].sum()), 4),
        "colour_spread": round(max(_mean_and_deviation(colour)[1] for colour in colours), 4),
        "sharpness": round(sharpness(np.asarray(grey)), 2),
        "phash": str(imagehash.phash(tiny)),
        "phash_mirrored": str(imagehash.phash(tiny.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
    }


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
