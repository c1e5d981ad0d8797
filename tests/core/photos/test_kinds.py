"""Further kinds of pictures: read as they look, or refused for what they are."""

import io
import sys
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset

from core.errors import (
    BlankImageError,
    DamagedImageError,
    ImageError,
    ImageTooLargeError,
    NotAnImageError,
    UnsupportedImageError,
)
from core.photos.decode import decode_image, decode_photo
from core.photos.limits import ImageLimits
from core.photos.rendering import Rendering
from core.photos.tones import ScaleSource, ToneScale
from tests.core.photos.photo_files import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    assert_near,
    camera_raw_file,
    corner_colours,
    corners_photo,
    encode,
    gradient,
    greys,
    noise_photo,
    png_chunk,
    tiff,
    wide_png,
)

CORNERS = corners_photo()


def pnm_text(magic: str, image: Image.Image, largest: int = 255) -> bytes:
    values = np.asarray(image, int) * largest // 255
    return (
        f"{magic}\n# a comment\n{image.width} {image.height}\n{largest}\n{' '.join(map(str, values.flat))}\n".encode()
    )


def pam(pixels: np.ndarray, kind: str, largest: int = 255) -> bytes:
    height, width, depth = pixels.shape
    head = (
        f"P7\n# a comment\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {largest}\nTUPLTYPE {kind}\nENDHDR\n"
    )
    return head.encode() + pixels.astype(">u2" if largest > 255 else "u1").tobytes()


KINDS = {
    "PPM": encode(CORNERS, "PPM"),
    "PPM of 16 bits": b"P6 64 48 65535\n" + (np.asarray(CORNERS).astype(np.uint16) * 257).astype(">u2").tobytes(),
    "PPM as text": pnm_text("P3", CORNERS),
    "PPM of 4 bits as text": pnm_text("P3", CORNERS, 15),
    "PAM": pam(np.asarray(CORNERS), "RGB"),
    "PAM with alpha": pam(np.asarray(CORNERS.convert("RGBA")), "RGB_ALPHA"),
    "JPEG 2000": encode(CORNERS, "JPEG2000"),
    "JPEG 2000 without a container": encode(CORNERS, "JPEG2000", no_jp2=True),
    "TGA": encode(CORNERS, "TGA"),
    "TGA, run lengths": encode(CORNERS, "TGA", compression="tga_rle"),
    "PCX": encode(CORNERS, "PCX"),
    "JPEG XL": encode(CORNERS, "JXL", quality=95),
    "JPEG XL, lossless": encode(CORNERS, "JXL", lossless=True),
    "JPEG XL in a container": encode(CORNERS, "JXL", lossless=True, use_container=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_colours_and_size(kind):
    """A picture of each kind keeps its size and its colours."""
    image = decode_image(KINDS[kind], "picture")
    assert (image.mode, image.size) == ("RGB", (64, 48))
    for colour, expected in zip(corner_colours(image), (RED, GREEN, BLUE, YELLOW), strict=True):
        assert_near(colour, expected, tolerance=14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixel_limit(kind):
    """No kind gets more pixels past the limit than it allows."""
    assert decode_image(KINDS[kind], "a", limits=ImageLimits(max_pixels=64 * 48)).size == (64, 48)
    with pytest.raises(ImageTooLargeError, match="64 × 48"):
        decode_image(KINDS[kind], "a", limits=ImageLimits(max_pixels=64 * 48 - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(kind):
    """What ends too early is called incomplete, in no words of a library's."""
    data = KINDS[kind]
    with pytest.raises((DamagedImageError, NotAnImageError)) as caught:
        decode_image(data[: len(data) // 2], "picture.tga")
    assert "again" in str(caught.value) or "unknown" in str(caught.value)


GREY_KINDS = {
    "PGM": b"P5\n48 32\n4095\n" + gradient(3000).astype(">u2").tobytes(),
    "PGM as text": b"P2 48 32 4095 " + " ".join(map(str, gradient(3000).flat)).encode(),
    "PGM of 16 bits": b"P5 48 32 65535\n" + gradient(3000).astype(">u2").tobytes(),
    "PAM": pam(gradient(3000)[..., None], "GRAYSCALE", 4095),
    "PFM": b"Pf\n48 32\n-1.0\n" + gradient(3000).astype("<f4")[::-1].tobytes(),
    "PFM, big-endian": b"Pf\n48 32\n1.0\n" + gradient(3000).astype(">f4")[::-1].tobytes(),
    "PNG": wide_png(gradient(3000)),
    "PNG that names its bits": wide_png(gradient(3000), chunks={b"sBIT": bytes([12])}),
    "PNG with alpha": wide_png(np.stack([gradient(3000), np.full_like(gradient(1), 65_535)], -1)),
    "PNG in colour": wide_png(np.stack([gradient(3000)] * 3, -1)),
    "PNG in colour with alpha": wide_png(np.stack([gradient(3000)] * 3 + [np.full_like(gradient(1), 65_535)], -1)),
    "JPEG 2000": encode(Image.fromarray(gradient(3000)), "JPEG2000"),
    "JPEG XL": encode(Image.fromarray(gradient(3000)), "JXL", lossless=True),
}


@pytest.mark.parametrize("kind", GREY_KINDS)
def test_12_bits_in_16(kind):
    """Greys of 12 bits are scaled by 4095, not stored black, whichever format they are in."""
    photo = decode_photo(GREY_KINDS[kind], "cell")
    assert np.abs(greys(photo.image).astype(int) - np.rint(gradient(3000) / 4095 * 255)).max() <= 1
    assert [scale.high for scale in photo.facts.rendering.scales.values()] == [4095]


def test_png_that_was_scaled_up_to_16_bits():
    """A PNG that names 12 bits, and is scaled to 16 as the specification wants, is shown by 65535."""
    photo = decode_photo(wide_png(gradient(60_000), chunks={b"sBIT": bytes([12])}), "cell")
    assert [scale.high for scale in photo.facts.rendering.scales.values()] == [65_535]


def test_black_and_white_netpbm():
    """In PBM 1 is black, packed or as digits with and without space between them."""
    for data in (b"P1\n# fax\n3 2\n1 0 1\n010\n", b"P1 3 2 101010", b"P4\n3 2\n\xa0\x40"):
        assert np.asarray(decode_image(data, "fax"))[..., 0].tolist() == [[0, 255, 0], [255, 0, 255]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"P6\n99 99\n255\nabc", "PPM"),
        (b"P5\n3 3\n70000\nabc", "PGM"),
        (b"P2\n2 2\n9\n1 2 3", "PGM"),
        (b"P1\n2 2\n1 2 1 1", "PBM"),
        (b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 9\nMAXVAL 255\nENDHDR\nabcd", "PAM"),
    ],
)
def test_broken_netpbm(data, words):
    """A broken file of the family is named by its kind."""
    with pytest.raises((DamagedImageError, UnsupportedImageError), match=words):
        decode_image(data, "x.ppm")


@pytest.mark.parametrize("text", [b"P1 is the best grade.", b"P5\n\nhello", b"P6", b"P3 # only a comment"])
def test_texts_are_no_netpbm(text):
    """Texts that begin like such a picture are texts."""
    with pytest.raises(NotAnImageError, match="a text file"):
        decode_image(text, "x.txt")


def test_tga_is_known_by_its_end_or_its_name():
    """TGA has no mark at its beginning: the old kind needs its ending, and must make sense."""
    data = encode(CORNERS, "TGA")
    old = data[:-26] if data.endswith(b"TRUEVISION-XFILE.\0") else data
    assert decode_image(old, "texture.TGA").size == (64, 48)
    with pytest.raises(NotAnImageError):
        decode_image(old, "texture.jpg")
    with pytest.raises(NotAnImageError):
        decode_image(b"just a text that is called tga", "texture.tga")


def test_unused_alpha_of_textures():
    """A TGA of 32 bits whose alpha was never filled is opaque."""
    image = CORNERS.convert("RGBA")
    image.putalpha(0)
    assert_near(decode_image(encode(image, "TGA"), "x.tga").getpixel((3, 3)), RED)


def test_icons_show_their_largest_picture():
    """Of an icon's pictures the largest is read."""
    data = encode(noise_photo(64, 64), "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
    assert decode_image(data, "app.ico").size == (64, 64)


# --- JPEG ------------------------------------------------------------------------------------------------


def test_jpeg_above_the_limit_is_decoded_smaller():
    """A photo of too many pixels that can be decoded within the limit is read, and its own size is known."""
    data = encode(noise_photo(640, 400), "JPEG")
    for side in (None, 100, 4000):
        photo = decode_photo(data, "big.jpg", limits=ImageLimits(max_pixels=100_000), shortest_side_px=side)
        assert photo.original_size == (640, 400)
        assert photo.image.width * photo.image.height <= 100_000
        assert photo.image.width in (160, 320)


def test_jpeg_far_above_the_limit_is_refused():
    """One that is too large to be decoded smaller in reasonable time or memory is not."""
    data = encode(noise_photo(640, 400), "JPEG")
    with pytest.raises(ImageTooLargeError, match="640 × 400"):
        decode_image(data, "big.jpg", limits=ImageLimits(max_pixels=15_000))
    progressive = encode(noise_photo(640, 400), "JPEG", progressive=True)
    with pytest.raises(ImageTooLargeError, match="640 × 400"):
        decode_image(progressive, "big.jpg", limits=ImageLimits(max_pixels=100_000))


@pytest.mark.parametrize(("marker", "words"), [(0xC3, "lossless JPEG"), (0xC6, "hierarchical"), (0xC5, "hierarchical")])
def test_varieties_of_jpeg_that_nobody_reads(marker, words):
    """They are healthy files, and are not called damaged."""
    data = encode(noise_photo(32, 32), "JPEG")
    place = data.index(b"\xff\xc0")
    with pytest.raises(UnsupportedImageError, match=words):
        decode_image(data[: place + 1] + bytes([marker]) + data[place + 2 :], "x.jpg")


# --- PNG -------------------------------------------------------------------------------------------------


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Chunks after the header."""
    return data[:33] + b"".join(chunks) + data[33:]


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"tEXt", b"prompt\0" + b"a cat " * 400_000),
        png_chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"a cat " * 400_000)),
        png_chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"a cat " * 400_000)),
        png_chunk(b"iCCP", b"huge\0\0" + zlib.compress(bytes(3_000_000))),
        png_chunk(b"iCCP", b"broken\0\0" + b"nonsense"),
        png_chunk(b"zTXt", b"broken\0\0" + b"nonsense"),
        png_chunk(b"tEXt", b"damaged\0text")[:-4] + b"\0\0\0\0",
        png_chunk(b"gAMA", b"\0\1\2\3")[:-4] + b"\0\0\0\0",
        png_chunk(b"sBIT", b""),
        b"".join(png_chunk(b"zTXt", b"many\0\0" + zlib.compress(bytes(900_000))) for _ in range(80)),
    ],
    ids=[
        "text",
        "packed",
        "international",
        "profile",
        "bad profile",
        "bad text",
        "wrong sum",
        "gamma",
        "no bits",
        "many",
    ],
)
def test_text_and_profiles_stop_no_png(chunk):
    """Metadata that is thrown away anyway, however large or broken, stops no picture."""
    photo = noise_photo(32, 24)
    image = decode_image(with_chunks(encode(photo, "PNG"), chunk), "workflow.png")
    np.testing.assert_array_equal(np.asarray(image), np.asarray(photo))


def test_the_png_of_iphone_apps_is_named():
    """Apple's own form of PNG is healthy, only nobody else reads it."""
    data = encode(noise_photo(32, 24), "PNG")
    with pytest.raises(UnsupportedImageError, match="iPhone"):
        decode_image(data[:8] + png_chunk(b"CgBI", b"\x50\0\x20\2") + data[8:], "x.png")


def test_a_damaged_png_is_damaged():
    """Pixels whose checksum is wrong are still refused."""
    data = bytearray(encode(noise_photo(32, 24), "PNG"))
    data[60] ^= 0xFF
    with pytest.raises(DamagedImageError, match="incomplete or damaged"):
        decode_image(bytes(data), "x.png")


# --- animations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("blank", [(0, 0, 0), (255, 255, 255)])
def test_the_first_frame_that_is_not_blank(kind, blank):
    """An animation that fades in from black or white is shown where it shows something."""
    frames = [Image.new("RGB", (32, 24), blank)] * 2 + [noise_photo(32, 24), Image.new("RGB", (32, 24), (9, 9, 9))]
    frames[1] = Image.new("RGB", (32, 24), tuple(abs(value - 3) for value in blank))
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    photo = decode_photo(data, "moving")
    # WebP joins frames that it cannot tell apart
    assert photo.facts.num_pages in (3, 4)
    assert photo.facts.page_word == "frames"
    assert np.asarray(photo.image).std() > 20


# --- cameras' raw files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        camera_raw_file(),
        camera_raw_file("SONY"),
        camera_raw_file("Canon"),
        camera_raw_file("Unheard of"),
        camera_raw_file(dng=True),
    ],
    ids=["NEF", "ARW", "Canon", "unknown", "DNG"],
)
@pytest.mark.parametrize("name", ["DSC_0001.NEF", "photo.jpg", "scan.tif"])
def test_raw_files_are_developed_in_full(data, name):
    """The sensor's picture is read, never the preview; whatever the file is called."""
    photo = decode_photo(data, name)
    assert photo.image.size == photo.original_size == (160, 120)
    assert photo.facts.format == "camera raw"
    assert not photo.is_lossless


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (camera_raw_file(), "Nikon NEF"),
        (camera_raw_file("SONY"), "Sony ARW"),
        (camera_raw_file(dng=True), "DNG"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(99), "Fujifilm RAF"),
        (b"IIU\0\x18\0\0\0" + bytes(99), "Panasonic RW2"),
        (b"IIRO\x08\0\0\0" + bytes(99), "Olympus ORF"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "Canon CR2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Canon CR3"),
        (b"FOVb\0\0\2\0" + bytes(99), "Sigma X3F"),
        (b"\0MRM\0\0\0\0" + bytes(99), "Minolta MRW"),
    ],
)
@pytest.mark.parametrize("is_installed", [True, False])
def test_raw_files_that_cannot_be_developed_are_named(data, words, is_installed, monkeypatch):
    """Without LibRaw, or where it fails, the message says whose raw file it is, and to take the JPEG."""
    if is_installed:
        data = data[: len(data) // 3] if len(data) > 10_000 else data
    else:
        monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ImageError) as caught:
        decode_image(data, "photo.raw")
    if not is_installed or isinstance(caught.value, UnsupportedImageError):
        assert f"a camera's raw file ({words})" in str(caught.value)
        assert "JPEG beside it" in str(caught.value)


def test_raw_files_within_the_limits():
    """The sensor's pixels count, not the preview's; and a large one is developed in half its size."""
    with pytest.raises(ImageTooLargeError, match="160 × 120"):
        decode_image(camera_raw_file(), "x.nef", limits=ImageLimits(max_pixels=10_000))
    photo = decode_photo(camera_raw_file(), "x.nef", shortest_side_px=50)
    assert (photo.image.size, photo.original_size) == ((80, 60), (160, 120))


def test_an_ordinary_tiff_of_a_camera_is_no_raw_file():
    """A maker's name alone makes no raw file."""
    data = tiff(np.asarray(noise_photo(32, 24)), photometric="rgb", extratags=[(271, 2, 0, "NIKON CORPORATION", True)])
    assert decode_photo(data, "scan.nef").facts.format == "TIFF"


# --- DICOM -----------------------------------------------------------------------------------------------


def dicom(pixels: np.ndarray, syntax: str = "1.2.840.10008.1.2.1", **values: object) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    known = {
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "SamplesPerPixel": 1,
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": pixels.dtype.itemsize * 8,
        "HighBit": pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in {**known, **values}.items():
        setattr(dataset, keyword, value)
    target = io.BytesIO()
    # Of compressed kinds only the header counts here.
    if syntax.startswith("1.2.840.10008.1.2.4"):
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.PixelData = pydicom.encaps.encapsulate([pixels.tobytes()])
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def test_dicom_greys():
    """Stored bits, rescaling, window and inversion are what the file says."""
    values = gradient(3000)
    plain = decode_photo(dicom(values, BitsStored=12, HighBit=11), "x.dcm")
    np.testing.assert_array_equal(greys(plain.image), np.rint(values / 4095 * 255))
    inverted = decode_image(dicom(values, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"), "x.dcm")
    np.testing.assert_array_equal(greys(inverted), 255 - np.rint(values / 4095 * 255))
    window = decode_photo(
        dicom(values, RescaleSlope="1", RescaleIntercept="-1024", WindowCenter=["40", "50"], WindowWidth=["1401", "9"]),
        "x.dcm",
    )
    (scale,) = window.facts.rendering.scales.values()
    assert scale == ToneScale(low=-660.5, high=739.5, source=ScaleSource.FILE)
    assert decode_image(dicom(gradient(255, "uint8")), "x.dcm").getpixel((0, 0)) == (0, 0, 0)


def test_dicom_frames_and_colours():
    """Of several frames the first with content is read; RGB is read in both layouts."""
    frames = np.stack([np.zeros_like(gradient(3000)), gradient(3000)])
    photo = decode_photo(dicom(frames, NumberOfFrames="2"), "x.dcm")
    assert (photo.facts.num_pages, photo.facts.page_word) == (2, "frames")
    assert len(np.unique(np.asarray(photo.image))) > 50
    colours = np.asarray(CORNERS)
    for order, pixels in ((0, colours), (1, np.moveaxis(colours, -1, 0))):
        data = dicom(
            np.ascontiguousarray(pixels),
            Rows=48,
            Columns=64,
            SamplesPerPixel=3,
            PlanarConfiguration=order,
            PhotometricInterpretation="RGB",
        )
        np.testing.assert_array_equal(np.asarray(decode_image(data, "x.dcm")), colours)


def test_dicom_that_is_not_read(monkeypatch):
    """Compressed ones, reports, broken ones and missing libraries each have words of their own."""
    values = gradient(3000)
    with pytest.raises(UnsupportedImageError, match="compressed with JPEG"):
        decode_image(dicom(values, "1.2.840.10008.1.2.4.50"), "x.dcm")
    with pytest.raises(UnsupportedImageError, match="without a picture"):
        decode_image(dicom(values, Rows=0), "x.dcm")
    with pytest.raises(DamagedImageError):
        decode_image(dicom(values)[:-500], "x.dcm")
    with pytest.raises(ImageTooLargeError, match="48 × 32"):
        decode_image(dicom(values), "x.dcm", limits=ImageLimits(max_pixels=1000))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(UnsupportedImageError, match=r"a DICOM picture.*\[dicom\].*PNG"):
        decode_image(dicom(values), "x.dcm")


# --- what is missing or not wanted -----------------------------------------------------------------------


def test_jpeg_xl_without_its_library(monkeypatch):
    """It is named, with the way out, and no longer listed among what is read."""
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(UnsupportedImageError, match=r"a JPEG XL picture.*\[jxl\].*JPEG or PNG"):
        decode_image(KINDS["JPEG XL"], "x.jxl")
    with pytest.raises(NotAnImageError) as caught:
        decode_image(b"no picture", "x")
    assert "JPEG XL" not in str(caught.value)
    assert "DICOM" in str(caught.value)


@pytest.mark.parametrize("kind", ["EPS", "DDS", "SGI", "ICNS", "MSP", "XBM", "PDF"])
def test_what_pillow_knows_and_we_do_not_want(kind):
    """A picture of an unwanted kind is refused without being decoded."""
    image = Image.new("1", (32, 32)) if kind in ("MSP", "XBM") else Image.new("RGB", (32, 32))
    with pytest.raises(NotAnImageError) as caught:
        decode_image(encode(image, kind), "picture")
    assert kind == "MSP" or "unknown kind" not in str(caught.value)


# --- transparency ----------------------------------------------------------------------------------------


def sign(colour: tuple[int, int, int], mode: str = "RGBA") -> Image.Image:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((*colour, 255), (10, 10, 30, 20))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        ((255, 255, 255), (40, 40, 40)),
        ((240, 240, 230), (40, 40, 40)),
        ((0, 0, 0), (255, 255, 255)),
        ((128, 128, 128), (255, 255, 255)),
        ((200, 30, 30), (255, 255, 255)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_ground_on_which_the_sign_can_be_seen(colour, ground, kind):
    """Pale signs get a dark ground, all others the white one."""
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode_image(encode(sign(colour), kind, **options), "icon")
    assert (image.getpixel((0, 0)), image.getpixel((20, 15))) == (ground, colour)


def test_grey_with_alpha_and_palettes():
    """White signs can be seen whichever way transparency is written."""
    grey = encode(sign((255, 255, 255), "LA"), "PNG")
    palette = encode(sign((255, 255, 255)).quantize(4), "PNG")
    gif = encode(sign((255, 255, 255)), "GIF")
    wide = np.zeros((40, 40, 2), np.uint16)
    wide[10:20, 10:30] = 65_535
    for data in (grey, palette, gif, wide_png(wide)):
        image = decode_image(data, "icon")
        assert len(np.unique(np.asarray(image))) > 1


def test_a_dark_outline_lets_a_pale_sign_stay_on_white():
    """What meets the ground decides, not what is inside."""
    image = sign((20, 20, 20))
    image.paste((255, 255, 255, 255), (13, 13, 27, 17))
    assert decode_image(encode(image, "PNG"), "icon").getpixel((0, 0)) == (255, 255, 255)


def test_the_ground_that_was_decided_for_all():
    """With a decision made over all pictures, each has that ground."""
    dark = Rendering.from_json({"scales": {}, "ground": "dark"})
    assert decode_image(encode(sign((0, 0, 0)), "PNG"), "icon", rendering=dark).getpixel((0, 0)) == (40, 40, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_fully_transparent_pictures_are_blank(mode):
    """There is nothing to be seen, and that is said."""
    with pytest.raises(BlankImageError, match=r"'icon\.png' is blank: all of it is transparent"):
        decode_image(encode(Image.new(mode, (9, 9), 0), "PNG"), "icon.png")


def test_an_opaque_picture_is_left_alone():
    """An alpha channel without any transparency changes no pixel."""
    photo = noise_photo(32, 24)
    image = decode_image(encode(photo.convert("RGBA"), "PNG"), "x.png")
    np.testing.assert_array_equal(np.asarray(image), np.asarray(photo))
