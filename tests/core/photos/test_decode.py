"""`core.photos.decode`: every kind of photo comes out as upright RGB, everything else as an error that helps."""

import gzip
import io
import random
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageFile, features

from core.errors import (
    ConfigError,
    DamagedImageError,
    EmptyImageError,
    ImageTooLargeError,
    NotAnImageError,
    UnsupportedImageError,
)
from core.photos.decode import decode_image
from core.photos.fit import FitMode, fit_box, shortest_side_for, to_array
from core.photos.limits import ImageLimits
from tests.core.photos.photo_files import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    assert_near,
    assert_plain_rgb,
    corner_colours,
    corners_photo,
    display_p3_profile,
    encode,
    encode_heic,
    exif_with_orientation,
    noise_photo,
)

# --- formats ---------------------------------------------------------------------------------------------


FORMATS = {
    "jpeg": lambda photo: encode(photo, "JPEG", quality=95, subsampling=0),
    "jpeg progressive": lambda photo: encode(photo, "JPEG", quality=95, subsampling=0, progressive=True),
    "mpo": lambda photo: encode(
        photo, "MPO", quality=95, subsampling=0, save_all=True, append_images=[Image.new("RGB", photo.size)]
    ),
    "png": lambda photo: encode(photo, "PNG"),
    "png palette": lambda photo: encode(photo.quantize(8), "PNG"),
    "gif": lambda photo: encode(photo.quantize(8), "GIF"),
    "bmp": lambda photo: encode(photo, "BMP"),
    "tiff": lambda photo: encode(photo, "TIFF"),
    "tiff lzw": lambda photo: encode(photo, "TIFF", compression="tiff_lzw"),
    "tiff big": lambda photo: encode(photo, "TIFF", big_tiff=True),
    "webp": lambda photo: encode(photo, "WEBP", quality=95),
    "webp lossless": lambda photo: encode(photo, "WEBP", lossless=True),
    "avif": lambda photo: encode(photo, "AVIF", quality=95, subsampling="4:4:4"),
    "heic": lambda photo: encode_heic(photo, quality=95),
}


def encode_or_skip(kind: str, photo: Image.Image) -> bytes:
    if kind == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF encoder")
    if kind == "heic" and not pillow_heif.libheif_info()["encoders"]:
        pytest.skip("this pillow_heif has no HEIC encoder")
    return FORMATS[kind](photo)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_as_rgb(kind):
    """A photo in any of the formats keeps its size and colours and loses its metadata."""
    image = decode_image(encode_or_skip(kind, corners_photo()), "photo")
    assert_plain_rgb(image)
    assert image.size == (64, 48)
    for colour, expected in zip(corner_colours(image), (RED, GREEN, BLUE, YELLOW), strict=True):
        assert_near(colour, expected, tolerance=12)


def test_wrong_extension_does_not_matter():
    """The content decides: a PNG called .jpg is simply read."""
    assert decode_image(encode(corners_photo(), "PNG"), "photo.jpg").size == (64, 48)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(kind):
    """Of an animation or a file with several pages the first picture is read."""
    frames = [Image.new("RGB", (20, 10), colour) for colour in (RED, GREEN, BLUE)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    image = decode_image(data, "moving")
    assert image.size == (20, 10)
    assert_near(image.getpixel((5, 5)), RED)


# --- orientation -----------------------------------------------------------------------------------------

# Colours of the upright photo's corners, when the stored pixels are red, green / blue, yellow.
UPRIGHT_CORNERS = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_once(kind, orientation):
    """Each of the eight EXIF orientations turns the stored corners to where the camera saw them."""
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF encoder")
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    data = encode(corners_photo(), kind, exif=exif_with_orientation(orientation), **options)
    image = decode_image(data, "photo")
    assert_plain_rgb(image)
    assert image.size == ((64, 48) if orientation < 5 else (48, 64))
    for colour, expected in zip(corner_colours(image), UPRIGHT_CORNERS[orientation], strict=True):
        assert_near(colour, expected, tolerance=12)


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_orientation_of_heic_is_applied_once(orientation):
    """HEIC turns itself upright through its own box; the EXIF copy must not turn it again."""
    if not pillow_heif.libheif_info()["encoders"]:
        pytest.skip("this pillow_heif has no HEIC encoder")
    exif = exif_with_orientation(orientation).tobytes()
    image = decode_image(encode_heic(corners_photo(), quality=95, exif=exif), "photo.heic")
    assert_plain_rgb(image)
    assert image.size == ((64, 48) if orientation < 5 else (48, 64))
    for colour, expected in zip(corner_colours(image), UPRIGHT_CORNERS[orientation], strict=True):
        assert_near(colour, expected, tolerance=12)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage that is no TIFF",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff\x06\0\0\0" * 3,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0" + b"\x12\x01\x02\0\x04\0\0\0abc\0" + b"\0\0\0\0",
        exif_with_orientation(77).tobytes(),
    ],
    ids=["empty", "garbage", "too many entries", "text", "unknown number"],
)
def test_corrupt_exif_is_ignored(exif):
    """A photo whose description is broken is still a photo, and no warning of Pillow's comes through."""
    assert_plain_rgb(decode_image(encode(corners_photo(), "JPEG", exif=exif), "photo.jpg"))


# --- transparency and modes ------------------------------------------------------------------------------


def transparent_photo(mode: str) -> tuple[str, Image.Image]:
    """A picture whose left pixel is transparent black and whose right pixel is opaque black."""
    rgba = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    rgba.putpixel((0, 0), (0, 0, 0, 0))
    if mode == "P":
        image = Image.new("P", (2, 1), 1)
        image.putpalette([0, 0, 0, 0, 0, 0])
        image.putpixel((0, 0), 0)
        image.info["transparency"] = 0
        return "PNG", image
    if mode == "P with alpha per colour":
        image = transparent_photo("P")[1]
        image.info["transparency"] = bytes((0, 255))
        return "PNG", image
    if mode == "L with key":
        image = Image.new("L", (2, 1), 0)
        image.putpixel((0, 0), 9)
        image.info["transparency"] = 9
        return "PNG", image
    if mode == "RGB with key":
        image = Image.new("RGB", (2, 1), BLACK)
        image.putpixel((0, 0), (9, 9, 9))
        image.info["transparency"] = (9, 9, 9)
        return "PNG", image
    if mode == "I;16 with key":
        image = Image.new("I;16", (2, 1), 0)
        image.putpixel((0, 0), 999)
        image.info["transparency"] = 999
        return "PNG", image
    if mode == "LA":
        return "PNG", rgba.convert("LA")
    return mode, rgba


@pytest.mark.parametrize(
    "mode",
    [
        "P",
        "P with alpha per colour",
        "L with key",
        "RGB with key",
        "I;16 with key",
        "LA",
        "PNG",
        "WEBP",
        "TIFF",
        "GIF",
    ],
)
def test_transparency_becomes_white(mode):
    """What is transparent is white, what is opaque keeps its colour."""
    kind, image = transparent_photo(mode)
    transparency = image.info.get("transparency")
    options = {"lossless": True} if kind == "WEBP" else {}
    if transparency is not None:
        options["transparency"] = transparency
    decoded = decode_image(encode(image, kind, **options), "logo")
    assert [decoded.getpixel((0, 0)), decoded.getpixel((1, 0))] == [WHITE, BLACK]


def test_half_transparent_red_on_white():
    """Half-transparent red over white is pink: 255, 127, 127."""
    data = encode(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG")
    assert decode_image(data, "pink.png").getpixel((1, 1)) == (255, 127, 127)


def test_premultiplied_alpha():
    """Colours that are stored multiplied with their alpha come out as they look on white."""
    data = encode(Image.new("RGBA", (4, 4), (128, 0, 0, 128)), "TIFF")
    # Pillow writes ExtraSamples (tag 338) 2, "plain alpha"; 1 is "multiplied"
    plain, multiplied = (struct.pack("<HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
    assert data.count(plain) == 1
    image = decode_image(data.replace(plain, multiplied), "pink.tif")
    assert_near(image.getpixel((1, 1)), (255, 127, 127), 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "expected"), [(0, 0), (32768, 128), (40000, 156), (65278, 254), (65535, 255)])
def test_16_bit_is_scaled(kind, value, expected):
    """16-bit greys span 0-65535; Pillow's own conversion would make all of them white."""
    data = encode(Image.fromarray(np.full((3, 4), value, np.uint16)), kind)
    assert decode_image(data, "scan").getpixel((0, 0)) == (expected,) * 3


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[-5, 0, 2**20]], np.int32), [0, 0, 255]),
        (np.array([[0, 32768, 65535]], np.float32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, -np.inf, 1]], np.float32), [0, 0, 255]),
    ],
    ids=["int32", "int32 beyond 16 bits", "float", "float 0-1", "not numbers"],
)
def test_wide_values_are_scaled(pixels, expected):
    """32-bit and floating-point greys are scaled to their range, not clipped."""
    image = decode_image(encode(Image.fromarray(pixels), "TIFF"), "scan.tif")
    assert to_array(image)[0, :, 0].tolist() == expected


def test_one_bit_and_grey():
    """Black-and-white and grey pictures become RGB with equal channels."""
    assert decode_image(encode(Image.new("1", (4, 4), 1), "PNG"), "fax").getpixel((0, 0)) == WHITE
    assert decode_image(encode(Image.new("L", (4, 4), 77), "PNG"), "grey").getpixel((0, 0)) == (77,) * 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind):
    """CMYK, which JPEG stores inverted as Adobe does, comes out in the right colours."""
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert_near(decode_image(encode(cyan, kind), "print").getpixel((5, 5)), (0, 255, 255))


def test_lab():
    """A Lab TIFF, as scanners write it, becomes RGB; a and b are neutral at 128."""
    data = encode(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
    assert_near(decode_image(data, "scan.tif").getpixel((0, 0)), WHITE)


# --- colour profiles -------------------------------------------------------------------------------------


def test_display_p3_is_brought_to_srgb():
    """A phone's Display P3 red is redder than the same numbers mean in sRGB."""
    photo = Image.new("RGB", (16, 16), (200, 50, 50))
    data = encode(photo, "PNG", icc_profile=display_p3_profile())
    red, green, blue = decode_image(data, "iphone.png").getpixel((5, 5))
    assert red > 212
    assert green < 45
    assert blue < 48


@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        b"not a profile at all, only some text that is long enough",
        display_p3_profile()[:200],
        b"\0" * 16 + b"RGB " + b"\xff" * 500,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["sRGB", "text", "truncated", "garbage", "other colour space"],
)
def test_profile_that_changes_nothing(profile):
    """sRGB itself costs nothing and a broken profile is ignored: the colours stay exactly as stored."""
    data = encode(Image.new("RGB", (4, 4), (200, 50, 50)), "PNG", icc_profile=profile)
    assert decode_image(data, "photo.png").getpixel((0, 0)) == (200, 50, 50)


# --- decoding smaller ------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("wanted", [1, 100, 149, 150, 151, 300, 599, 600, 5000])
def test_shortest_side_is_kept(wanted, orientation):
    """A JPEG decoded smaller keeps the wanted shortest side and its shape, whichever way it lies."""
    data = encode(noise_photo(1000, 600), "JPEG", exif=exif_with_orientation(orientation))
    image = decode_image(data, "photo.jpg", shortest_side_px=wanted)
    width, height = image.size if orientation == 1 else image.size[::-1]
    assert min(image.size) >= min(wanted, 600)
    assert width / height == pytest.approx(1000 / 600, rel=0.01)


def test_smaller_decoding_is_used_and_looks_the_same():
    """With a wish for 150 pixels a 1000 × 600 photo is decoded at a quarter, and shows the same picture."""
    photo = noise_photo(1000, 600)
    small = decode_image(encode(photo, "JPEG", quality=95), "photo.jpg", shortest_side_px=150)
    assert small.size == (250, 150)
    expected = to_array(photo.reduce(4)).astype(int)
    assert np.abs(to_array(small).astype(int) - expected).mean() < 2


def test_shortest_side_changes_nothing_for_other_formats():
    """Only JPEG can be decoded smaller; a PNG comes as it is."""
    assert decode_image(encode(corners_photo(), "PNG"), "a.png", shortest_side_px=10).size == (64, 48)


@pytest.mark.parametrize("mode", FitMode)
def test_shortest_side_for_leaves_enough_pixels(mode):
    """The part of a photo that `fit` uses has at least as many pixels as the result, in one direction."""
    side = shortest_side_for((224, 224), mode)
    assert side == (256 if mode is FitMode.CROP else 224)
    left, top, right, bottom = fit_box((side, side * 3), (224, 224))
    if mode is FitMode.CROP:
        assert min(right - left, bottom - top) >= 224


# --- what is refused -------------------------------------------------------------------------------------


def zip_with(name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, "content")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a placeholder of Git LFS"),
        (b"Dear diary, today I saw a blue tit.", "a text file"),
        ("Liebes Tagebuch: Blaumeise, größer".encode() * 200, "a text file"),
        (b"BMW is not a bitmap, it is a car and this is a text", "a text file"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "export it as PNG"),
        (b"\n<!DOCTYPE html><html><body><svg></svg></body></html>", "a web page"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\0\0\0\x20ftypmp42\0\0\0\0mp42isom" + b"\0" * 99, "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 99, "a video"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a sound file"),
        (zip_with("photo.jpg"), "a ZIP archive"),
        (zip_with("[Content_Types].xml"), "an Office document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "an Office document"),
        (gzip.compress(b"photo", mtime=0), "gzip"),
        (b"8BPS\0\1" + b"\0" * 99, "Photoshop"),
        (b"DDS \x7c\0\0\0" + b"\0" * 99, "a texture"),
        (b"\xd7\xcd\xc6\x9a" + b"\0" * 99, "a Windows drawing"),
        (b"SIMPLE  =                    T" + b" " * 99, "a FITS picture"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 99, "an HDF5 file"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
        (b"\x7fELF\2\1\1", "a program"),
        (bytes(range(128, 256)), "unknown kind"),
        (b"\x89", "unknown kind"),
    ],
)
def test_other_files_are_named_for_what_they_are(data, words):
    """What is no photo is refused with the file's name, what it is, and what to do."""
    with pytest.raises(NotAnImageError) as caught:
        decode_image(data, "bird.jpg")
    message = str(caught.value)
    assert "'bird.jpg'" in message
    assert words in message
    assert "JPEG, PNG, WebP" in message


def test_empty_file():
    """No bytes at all is its own error."""
    with pytest.raises(EmptyImageError, match=r"'bird\.jpg' is empty"):
        decode_image(b"", "bird.jpg")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "mpo"])
def test_truncated_photo(kind, share):
    """A photo that ends too early is damaged; half a photo is never returned."""
    data = encode_or_skip(kind, noise_photo(64, 48))
    with pytest.raises((DamagedImageError, NotAnImageError), match=r"'bird\.jpg'"):
        decode_image(data[: max(20, int(len(data) * share))], "bird.jpg")


@pytest.mark.parametrize("kind", FORMATS)
def test_garbage_after_a_valid_beginning(kind):
    """The right first bytes with nonsense behind them are an error of ours."""
    data = encode_or_skip(kind, noise_photo(64, 48))
    garbage = random.Random(1).randbytes(len(data))
    # nonsense may also claim a gigantic size
    with pytest.raises((DamagedImageError, ImageTooLargeError, UnsupportedImageError), match=r"'bird\.jpg'"):
        decode_image(data[:24] + garbage, "bird.jpg")


def test_damaged_message_says_what_to_do():
    """The error of a truncated JPEG names the file, the format and the remedy, in no words of a library's."""
    data = encode(noise_photo(64, 48), "JPEG")
    with pytest.raises(DamagedImageError) as caught:
        decode_image(data[: len(data) // 2], "bird.jpg")
    for words in ("'bird.jpg'", "JPEG", "incomplete or damaged", "again"):
        assert words in str(caught.value)
    assert "truncated" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_byte_limit():
    """A file of more bytes than allowed is refused, with both numbers."""
    data = encode(corners_photo(), "PNG")
    assert decode_image(data, "a", limits=ImageLimits(max_bytes=len(data))).size == (64, 48)
    with pytest.raises(ImageTooLargeError, match="smaller copy"):
        decode_image(data, "a", limits=ImageLimits(max_bytes=len(data) - 1))


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if "jpeg" not in kind and kind != "mpo"])
def test_pixel_limit(kind):
    """The limit holds for every format, at exactly the number that it says."""
    data = encode_or_skip(kind, corners_photo())
    assert decode_image(data, "a", limits=ImageLimits(max_pixels=64 * 48)).size == (64, 48)
    with pytest.raises(ImageTooLargeError, match="64 × 48"):
        decode_image(data, "a", limits=ImageLimits(max_pixels=64 * 48 - 1))


def one_colour_png(side: int) -> bytes:
    """A valid black PNG, written without ever holding its pixels."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b"\0" * (1 + side * 3)) for _ in range(side)) + packer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_pixel_bomb_is_refused_from_its_header(monkeypatch):
    """A small file that unpacks to 1.2 GB is refused before anything is decoded or allocated."""
    data = one_colour_png(3000).replace(struct.pack(">II", 3000, 3000), struct.pack(">II", 20000, 20000), 1)
    # the header's checksum belongs to its new content
    data = data[:29] + struct.pack(">I", zlib.crc32(data[12:29])) + data[33:]

    def decoded(self):
        raise AssertionError("the photo was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLargeError, match="20000 × 20000"):
            decode_image(data, "bomb.png")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_our_limit_rules_over_pillows(monkeypatch):
    """A photo above Pillow's global limit and below ours is read without warning; Pillow's stays."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode_image(encode(corners_photo(), "PNG"), "large.png").size == (64, 48)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("field", ["max_bytes", "max_pixels"])
def test_limits_are_checked(field):
    """A limit below one would refuse everything."""
    with pytest.raises(ConfigError, match=field):
        ImageLimits(**{field: 0})


def test_many_threads():
    """Threads that decode at the same time get the same pixels, and leave the warning filters in order."""
    data = [encode(noise_photo(200, 150, seed), "JPEG", icc_profile=display_p3_profile()) for seed in range(8)]
    expected = [to_array(decode_image(item, "photo")) for item in data]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: to_array(decode_image(data[number % 8], "photo")), range(64)))
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result, expected[number % 8])
    with pytest.warns(UserWarning, match="of another module"):
        warnings.warn("of another module", stacklevel=1)


def test_warning_filters_do_not_pile_up():
    """Decoding adds one filter to the process, however often it is called."""
    data = encode(corners_photo(), "PNG")
    decode_image(data, "photo")
    before = list(warnings.filters)
    decode_image(data, "photo")
    assert list(warnings.filters) == before
