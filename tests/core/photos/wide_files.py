"""Files whose colours, transparency or depth libraries cut down to 8 bits, for tests."""

import base64
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import openjpeg.utils
import tifffile

from tests.core.photos.photo_files import gradient, png_chunk, tiff, wide_png

GREY = gradient(3000)
COLOURS = np.stack([GREY, GREY // 2, GREY[::-1]], axis=-1)
# What programs that leave colours of 12 bits as they are write for opaque.
OPAQUE_12 = np.full_like(GREY, 4095)


def jpeg_2000(samples: np.ndarray, bits: int, *, bare: bool = False) -> bytes:
    """Lossless, of 1 or 3 components or 4."""
    photometric = 1 if samples.ndim == 3 and samples.shape[2] == 3 else 0
    return bytes(
        openjpeg.utils.encode_array(
            samples, bits_stored=bits, photometric_interpretation=photometric, codec_format=0 if bare else 1
        )
    )


def packed_tiff(samples: np.ndarray, bits: int, **options) -> bytes:
    """Samples of a number of bits without any space between them, which the file names: (height, width, channels)."""
    flags = (samples[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(flags.reshape(len(samples), -1), axis=1).tobytes()
    template = tiff(np.zeros(samples.shape, np.uint8 if bits < 8 else np.uint16), metadata=None, **options)
    with tifffile.TiffFile(io.BytesIO(template)) as file:
        page = file.pages[0]
        data = bytearray(template)
        tag = page.tags["BitsPerSample"]
        data[tag.valueoffset : tag.valueoffset + 2 * tag.count] = bits.to_bytes(2, "little") * tag.count
        data[page.dataoffsets[0] : page.dataoffsets[0] + len(packed)] = packed
    return bytes(data)


def netpbm(samples: np.ndarray, largest: int) -> bytes:
    """A PAM of 16 bits."""
    height, width, depth = samples.shape
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {largest}\nENDHDR\n"
    return head.encode() + samples.astype(">u2").tobytes()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of an animated PNG."""

    samples: np.ndarray  # of whole numbers, (height, width, channels)
    place: tuple[int, int] = (0, 0)  # left, top
    disposal: int = 0
    blending: int = 0


def animated_png(frames: list[Frame], *, bits: int = 16, cover: np.ndarray | None = None) -> bytes:
    """An animated PNG; `cover` is shown where animations are unknown, and is no part of it."""
    first = frames[0].samples if cover is None else cover
    height, width, num_channels = first.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[num_channels]
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)),
        (b"acTL", struct.pack(">II", len(frames), 0)),
    ]
    if cover is not None:
        parts.append((b"IDAT", _packed(cover, bits)))
    number = 0
    for index, frame in enumerate(frames):
        size = frame.samples.shape[1::-1]
        parts.append(
            (b"fcTL", struct.pack(">IIIIIHHBB", number, *size, *frame.place, 1, 10, frame.disposal, frame.blending))
        )
        number += 1
        if index == 0 and cover is None:
            parts.append((b"IDAT", _packed(frame.samples, bits)))
        else:
            parts.append((b"fdAT", struct.pack(">I", number) + _packed(frame.samples, bits)))
            number += 1
    parts.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, content) for kind, content in parts)


def _packed(samples: np.ndarray, bits: int) -> bytes:
    rows = samples.astype(">u2" if bits == 16 else "u1")
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))


# Colours of 12 bits in files that have room for 16, or say 12.
COLOUR_FILES_OF_12_BITS = {
    "JPEG 2000": jpeg_2000(COLOURS, 16),
    "JPEG 2000 without a container": jpeg_2000(COLOURS, 16, bare=True),
    "JPEG 2000 that names its bits": jpeg_2000(COLOURS, 12),
    "PNG": wide_png(COLOURS),
    "PNG, animated": animated_png([Frame(samples=COLOURS), Frame(samples=COLOURS // 2)]),
    "TIFF": tiff(COLOURS, photometric="rgb"),
    "TIFF that names its bits": packed_tiff(COLOURS, 12, photometric="rgb"),
    "TIFF, signed": tiff(COLOURS.astype("int16"), photometric="rgb"),
    "PPM": b"P6 48 32 65535\n" + COLOURS.astype(">u2").tobytes(),
    "PPM that names its largest value": b"P6 48 32 4095\n" + COLOURS.astype(">u2").tobytes(),
    "PNG with alpha": wide_png(np.dstack([COLOURS, OPAQUE_12])),
    "PAM with alpha": netpbm(np.dstack([COLOURS, OPAQUE_12]), 65_535),
    "JPEG 2000 with alpha": jpeg_2000(np.dstack([COLOURS, OPAQUE_12]), 16),
    "TIFF with alpha": tiff(np.dstack([COLOURS, OPAQUE_12]), photometric="rgb", extrasamples=["unassalpha"]),
    "TIFF with alpha that names its bits": packed_tiff(
        np.dstack([COLOURS, OPAQUE_12]), 12, photometric="rgb", extrasamples=["unassalpha"]
    ),
    "TIFF multiplied with alpha": tiff(np.dstack([COLOURS, OPAQUE_12]), photometric="rgb", extrasamples=["assocalpha"]),
}
GREY_FILES_OF_12_BITS = {
    "JPEG 2000 that names its bits": jpeg_2000(GREY, 12),
    "PNG with alpha": wide_png(np.dstack([GREY, OPAQUE_12])),
    "PAM with alpha": netpbm(np.dstack([GREY, OPAQUE_12]), 65_535),
    "TIFF with alpha": tiff(np.dstack([GREY, OPAQUE_12]), photometric="minisblack", extrasamples=["unassalpha"]),
}
# Lossless JPEG XL of 8 × 6 pixels, which rise to the value named; made with libjxl 0.11, which Pillow's plug-in cannot.
JPEG_XL = {
    "16 bits up to 3000": base64.b64decode(
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAABRanhsY/8KKDD8ABQtAggEAQDoAEsYk46Fg4RDRDfM6oWVe4FgAB7oO9"
        "/5znf+3670pX+4K33pSw8AALCYbVyO08xsIWIAcAH4ECAEBAE="
    ),
    "16 bits up to 60000": base64.b64decode(
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAABaanhsY/8KKDD8ABQtAggEAQAMAUsYk46Fg4QUiE6W9R4GQNULBAPwA+"
        "L04fTh9OH04bwvdSFOIc4Hpi7EKcQpxAEAAFjMNi7HaWa2EDEAuAA8CBACggA="
    ),
    "12 bits up to 500": base64.b64decode(
        "/wooMBhQtAgIBAEA2ABLGJOOhYOEI2Q67FDD/gsEA/Br6tSoU6fNlyr10VcqVQoAAGAx23gcp5nZQsQA4AFwESAEBAE="
    ),
    "greys of 16 bits up to 3000, with alpha": base64.b64decode(
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAABIanhsY/8KKDD8CH4AihYBCBAQALwASxiTjoNDgJx4ZArd/J7GVcgZbS"
        "DZBQ4AMABL/zGfgr+qqlrEHnhzz9658wYAAAA="
    ),
}
