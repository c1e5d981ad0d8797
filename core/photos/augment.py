"""Augmented versions (*views*) of a photo: one pure Pillow function for the preview, for features and for training.

A view is named by (photo hash, config, view number), and that name alone decides its pixels: in every thread, process
and start of Python, on every machine with the same version of Pillow.

The numbers mean what they mean in Keras' preprocessing layers, and each is drawn evenly from its range:

    field        Keras layer                          drawn                          meaning
    flip         RandomFlip("horizontal")             yes or no                      left and right change places
    rotation     RandomRotation(f)                    -f to f                        share of a full turn
    zoom         RandomZoom(f)                        -f to f                        sides of what is seen, 1 + drawn
    shift        RandomTranslation(f, f)              -f to f, twice                 share of height, of width
    brightness   RandomBrightness(f)                  -f to f                        added, share of the range 0-255
    contrast     RandomContrast(f)                    1 - f to 1 + f                 distance from the channel's mean
    colour       RandomColorDegeneration's blending   1 - f to 1 + f                 distance from the pixel's grey

Source: https://keras.io/api/layers/preprocessing_layers/image_augmentation/, Keras 3.15; places outside the photo are
filled as by its `fill_mode="reflect"`. Keras' colour layer only takes colour away; here it is given and taken alike.
"""

import hashlib
import json
import math
import random
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageStat

from core.config import AugmentConfig
from core.errors import ConfigError

_RESAMPLING_MARGIN_PX = 3  # bicubic looks two pixels around a place, and rounding may add one
# Weights of red, green and blue in grey, ITU-R 601-2, as in Pillow's conversion to mode L.
# Source: https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.convert
_GREY_WEIGHTS = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What is done to one view."""

    flip: bool
    rotation_radians: float  # clockwise on the screen
    zoom: float  # sides of what is seen; 1 is the photo as it is
    shift_down: float  # share of the height
    shift_right: float  # share of the width
    brightness: float  # added, share of 0-255
    contrast: float  # factor
    colour: float  # factor

    @property
    def moves_pixels(self) -> bool:
        return (self.rotation_radians, self.zoom, self.shift_down, self.shift_right) != (0.0, 1.0, 0.0, 0.0)

    @property
    def changes_colours(self) -> bool:
        return (self.brightness, self.contrast, self.colour) != (0.0, 1.0, 1.0)


def augment(image: Image.Image, config: AugmentConfig, *, photo_hash: str, view: int) -> Image.Image:
    """One view of a photo: flipped, turned, zoomed and shifted in one step, then brightened and coloured in another.

    Args:
        image: mode RGB, any size.
        config: how far the view may be from the photo.
        photo_hash: of the stored photo; with the config and `view` it decides the pixels.
        view: 0 is the photo itself, 1, 2, ... are different.

    Returns:
        A new image, mode RGB, of the same size; what lies outside the photo is its mirror image.

    Raises:
        ConfigError: `view` is negative.
    """
    if view < 0:
        raise ConfigError(f"The view is {view}; it must be 0 (the photo itself) or more.")
    if view == 0:
        return image.copy()
    change = _draw(config, photo_hash, view)
    if change.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if change.moves_pixels:
        image = _move_pixels(image, change)
    return _change_colours(image, change) if change.changes_colours else image.copy()


def views(image: Image.Image, config: AugmentConfig, *, photo_hash: str, num_views: int) -> list[Image.Image]:
    """The first views of a photo, the photo itself being the first of them. Arguments and errors as for `augment`."""
    return [augment(image, config, photo_hash=photo_hash, view=view) for view in range(num_views)]


def _draw(config: AugmentConfig, photo_hash: str, view: int) -> _Change:
    """What happens in a view, drawn from a generator that its name alone decides.

    `random.random` of a generator seeded with a whole number gives the same numbers in every version of Python.
    Source: https://docs.python.org/3/library/random.html#notes-on-reproducibility
    """
    name = json.dumps([photo_hash, config.to_json(), view], sort_keys=True, separators=(",", ":"))
    generator = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))

    def draw(largest: float) -> float:
        return largest * (2.0 * generator.random() - 1.0)

    return _Change(
        flip=draw(1.0) < 0 and config.flip,
        rotation_radians=2 * math.pi * draw(config.rotation),
        zoom=1.0 + draw(config.zoom),
        shift_down=draw(config.shift),
        shift_right=draw(config.shift),
        brightness=draw(config.brightness),
        contrast=1.0 + draw(config.contrast),
        colour=1.0 + draw(config.colour),
    )


def _move_pixels(image: Image.Image, change: _Change) -> Image.Image:
    """Turn, zoom and shift in one affine transform, so that the photo is resampled only once."""
    width, height = image.size
    # From a place in the view to the place in the photo whose colour it shows, both measured from the middle.
    cosine, sine = (change.zoom * turn(change.rotation_radians) for turn in (math.cos, math.sin))
    right, down = change.shift_right * width, change.shift_down * height
    from_x = width / 2 - cosine * (width / 2 + right) - sine * (height / 2 + down)
    from_y = height / 2 + sine * (width / 2 + right) - cosine * (height / 2 + down)
    corners = [
        (from_x + cosine * x + sine * y, from_y - sine * x + cosine * y) for x, y in product((0, width), (0, height))
    ]
    left, top = (math.floor(min(side)) - _RESAMPLING_MARGIN_PX for side in zip(*corners, strict=True))
    far_right, bottom = (math.ceil(max(side)) + _RESAMPLING_MARGIN_PX for side in zip(*corners, strict=True))
    return _mirrored(image, (left, top, far_right, bottom)).transform(
        image.size,
        Image.Transform.AFFINE,
        (cosine, sine, from_x - left, -sine, cosine, from_y - top),
        Image.Resampling.BICUBIC,
    )


def _mirrored(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """A part of the endless plane that is tiled with the photo, every second tile of a row or column mirrored.

    Args:
        image: mode RGB.
        box: (left, top, right, bottom) in the photo's pixels; may reach beyond the photo on every side.
    """
    width, height = image.size
    left, top, right, bottom = box
    canvas = Image.new("RGB", (right - left, bottom - top))
    tiles: dict[tuple[int, int], Image.Image] = {(0, 0): image}
    for row, column in product(range(top // height, -(-bottom // height)), range(left // width, -(-right // width))):
        flips = (row % 2, column % 2)
        if flips not in tiles:
            tile = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if row % 2 else image
            tiles[flips] = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if column % 2 else tile
        canvas.paste(tiles[flips], (column * width - left, row * height - top))
    return canvas


def _change_colours(image: Image.Image, change: _Change) -> Image.Image:
    """Brightness, contrast and colour as one matrix, so that values are rounded and cut off at 0 and 255 only once."""
    means = ImageStat.Stat(image).mean
    matrix: list[float] = []
    for channel in range(len(means)):
        shares = [
            change.colour * (other == channel) + (1.0 - change.colour) * weight
            for other, weight in enumerate(_GREY_WEIGHTS)
        ]
        # Contrast leaves each channel's mean where brightness moved it; the mean then takes part in the mixing.
        offset = sum(
            share * ((1.0 - change.contrast) * mean + 255.0 * change.brightness)
            for share, mean in zip(shares, means, strict=True)
        )
        matrix += [*(change.contrast * share for share in shares), offset]
    return image.convert("RGB", tuple(matrix))
