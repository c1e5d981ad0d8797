"""Brushes for the drawn sample pictures: smooth curves, clouds of noise, soft shadows; nothing but NumPy and Pillow."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIDE_PX = 320
# Shapes are drawn at twice the size and reduced, so that their edges are smooth.
OVERSAMPLING = 2

Colour = tuple[int, int, int]  # red, green, blue, 0-255
Points = npt.NDArray[np.float64]  # (points, 2): x to the right, y down
Plane = npt.NDArray[np.float32]  # (SIDE_PX, SIDE_PX)
Picture = npt.NDArray[np.float32]  # (SIDE_PX, SIDE_PX, 3), 0-255


def points(*pairs: tuple[float, float]) -> Points:
    """An array of points."""
    return np.array(pairs, dtype=np.float64)


def smooth_curve(corners: Points, *, is_closed: bool, steps: int = 6) -> Points:
    """A Catmull-Rom spline through the corners.

    Source: Catmull and Rom, "A class of local interpolating splines", 1974.
    """
    if is_closed:
        padded = np.concatenate([corners[-1:], corners, corners[:2]])
    else:
        padded = np.concatenate([corners[:1], corners, corners[-1:]])
    before, start, end, after = (padded[first : len(padded) - 3 + first, np.newaxis] for first in range(4))
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, np.newaxis]
    curve = start + 0.5 * t * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    return np.asarray(curve.reshape(-1, 2))


def rotated(corners: Points, turn: float, *, around: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Points turned clockwise, as seen on the screen, by an angle in radians."""
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray((corners - around) @ matrix + around)


def ribbon(spine: Points, widths: npt.NDArray[np.float64]) -> Points:
    """The outline of a stroke along a spine that is as wide as `widths` says at each of its points."""
    along = np.gradient(spine, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-6)[:, np.newaxis]
    half = widths[:, np.newaxis] / 2
    return np.concatenate([spine + across * half, (spine - across * half)[::-1]])


def disc(centre: tuple[float, float], radius: float, *, flatness: float = 1.0) -> Points:
    """The outline of an ellipse; `flatness` is its height divided by its width."""
    turns = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    return np.stack([centre[0] + radius * np.cos(turns), centre[1] + radius * flatness * np.sin(turns)], axis=1)


class Layer:
    """A transparent sheet on which shapes are drawn."""

    def __init__(self, *, is_smooth: bool = True) -> None:
        """An empty sheet; `is_smooth` may be left out for what will be blurred anyway: it takes time."""
        self._oversampling = OVERSAMPLING if is_smooth else 1
        side_px = SIDE_PX * self._oversampling
        self._image = Image.new("RGBA", (side_px, side_px))
        self._brush = ImageDraw.Draw(self._image)

    def shape(self, outline: Points, colour: Colour) -> None:
        """Fill an outline whose points are in pixels of the picture."""
        self._brush.polygon((outline * self._oversampling).ravel().tolist(), fill=colour)

    def flatten(self, *, blur_px: float = 0.0) -> tuple[Picture, Plane]:
        """Colours, and how much each covers what is below, 0-1."""
        # Reduced and blurred with the colours multiplied in, or the edges would turn black.
        image = self._image.convert("RGBa")
        if self._oversampling > 1:
            image = image.reduce(self._oversampling)
        if blur_px > 0:
            image = image.filter(ImageFilter.GaussianBlur(blur_px))
        image = image.convert("RGBA")
        pixels = np.asarray(image, dtype=np.float32)
        return pixels[..., :3], pixels[..., 3] / np.float32(255)


class Stencil:
    """A sheet on which only the covered part counts."""

    def __init__(self) -> None:
        self._image = Image.new("L", (SIDE_PX * OVERSAMPLING, SIDE_PX * OVERSAMPLING))
        self._brush = ImageDraw.Draw(self._image)

    def shape(self, outline: Points) -> None:
        """Cover the inside of an outline whose points are in pixels of the picture."""
        self._brush.polygon((outline * OVERSAMPLING).ravel().tolist(), fill=255)

    def flatten(self) -> Plane:
        """How much of each pixel is covered, 0-1."""
        return np.asarray(self._image.reduce(OVERSAMPLING), dtype=np.float32) / np.float32(255)


def put(picture: Picture, colours: npt.NDArray[np.floating[Any]], cover: npt.NDArray[np.floating[Any]]) -> Picture:
    """The picture with a layer on it."""
    result = picture.copy()
    (rows,) = np.nonzero(cover.any(axis=1))
    if rows.size:
        part = slice(rows[0], rows[-1] + 1)  # most layers are empty above and below
        result[part] += (colours[part] - picture[part]) * cover[part, :, np.newaxis]
    return result


def blurred(plane: Plane, radius_px: float) -> Plane:
    """A plane of values 0-1, out of focus."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius_px)), dtype=np.float32) / np.float32(255)


def smoothed(plane: Plane, radius_px: float) -> Plane:
    """A plane as a slowly changing surface, without the steps that 8 bits would leave in its slope."""
    cells = max(6, round(SIDE_PX / radius_px))
    small = Image.fromarray(plane).resize((cells, cells), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC), dtype=np.float32)


def out_of_focus(picture: Picture, radius_px: float) -> Picture:
    """A picture, out of focus."""
    return np.asarray(to_image(picture).filter(ImageFilter.GaussianBlur(radius_px)), dtype=np.float32)


def to_image(picture: Picture) -> Image.Image:
    """The picture as Pillow keeps it: RGB."""
    return Image.fromarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8))


def noise(rng: np.random.Generator, columns: int, rows: int) -> Plane:
    """Smooth random values, about -1 to 1, that change about `columns` times across and `rows` times down."""
    grid = (rng.random((rows + 3, columns + 3)) * 2 - 1).astype(np.float32)
    image = Image.fromarray(grid).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def clouds(rng: np.random.Generator, sizes: Sequence[int]) -> Plane:
    """Noise of several sizes on top of each other, each weaker than the one before; about -1 to 1."""
    total = np.zeros((SIDE_PX, SIDE_PX), dtype=np.float32)
    for number, size in enumerate(sizes):
        total += noise(rng, size, size) * np.float32(0.55**number)
    return total


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two; `share` of the second, 0-1."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second, strict=True))  # type: ignore[return-value]


def varied(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    """A colour like this one, a little lighter or darker and a little off."""
    brightness = 1 + amount * (rng.random() * 2 - 1)
    return tuple(  # type: ignore[return-value]
        int(min(max(value * brightness + 60 * amount * (rng.random() * 2 - 1), 0), 255)) for value in colour
    )
