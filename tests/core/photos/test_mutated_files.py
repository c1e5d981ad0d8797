"""Files of every kind with changed bytes: a picture, or an error of ours, in little time and memory."""

import contextlib
import random
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from core.errors import BluetitError
from core.photos.decode import decode_image
from core.photos.limits import ImageLimits
from tests.core.photos.photo_files import (
    assert_plain_rgb,
    camera_raw_file,
    display_p3_profile,
    encode,
    exif_with_orientation,
    gradient,
    noise_photo,
    signs,
    tiff,
    wide_png,
)
from tests.core.photos.test_decode import FORMATS
from tests.core.photos.test_kinds import GREY_KINDS, KINDS, dicom
from tests.core.photos.test_tiff import COLOUR_FILES, GREY_FILES, PAGES
from tests.core.photos.wide_files import COLOUR_FILES_OF_12_BITS, JPEG_XL

NUM_PER_FILE = 30
LIMITS = ImageLimits(max_pixels=1_000_000)
PHOTO = noise_photo(48, 40)
SIGN = signs((255, 255, 255), 9)
FRAMES = [noise_photo(48, 40, seed) for seed in range(1, 3)]
EXIF = exif_with_orientation(6)

FAMILIES = {
    "formats": [FORMATS[kind](PHOTO) for kind in FORMATS],
    "varieties": [
        encode(PHOTO, "JPEG", exif=EXIF, icc_profile=display_p3_profile()),
        encode(PHOTO, "TIFF", exif=EXIF, compression="jpeg"),
        encode(PHOTO.convert("RGBA"), "WEBP", lossless=True, icc_profile=display_p3_profile()),
        encode(Image.fromarray(np.full((9, 9), 5, np.uint16)), "PNG", icc_profile=display_p3_profile()),
        wide_png(np.stack([gradient(3000)] * 4, -1), chunks={b"sBIT": b"\x0c" * 4, b"tEXt": b"a\0b"}),
        encode(SIGN, "PNG"),
        encode(SIGN, "ICO", sizes=[(16, 16), (32, 32)]),
        encode(SIGN, "TGA"),
    ],
    "animations": [encode(PHOTO, kind, save_all=True, append_images=FRAMES) for kind in ("GIF", "PNG", "WEBP", "AVIF")],
    "tiff": [*GREY_FILES.values(), *COLOUR_FILES.values(), *PAGES.values(), tiff(gradient(9, "int8"))],
    "kinds": [*KINDS.values(), *GREY_KINDS.values(), b"P1\n3 2\n101010", b"P4\n3 2\n\xa0\x40"],
    "wide": [*COLOUR_FILES_OF_12_BITS.values(), *JPEG_XL.values()],
    "dicom": [dicom(gradient(3000), WindowCenter="40", WindowWidth="400"), dicom(gradient(255, "uint8"))],
    "raw": [camera_raw_file(dng=True)],
}


def mutants(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 40))):
        # headers are where the interesting fields are
        place = chance.randrange(min(len(data), chance.choice((64, 600, len(data)))))
        changed[place] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        del changed[chance.randrange(1, len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("family", FAMILIES)
def test_mutated_files(family):
    """Whatever is changed in a file, the result is an RGB image or an error of ours, never a warning."""
    chance = random.Random(20260101)
    num_read = num_refused = 0
    for data in FAMILIES[family]:
        for _ in range(NUM_PER_FILE):
            mutant = mutants(data, chance)
            try:
                # .tga: the one kind that needs its ending
                image = decode_image(mutant, "mutant.tga", limits=LIMITS, shortest_side_px=chance.choice((None, 10)))
            except BluetitError:
                num_refused += 1
            else:
                assert_plain_rgb(image)
                num_read += 1
    assert num_read > 2
    assert num_refused > 2


def test_mutated_files_take_little_memory():
    """Whatever a changed header claims, no more is taken than a photo within the limit needs."""
    chance = random.Random(7)
    for data in (*GREY_FILES.values(), *KINDS.values()):
        for _ in range(4):
            mutant = mutants(data, chance)
            tracemalloc.start()
            with contextlib.suppress(BluetitError):
                decode_image(mutant, "mutant.tga", limits=ImageLimits(max_pixels=100_000))
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 20_000_000
