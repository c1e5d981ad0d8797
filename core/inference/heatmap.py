"""Where in a photo the evidence for a class lies, and how to show it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

# Heat from none to most: transparent blue over orange to yellow, RGB 0-255. Light and dark of the photo stay visible.
COLOUR_STOPS = np.array([0.0, 0.35, 0.7, 1.0])
COLOURS = np.array([(20, 40, 120), (200, 40, 90), (250, 140, 30), (255, 235, 90)])
MAX_OPACITY = 0.65

# Covered squares per side; 7 is the number of rows of most networks' last feature map.
_OCCLUSION_GRID = 7
_OCCLUSION_GREY = 124  # ImageNet's mean red, 0-255: a value that networks see as "nothing special"


def class_activation_map(
    feature_map: npt.NDArray[np.float32], gradient: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Evidence for a class at each place of the last feature map, for any head of dense layers on pooled features.

    Where the head is linear, the class' logit is the mean of this map (before clipping) plus the class' bias: the map
    is exact and shows what each place adds. With hidden layers it is Grad-CAM: what each place would add if the head
    went on as it does at this photo. Grad-CAM weighs a channel by the mean of the logit's slope over all places of the
    map; because the features are means over the map, that is the slope by the feature, divided by the number of
    places, which scaling to 0-1 takes out again. So nothing is approximated, and no TensorFlow is needed.

    Channels that are the same everywhere, as a transformer's class token is, say nothing of where, and are left out:
    what they add to the class belongs to the whole photo.

    Args:
        feature_map: float32 (rows, columns, channels).
        gradient: float32 (channels,), `Head.gradient`; of a linear head the class' column of its matrix.

    Returns:
        float32 (rows, columns), 0-1: evidence against the class is 0, the strongest evidence for it is 1.

    Source: B. Zhou et al., "Learning Deep Features for Discriminative Localization", 2016,
    https://arxiv.org/abs/1512.04150, equation 2; R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep
    Networks via Gradient-based Localization", 2017, https://arxiv.org/abs/1610.02391, equations 1 and 2.
    """
    has_places = np.ptp(feature_map, axis=(0, 1)) > 0
    return _normalise(evidence(feature_map, np.where(has_places, gradient, 0)))


def evidence(feature_map: npt.NDArray[np.float32], gradient: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What each place adds to the class' logit, before clipping: float32 (rows, columns), any sign."""
    return np.asarray(feature_map @ gradient, np.float32)


def occlusion_map(
    answer: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]],
    pixels: npt.NDArray[np.uint8],
    class_index: int,
) -> npt.NDArray[np.float32]:
    """How much the probability of a class falls when a part of the photo is covered; for any network.

    Args:
        answer: pixels to probabilities (classes,).
        pixels: uint8 (height, width, 3), 0-255.
        class_index: position of the class among the outputs.

    Returns:
        float32 (7, 7), 0-1: 1 where covering hurts most, 0 where it does not.

    Source: M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
    https://arxiv.org/abs/1311.2901, section 4.2.
    """
    whole = float(answer(pixels)[class_index])
    height, width, _ = pixels.shape
    drops = np.zeros((_OCCLUSION_GRID, _OCCLUSION_GRID), np.float32)
    for row, column in np.ndindex(drops.shape):
        covered = pixels.copy()
        rows = slice(row * height // _OCCLUSION_GRID, (row + 1) * height // _OCCLUSION_GRID)
        columns = slice(column * width // _OCCLUSION_GRID, (column + 1) * width // _OCCLUSION_GRID)
        covered[rows, columns] = _OCCLUSION_GREY
        drops[row, column] = whole - float(answer(covered)[class_index])
    return _normalise(drops)


def overlay(square: Image.Image, heat: npt.NDArray[Any]) -> Image.Image:
    """Lay a heat map over the square that the network saw.

    Args:
        square: RGB image.
        heat: float (rows, columns), 0-1.

    Returns:
        RGB image of the square's size.
    """
    grey = Image.fromarray((heat * 255).astype(np.uint8)).resize(square.size, Image.Resampling.BICUBIC)
    smooth = np.asarray(grey, np.float32) / 255
    colour = np.stack([np.interp(smooth, COLOUR_STOPS, COLOURS[:, channel]) for channel in range(3)], axis=-1)
    opacity = (smooth * MAX_OPACITY)[..., np.newaxis]
    blended = np.asarray(square, np.float32) * (1 - opacity) + colour * opacity
    return Image.fromarray(blended.round().astype(np.uint8))


def _normalise(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    positive = np.maximum(values, 0)
    peak = positive.max()
    return positive / peak if peak > 0 else positive
