"""Values of more or fewer than 8 bits, in colour, with transparency and in motion: at their right range, or refused."""

import struct

import numpy as np
import pytest

from core.errors import DamagedImageError, ImageTooLargeError, UnsupportedImageError
from core.photos.decode import decode_image, decode_photo
from core.photos.limits import ImageLimits
from core.photos.rendering import choose_rendering
from core.photos.tones import opacity
from tests.core.photos.photo_files import gradient, greys, noise_photo, tiff, wide_png
from tests.core.photos.test_kinds import dicom
from tests.core.photos.wide_files import (
    COLOUR_FILES_OF_12_BITS,
    COLOURS,
    GREY,
    GREY_FILES_OF_12_BITS,
    JPEG_XL,
    Frame,
    animated_png,
    jpeg_2000,
    packed_tiff,
)


@pytest.mark.parametrize("kind", COLOUR_FILES_OF_12_BITS)
def test_colours_of_12_bits(kind):
    """Colours of 12 bits are scaled by 4095, whichever format they are in, and are as opaque as their alpha says."""
    photo = decode_photo(COLOUR_FILES_OF_12_BITS[kind], "cell")
    assert np.abs(np.asarray(photo.image).astype(int) - COLOURS / 4095 * 255).max() <= 1
    assert [scale.high for scale in photo.facts.rendering.scales.values()] == [4095]


@pytest.mark.parametrize("kind", GREY_FILES_OF_12_BITS)
def test_greys_of_12_bits(kind):
    """So are greys, with their transparency and without."""
    photo = decode_photo(GREY_FILES_OF_12_BITS[kind], "cell")
    assert np.abs(greys(photo.image).astype(int) - GREY / 4095 * 255).max() <= 1


def test_one_scale_for_dark_and_bright_colours():
    """A dark and a bright picture of one import have one scale, in JPEG 2000 and in an animated PNG too."""
    dark, bright = COLOURS // 8, COLOURS
    for make in (lambda samples: jpeg_2000(samples, 16), lambda samples: animated_png([Frame(samples=samples)] * 2)):
        rendering = choose_rendering(decode_photo(make(samples), "x").facts.survey for samples in (dark, bright))
        shown = np.asarray(decode_image(make(dark), "x", rendering=rendering)).astype(int)
        assert np.abs(shown - dark / 4095 * 255).max() <= 1


@pytest.mark.parametrize("alpha", [65_535, 32_768, 0])
def test_transparency_of_16_bits(alpha):
    """Transparency that fills its 16 bits means what it says."""
    assert opacity(np.array([[alpha, 65_535]], np.uint16), 65_535).tolist() == [[round(alpha / 257), 255]]
    signs = np.dstack([gradient(60_000), np.full_like(GREY, 65_535)])
    signs[:4, :, 1] = alpha
    assert decode_image(wide_png(signs), "x.png").size == (48, 32)


def test_few_opaque_values():
    """0 and 1, or 0 to 255, in 16 bits are transparent and opaque as well; of 8 bits nothing is guessed."""
    assert opacity(np.array([[0, 1]], np.uint16), 65_535).tolist() == [[0, 255]]
    assert opacity(np.array([[51, 255]], np.uint16), 65_535).tolist() == [[51, 255]]
    assert opacity(np.array([[0, 1]], np.uint8), 255).tolist() == [[0, 1]]
    assert opacity(np.array([[0.5, 1.0]], np.float32), 1).tolist() == [[128, 255]]


# --- few bits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(2, 8))
def test_fewer_than_8_bits(bits):
    """Values of 2 to 7 bits reach from black to white, in TIFF and in JPEG 2000, in grey and in colour."""
    values = gradient(2**bits - 1, "uint8")
    expected = np.rint(values / (2**bits - 1) * 255)
    files = [
        packed_tiff(values, bits, photometric="minisblack"),
        jpeg_2000(values, bits),
        jpeg_2000(np.stack([values] * 3, axis=-1), bits),
    ]
    if bits not in (2, 4):  # such colours are refused in words
        files.append(packed_tiff(np.stack([values] * 3, axis=-1), bits, photometric="rgb"))
    for data in files:
        np.testing.assert_array_equal(greys(decode_image(data, "mask")), expected)


@pytest.mark.parametrize("factor", [1, 257])
def test_palettes_of_8_bits_in_16(factor):
    """Colours of a TIFF's palette may fill 8 bits of their 16, or all."""
    palette = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 9)]).astype(np.uint16)
    numbers = gradient(255, "uint8")
    data = tiff(numbers, photometric="palette", colormap=palette * np.uint16(factor))
    np.testing.assert_array_equal(np.asarray(decode_image(data, "map.tif")), palette.T[numbers])


# --- what libraries cut down -----------------------------------------------------------------------------


def test_inks_of_unknown_depth():
    """CMYK of 16 bits is read; where the values may be of fewer bits, which would be nearly white, it is refused."""
    full = tiff(np.stack([gradient(65_535)] * 4, axis=-1), photometric="separated")
    assert decode_image(full, "x.tif").getpixel((0, 0)) == (255, 255, 255)
    named = packed_tiff(np.stack([GREY] * 4, axis=-1), 12, photometric="separated")
    assert decode_image(named, "x.tif").getpixel((47, 31))[0] < 40
    with pytest.raises(UnsupportedImageError, match=r"CMYK.*3000 of 65535.*RGB"):
        decode_image(tiff(np.stack([GREY] * 4, axis=-1), photometric="separated"), "x.tif")


def test_jpeg_xl_of_16_bits():
    """Colours of which eight bits are left are read, unless that leaves them nearly black; dark ones of 12 bits are."""
    assert decode_image(JPEG_XL["16 bits up to 60000"], "x.jxl").getpixel((7, 5))[0] > 200
    assert decode_image(JPEG_XL["12 bits up to 500"], "x.jxl").getpixel((7, 5))[0] > 80
    with pytest.raises(UnsupportedImageError, match=r"JPEG XL picture of 16 bits.*nearly black.*PNG or TIFF"):
        decode_image(JPEG_XL["16 bits up to 3000"], "x.jxl")


def test_jpeg_xl_of_greys_with_alpha():
    """Two bytes a sample are no two samples."""
    photo = decode_photo(JPEG_XL["greys of 16 bits up to 3000, with alpha"], "x.jxl")
    expected = gradient(3000, shape=(6, 8)) / 4095 * 255
    assert np.abs(greys(photo.image).astype(int) - expected).max() <= 1


def test_jpeg_2000_in_other_colours():
    """Of 16 bits in the colours of videos Pillow would keep eight; of 12 bits it knows which."""
    for bits in (16, 12):
        data = jpeg_2000(COLOURS, bits)
        place = data.index(b"colr") + 7
        other = data[:place] + struct.pack(">I", 18) + data[place + 4 :]
        if bits == 12:
            assert decode_image(other, "x.jp2").size == (48, 32)
            continue
        with pytest.raises(UnsupportedImageError, match=r"neither grey nor RGB.*PNG or TIFF"):
            decode_image(other, "x.jp2")


def test_jpeg_2000_that_is_broken_or_too_large():
    """One that ends too early is incomplete; the code stream's size counts, whatever its container says."""
    samples = np.random.default_rng(1).integers(0, 4096, (60, 80, 3), np.uint16)
    data = jpeg_2000(samples, 16)
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(DamagedImageError, match="incomplete"):
            decode_image(data[: int(len(data) * share)], "x.jp2")
    place = data.index(b"ihdr") + 4
    with pytest.raises(ImageTooLargeError, match="80 × 60"):
        decode_image(
            data[:place] + struct.pack(">II", 2, 2) + data[place + 8 :], "x.jp2", limits=ImageLimits(max_pixels=4_000)
        )


def test_dicom_without_what_is_in_unused_bits():
    """Bits beside the stored ones, such as overlays, are left out, and signs need not reach into them."""
    stored = {"BitsStored": 12, "HighBit": 11}
    with_overlay = GREY | (GREY % 2 << 12).astype(np.uint16)
    shown = greys(decode_image(dicom(with_overlay, **stored), "x.dcm"))
    np.testing.assert_array_equal(shown, np.rint(GREY / 4095 * 255))
    signed = gradient(900, "int16", smallest=-900)
    cut_off = (signed & 0x0FFF).astype(np.int16)
    expected = decode_image(dicom(signed), "x.dcm")
    assert decode_image(dicom(cut_off, **stored), "x.dcm") == expected
    few = gradient(63, "uint8")
    shown = greys(decode_image(dicom(few, BitsStored=6, HighBit=5), "x.dcm"))
    np.testing.assert_array_equal(shown, np.rint(few / 63 * 255))


# --- animations ------------------------------------------------------------------------------------------


def _pieces(num_channels: int) -> list[np.ndarray]:
    """8-bit samples: nothing, and a small piece of a photo."""
    photo = np.asarray(noise_photo(24, 16, 3).convert({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[num_channels]))
    photo = photo.reshape(16, 24, num_channels).copy()
    if num_channels in (2, 4):
        # Half transparent ones Pillow makes even more transparent.
        photo[::5, :, -1] = 0
    return [np.zeros((16, 24, num_channels), np.uint8), photo[2:9, 3:12]]


@pytest.mark.parametrize("num_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("has_cover", [False, True])
def test_frames_of_16_bits_are_shown_like_those_of_8(num_channels, has_cover):
    """The frame that is shown is the one that Pillow would show of the same animation with 8 bits."""
    nothing, small = _pieces(num_channels)
    frames = [
        Frame(samples=nothing, disposal=1),
        Frame(samples=nothing[:5, :7], place=(2, 3), disposal=2, blending=1),
        Frame(samples=small, place=(4, 6), blending=1),
    ]
    cover = nothing if has_cover else None
    wide = [
        Frame(
            samples=frame.samples.astype(np.uint16) * 257,
            place=frame.place,
            disposal=frame.disposal,
            blending=frame.blending,
        )
        for frame in frames
    ]
    of_8 = decode_photo(animated_png(frames, bits=8, cover=cover), "moving.png")
    of_16 = decode_photo(animated_png(wide, cover=None if cover is None else cover.astype(np.uint16)), "moving.png")
    assert of_16.facts.num_pages == of_8.facts.num_pages == len(frames) + has_cover
    assert np.asarray(of_8.image).std() > 5
    assert np.abs(np.asarray(of_16.image).astype(int) - np.asarray(of_8.image)).max() <= 3


def test_pieces_on_top_of_one_another():
    """A frame that is half transparent is blended with what was there; one of nothing but black comes first."""
    ground = np.full((4, 4, 4), 20_000, np.uint16)
    ground[..., 3] = 65_535
    glass = np.full((2, 2, 4), 60_000, np.uint16)
    glass[..., 3] = 32_768
    data = animated_png([Frame(samples=ground), Frame(samples=glass, place=(1, 1), blending=1)])
    shown = greys(decode_image(data, "x.png"))
    assert shown[0, 0] == round(20_000 / 257)
    assert abs(int(shown[1, 1]) - round(40_000 / 257)) <= 1


def test_an_animation_of_one_colour_and_a_broken_one():
    """Without any frame that shows something the first is taken; frames beyond the canvas are damage."""
    plain = np.full((8, 8, 3), 30_000, np.uint16)
    photo = decode_photo(animated_png([Frame(samples=plain)] * 3), "x.png")
    assert photo.facts.num_pages == 3
    assert photo.image.getextrema() == ((photo.image.getpixel((0, 0))[0],) * 2,) * 3
    with pytest.raises(DamagedImageError):
        decode_image(animated_png([Frame(samples=plain), Frame(samples=plain[:4], place=(5, 5))]), "x.png")


def test_ordinary_jpeg_2000_stays_with_pillow():
    """Eight bits need no scale, and say nothing in the report."""
    photo = decode_photo(jpeg_2000(np.asarray(noise_photo(40, 40)), 8), "x.jp2")
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(noise_photo(40, 40)))
    assert photo.facts.is_ordinary
