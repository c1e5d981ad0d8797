"""`core.photos.measurements`: known pictures have known values."""

import json

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from core.photos.measurements import MEASUREMENTS_VERSION, measure, sharpness


def photo(width: int = 400, height: int = 300, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def one_colour(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (50, 40), colour)


def half_and_half() -> Image.Image:
    image = Image.new("RGB", (100, 60), (0, 0, 0))
    image.paste((255, 255, 255), (50, 0, 100, 60))
    return image


KNOWN = {
    "black": (one_colour((0, 0, 0)), {"brightness": 0.0, "contrast": 0.0, "dark_share": 1.0, "bright_share": 0.0}),
    "white": (one_colour((255,) * 3), {"brightness": 1.0, "contrast": 0.0, "dark_share": 0.0, "bright_share": 1.0}),
    "red": (one_colour((255, 0, 0)), {"brightness": 0.298, "colour_spread": 0.0, "sharpness": 0.0}),
    "halves": (half_and_half(), {"brightness": 0.5, "contrast": 0.5, "dark_share": 0.5, "bright_share": 0.5}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_pictures(name: str):
    """Pictures of one or two colours have the values that follow from the definitions."""
    image, expected = KNOWN[name]
    measured = measure(image, image.size)
    assert {key: measured[key] for key in expected} == pytest.approx(expected, abs=1e-3)


def test_colours_of_equal_grey_are_no_flat_colour():
    """Stripes of red and green that look alike in grey still have a spread of colour."""
    image = Image.new("RGB", (100, 60), (200, 0, 0))
    image.paste((0, 102, 0), (50, 0, 100, 60))
    measured = measure(image, image.size)
    assert measured["contrast"] < 0.01
    assert measured["colour_spread"] > 0.3


def test_the_hashes_are_those_of_the_library():
    """A photo that is measured at its own size has the hash that `imagehash` gives it, and its mirror image too."""
    image = photo(200, 150)
    measured = measure(image, image.size)
    assert measured["phash"] == str(imagehash.phash(image))
    assert measured["phash_mirrored"] == str(imagehash.phash(ImageOps.mirror(image)))


def test_mirroring_exchanges_the_hashes():
    """The mirror image of a photo is found by comparing one's hash with the other's mirrored one."""
    measured, mirrored = (measure(image, image.size) for image in (photo(), ImageOps.mirror(photo())))
    assert (mirrored["phash"], mirrored["phash_mirrored"]) == (measured["phash_mirrored"], measured["phash"])


def test_blur_lowers_sharpness():
    """The more a photo is blurred, the less sharp it is."""
    values = [
        measure(photo().filter(ImageFilter.GaussianBlur(radius)), (400, 300))["sharpness"] for radius in (0, 1, 3, 6)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5 * values[-1]


def test_sharpness_does_not_depend_on_the_number_of_pixels():
    """The same scene with four times the pixels is about as sharp."""
    large, small = (photo(1000, 800).resize(size, Image.Resampling.BICUBIC) for size in ((1000, 800), (500, 400)))
    ratio = measure(large, large.size)["sharpness"] / measure(small, small.size)["sharpness"]
    assert ratio == pytest.approx(1.0, abs=0.15)


def test_a_sharp_object_before_a_soft_background_is_sharp():
    """The sharpest quarter counts, not the whole photo."""
    soft = np.full((200, 200), 128, np.uint8)
    with_object = soft.copy()
    with_object[50:150, 50:150] = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    assert sharpness(soft) == 0.0
    assert sharpness(with_object) > 0.9 * sharpness(with_object[50:150, 50:150])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 1024), (1024, 1), (5, 4)])
def test_any_shape_can_be_measured(size: tuple[int, int]):
    """Not even a photo of one pixel or one row fails, and the result is plain JSON."""
    measured = measure(Image.new("RGB", size, (120, 60, 30)), size)
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured
    assert measured["version"] == MEASUREMENTS_VERSION
    assert measured["original_size"] == list(size)
    assert measured["sharpness"] == 0.0
