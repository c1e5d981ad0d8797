"""Photos drawn for tests, and how they become files."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - registers JPEG XL with Pillow, for writing it
import tifffile
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


def tiff(pixels: np.ndarray, **options) -> bytes:
    """An array as tifffile writes it."""
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()


def gradient(largest: float, dtype: str = "uint16", *, smallest: float = 0.0, shape: tuple[int, int] = (32, 48)):
    """Values that rise from left to right and from top to bottom, from `smallest` to `largest`."""
    rising = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) / (sum(shape) - 2)
    values = smallest + rising * (largest - smallest)
    return values.astype(dtype) if np.dtype(dtype).kind == "f" else np.rint(values).astype(dtype)


def greys(image: Image.Image) -> np.ndarray:
    """The red channel of a decoded picture, which must be grey: (height, width)."""
    pixels = np.asarray(image)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def wide_png(samples: np.ndarray, *, chunks: dict[bytes, bytes] | None = None) -> bytes:
    """A PNG of 16 bits: (height, width) or (height, width, 2 to 4)."""
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[1 if samples.ndim == 2 else samples.shape[2]]
    rows = samples.astype(">u2").reshape(samples.shape[0], -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *(chunks or {}).items(), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, content) for kind, content in parts)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def camera_raw_file(make: str = "NIKON CORPORATION", *, dng: bool = False, cut_off: bool = False) -> bytes:
    """A TIFF with a small preview as its first picture and a sensor's mosaic, 160 × 120, below it."""
    target = io.BytesIO()
    more = [(271, 2, 0, make, True)]
    if dng:
        more.append((50706, 1, 4, (1, 4, 0, 0), True))
    preview = np.asarray(noise_photo(32, 24, 5))
    mosaic = np.random.default_rng(6).integers(0, 16_000, (120, 160), np.uint16)
    with tifffile.TiffWriter(target, byteorder="<") as writer:
        writer.write(preview, photometric="rgb", subifds=1, subfiletype=1, extratags=more, metadata=None)
        pattern = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, (0, 1, 1, 2), True)]
        writer.write(mosaic, photometric=32803, subfiletype=0, extratags=pattern, metadata=None)
    data = target.getvalue()
    return data[: len(data) - mosaic.nbytes] if cut_off else data


def signs(colour: tuple[int, int, int], number: int, side: int = 48) -> Image.Image:
    """A bar of a colour on transparent ground, of another length for each number."""
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((8, 8, 12 + number, 30), (*colour, 255))
    return image


def s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def display_p3_profile() -> bytes:
    """A minimal Display P3 profile: version 2, three primaries adapted to D50, gamma 2.2."""
    xyz = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
        b"wtpt": (0.96420, 1.0, 0.82491),
    }
    tags = {name: b"XYZ \0\0\0\0" + b"".join(map(s15, values)) for name, values in xyz.items()}
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        tags[name] = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(2.2 * 256), 0)
    text = b"P3 of a test\0"
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * (11 + 67 + 4)
    tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    header += s15(0.96420) + s15(1.0) + s15(0.82491)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def exif_with_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif
