"""Files to give to the app: real photos, photos that take long, and files that are no photos."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from core.photos.samples import SAMPLE_PHOTOS, sample_path
from tests.e2e.workspace import GivenImage

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_OF_ONE_BIT = bytes((1, 0, 0, 0, 0))  # bit depth, colour type, and the only compression, filter, interlace

COLOURS = {"orange": (220, 130, 40), "violet": (120, 60, 190)}
NUM_PER_CLASS = 14


def sample(title: str) -> Path:
    """The file of a sample photo, such as "Cat"."""
    return next(sample_path(photo) for photo in SAMPLE_PHOTOS if photo.title == title)


def as_jpeg(path: Path) -> bytes:
    """A photo saved as JPEG."""
    target = io.BytesIO()
    Image.open(path).convert("RGB").save(target, "JPEG")
    return target.getvalue()


def slow_photos(folder: Path, count: int, *, side_px: int) -> list[Path]:
    """Photos of few bytes that take a while to decode, for PNG cannot be decoded at reduced scale."""
    target = io.BytesIO()
    Image.linear_gradient("L").resize((side_px, side_px)).convert("RGB").save(target, "PNG", compress_level=1)
    paths = [folder / f"slow-{number:03}.png" for number in range(1, count + 1)]
    for path in paths:
        path.write_bytes(target.getvalue())
    return paths


def small_photos(folder: Path, count: int, *, name: str = "small") -> list[Path]:
    """Photos of few bytes and few pixels, no two alike."""
    paths = [folder / f"{name}-{number:03}.jpg" for number in range(1, count + 1)]
    for number, path in enumerate(paths):
        Image.new("RGB", (48, 48), (number % 256, number // 256, len(name))).save(path, "JPEG")
    return paths


def one_colour_png(width: int, height: int) -> bytes:
    """A black PNG, made without ever holding its pixels: 20,000 × 20,000 are 50 kB in the file."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)  # no filter, then a bit per pixel
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">II", width, height) + _GREY_OF_ONE_BIT
    return _PNG_SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def sparse_file(path: Path, num_bytes: int) -> Path:
    """A file of that size which takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(num_bytes)
    return path


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def two_colours() -> list[GivenImage]:
    """Photos of two classes, each with a colour of its own, that are not split yet."""
    generator = np.random.default_rng(0)
    made = []
    for class_name, colour in COLOURS.items():
        for number in range(NUM_PER_CLASS):
            noise = generator.integers(-60, 60, (12, 16, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            target = io.BytesIO()
            Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC).save(target, "JPEG")
            name = f"{class_name}-{number}.jpg"
            made.append(GivenImage(name=name, content=target.getvalue(), class_name=class_name))
    return made
