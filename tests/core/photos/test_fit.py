"""`core.photos.fit`: photos of every shape fill the rectangle that a network looks at."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from core.errors import (
    ConfigError,
)
from core.photos.fit import LETTERBOX_GREY, FitMode, fit, fit_box, thumbnail_jpeg, to_array
from tests.core.photos.photo_files import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    assert_near,
    corner_colours,
    corners_photo,
    noise_photo,
)

# --- fitting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", FitMode)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 2), (640, 480), (3000, 2000)])
@pytest.mark.parametrize("size", [(224, 224), (160, 240), (1, 1)])
def test_fit_gives_the_size(mode, shape, size):
    """Photos of every shape, from one pixel to a strip, come out in the size that was asked for."""
    image = fit(Image.new("RGB", shape, (10, 200, 30)), size, mode)
    assert to_array(image).shape == (*size, 3)
    distances = np.abs(to_array(image).astype(int) - (10, 200, 30)).max(axis=-1)
    assert distances.min() <= 2  # Pillow's reduce is off by one or two


@pytest.mark.parametrize(
    ("photo_size", "size", "crop_fraction", "expected"),
    [
        ((100, 100), (224, 224), 1.0, (0, 0, 100, 100)),
        ((100, 200), (224, 224), 1.0, (50, 0, 150, 100)),
        ((200, 100), (224, 224), 1.0, (0, 50, 100, 150)),
        ((100, 200), (10, 20), 1.0, (0, 0, 200, 100)),
        ((100, 100), (10, 20), 1.0, (0, 25, 100, 75)),
        ((256, 256), (224, 224), 0.875, (16, 16, 240, 240)),
        ((375, 500), (224, 224), 0.875, (85.9375, 23.4375, 414.0625, 351.5625)),
    ],
)
def test_fit_box(photo_size, size, crop_fraction, expected):
    """The box is central, has the wanted shape, and is as large as the photo allows times the fraction."""
    assert fit_box(photo_size, size, crop_fraction=crop_fraction) == pytest.approx(expected)


def test_fit_box_stays_inside():
    """No rounding error leads out of the photo, which Pillow would refuse."""
    chance = random.Random(3)
    for _ in range(2000):
        height, width = chance.randrange(1, 9000), chance.randrange(1, 9000)
        size = (chance.randrange(1, 500), chance.randrange(1, 500))
        left, top, right, bottom = fit_box((height, width), size, crop_fraction=1.0)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_crop_keeps_the_middle():
    """A photo whose middle is red and whose edges are blue is all red after a narrow enough crop."""
    image = Image.new("RGB", (400, 200), BLUE)
    image.paste(RED, (100, 0, 300, 200))
    assert fit(image, (50, 50), FitMode.CROP).getcolors() == [(2500, RED)]


def test_crop_of_the_exact_size_copies_the_pixels():
    """Where nothing needs resampling nothing is changed."""
    image = noise_photo(256, 256)
    cropped = fit(image, (224, 224), FitMode.CROP)
    np.testing.assert_array_equal(to_array(cropped), to_array(image)[16:240, 16:240])


def test_letterbox_shows_everything():
    """A wide photo gets equal grey bars above and below and keeps its shape."""
    image = fit(Image.new("RGB", (400, 200), RED), (100, 100), FitMode.LETTERBOX)
    column = [image.getpixel((50, y)) for y in range(100)]
    assert column == [LETTERBOX_GREY] * 25 + [RED] * 50 + [LETTERBOX_GREY] * 25


def test_squash_shows_everything():
    """Squashing keeps all four corners."""
    image = fit(corners_photo(400, 100), (50, 50), FitMode.SQUASH)
    assert corner_colours(image) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("mode", FitMode)
def test_large_photos_are_averaged(mode):
    """Shrinking averages all pixels: a fine black-and-white grid becomes grey, not a pattern."""
    grid = np.indices((1200, 1200)).sum(axis=0) % 2 * 255
    image = fit(Image.fromarray(grid.astype(np.uint8)).convert("RGB"), (100, 100), mode)
    assert np.abs(to_array(image).astype(int) - 127).max() <= 3


@pytest.mark.parametrize("crop_fraction", [0.0, -1.0, 1.01, float("nan")])
def test_crop_fraction_is_checked(crop_fraction):
    """A fraction outside of 0-1 is refused, not clipped."""
    with pytest.raises(ConfigError, match="crop_fraction"):
        fit(corners_photo(), (8, 8), FitMode.CROP, crop_fraction=crop_fraction)


@pytest.mark.parametrize("mode", FitMode)
def test_size_is_checked(mode):
    """A size without pixels is refused."""
    with pytest.raises(ConfigError, match="at least 1 pixel"):
        fit(corners_photo(), (0, 8), mode)


# --- arrays and thumbnails -------------------------------------------------------------------------------


def test_to_array():
    """The array is uint8, rows first, RGB, writable, and its own."""
    image = corners_photo()
    array = to_array(image)
    assert array.dtype == np.uint8
    assert array.shape == (48, 64, 3)
    assert tuple(array[0, 63]) == GREEN
    array[:] = 0
    assert image.getpixel((0, 0)) == RED


@pytest.mark.parametrize(
    ("shape", "max_side", "expected"),
    [((640, 480), 100, (100, 75)), ((50, 40), 100, (50, 40)), ((1, 5000), 100, (1, 100))],
)
def test_thumbnail(shape, max_side, expected):
    """A thumbnail fits the side, keeps the shape, is never enlarged, and is a JPEG."""
    data = thumbnail_jpeg(Image.new("RGB", shape, RED), max_side)
    with Image.open(io.BytesIO(data)) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert thumbnail.size == expected
        assert_near(thumbnail.convert("RGB").getpixel((0, 0)), RED)
