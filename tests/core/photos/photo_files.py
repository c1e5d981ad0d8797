"""Photos drawn for tests, and how they become files."""

import io

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw, ImageFile

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ORIENTATION_TAG = 0x0112


def encode(image: Image.Image, kind: str, **options) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def encode_heic(image: Image.Image, **options) -> bytes:
    target = io.BytesIO()
    pillow_heif.encode(image.mode, image.size, image.tobytes(), target, **options)
    return target.getvalue()


def corners_photo(width: int = 64, height: int = 48) -> Image.Image:
    """Red top left, green top right, blue bottom left, yellow bottom right."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), BLUE)
    draw.rectangle((width // 2, height // 2, width, height), YELLOW)
    return image


def corner_colours(image: Image.Image) -> list[tuple[int, ...]]:
    """Top left, top right, bottom left, bottom right, a little inside."""
    right, bottom = image.width - 4, image.height - 4
    return [image.getpixel(place) for place in ((3, 3), (right, 3), (3, bottom), (right, bottom))]


def assert_near(colour, expected, tolerance: int = 6) -> None:
    assert np.abs(np.subtract(colour, expected)).max() <= tolerance, (colour, expected)


def assert_plain_rgb(image: Image.Image) -> None:
    assert image.mode == "RGB"
    assert not isinstance(image, ImageFile.ImageFile)
    assert image.info == {}
    assert len(image.getexif()) == 0


def noise_photo(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height))
