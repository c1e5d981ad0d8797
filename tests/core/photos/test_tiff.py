"""`core.photos.tiff`: pages of any depth and layout are read rightly, or refused for what they are."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from core.errors import ImageTooLargeError, UnsupportedImageError
from core.photos.decode import decode_image, decode_photo
from core.photos.limits import ImageLimits
from core.photos.remarks import tell
from core.photos.tones import ScaleSource
from tests.core.photos.photo_files import encode, gradient, greys, noise_photo, tiff

CELLS = gradient(3000)
CELLS_SHOWN = np.rint(CELLS / 4095 * 255)
COLOURS = np.stack([CELLS, CELLS[::-1], CELLS[:, ::-1]], axis=-1)
COLOURS_SHOWN = np.rint(COLOURS / 4095 * 255)

GREY_FILES = {
    "plain": tiff(CELLS),
    "big-endian": tiff(CELLS, byteorder=">"),
    "BigTIFF": tiff(CELLS, bigtiff=True),
    "strips": tiff(CELLS, rowsperstrip=5),
    "tiles": tiff(CELLS, tile=(16, 32)),
    "deflate": tiff(CELLS, compression="zlib"),
    "deflate, predictor": tiff(CELLS, compression="zlib", predictor=True),
    "LZMA": tiff(CELLS, compression="lzma"),
    "PackBits": encode(Image.fromarray(CELLS), "TIFF", compression="packbits"),
    "LZW": encode(Image.fromarray(CELLS), "TIFF", compression="tiff_lzw"),
    "LZW, predictor": encode(Image.fromarray(CELLS), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}),
    "Zstandard": encode(Image.fromarray(CELLS), "TIFF", compression="zstd"),
    "ImageJ": tiff(CELLS, imagej=True),
    "32 bits": tiff(CELLS.astype(np.uint32)),
    "signed": tiff(CELLS.astype(np.int16)),
    "float": tiff(CELLS.astype(np.float32)),
    "float, big-endian": tiff(CELLS.astype(np.float32), byteorder=">"),
    "double": tiff(CELLS.astype(np.float64)),
    "float, predictor": encode(
        Image.fromarray(CELLS.astype(np.float32)), "TIFF", compression="tiff_deflate", tiffinfo={317: 3}
    ),
    "with alpha": tiff(
        np.stack([CELLS, np.full_like(CELLS, 65_535)], -1), photometric="minisblack", extrasamples=["unassalpha"]
    ),
}


@pytest.mark.parametrize("kind", GREY_FILES)
def test_greys_of_any_layout(kind):
    """The same 12-bit greys come out alike however they are written."""
    np.testing.assert_array_equal(greys(decode_image(GREY_FILES[kind], "cell.tif")), CELLS_SHOWN)


COLOUR_FILES = {
    "pixel by pixel": tiff(COLOURS, photometric="rgb"),
    "plane by plane": tiff(np.moveaxis(COLOURS, -1, 0), photometric="rgb", planarconfig="separate"),
    "tiles": tiff(COLOURS, photometric="rgb", tile=(16, 16)),
    "tiled planes": tiff(np.moveaxis(COLOURS, -1, 0), photometric="rgb", planarconfig="separate", tile=(16, 16)),
    "deflate, predictor": tiff(COLOURS, photometric="rgb", compression="zlib", predictor=True),
    "not called RGB": tiff(COLOURS, photometric="minisblack", planarconfig="contig"),
    "near infrared as a fourth": tiff(
        np.concatenate([COLOURS, COLOURS[..., :1]], -1), photometric="rgb", extrasamples=["unspecified"]
    ),
    "opaque": tiff(
        np.concatenate([COLOURS, np.full_like(COLOURS[..., :1], 65_535)], -1),
        photometric="rgb",
        extrasamples=["unassalpha"],
    ),
}


@pytest.mark.parametrize("kind", COLOUR_FILES)
def test_colours_of_any_layout(kind):
    """16-bit colours keep their upper 8 bits and their order."""
    np.testing.assert_array_equal(np.asarray(decode_image(COLOUR_FILES[kind], "field.tif")), COLOURS_SHOWN)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits(bits):
    """Samples that do not fill whole bytes; the file says their depth."""
    largest = 2**bits - 1
    values = gradient(largest * 0.4, shape=(6, 10))
    flags = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(flags.reshape(6, -1), axis=1).tobytes()
    template = tiff(np.zeros((6, 10), np.uint16), metadata=None)
    with tifffile.TiffFile(io.BytesIO(template)) as file:
        page = file.pages[0]
        data = bytearray(template)
        place = page.tags["BitsPerSample"].valueoffset
        data[place : place + 2] = bits.to_bytes(2, "little")
        place = page.dataoffsets[0]
        data[place : place + len(packed)] = packed
    photo = decode_photo(bytes(data), "x.tif")
    np.testing.assert_array_equal(greys(photo.image), np.rint(values / largest * 255))
    assert [scale.high for scale in photo.facts.rendering.scales.values()] == [largest]


def test_white_is_zero():
    """Where zero is white, large values are dark: in 8 bits as in 16."""
    for values in (CELLS, gradient(255, "uint8")):
        shown = greys(decode_image(tiff(values, photometric="miniswhite"), "x.tif"))
        assert shown[0, 0] == 255
        assert shown[-1, -1] < 80


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({"extratags": [(340, 3, 1, 100, True), (341, 3, 1, 2800, True)]}, 100, 2800),
        ({"extratags": [(281, 3, 1, 16_383, True)]}, 0, 16_383),
        ({"imagej": True, "metadata": {"min": 50.0, "max": 2500.0}}, 50, 2500),
    ],
    ids=["SMin and SMax", "MaxSampleValue", "ImageJ"],
)
def test_the_range_that_the_file_names(options, low, high):
    """Tags that say what is black and white are believed."""
    pixels = gradient(3000 if high < 16_000 else 6000)
    rendering = decode_photo(tiff(pixels, **options), "x.tif").facts.rendering
    assert [(scale.low, scale.high) for scale in rendering.scales.values()] == [(low, high)]
    assert [scale.source is ScaleSource.VALUES for scale in rendering.scales.values()] == [False]


@pytest.mark.parametrize("num_bands", [4, 5, 13, 200])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_many_bands_are_refused_with_their_number(num_bands, dtype):
    """Nobody knows which of many bands are red, green and blue; the message names the number and the remedy."""
    pixels = np.zeros((8, 8, num_bands), dtype)
    with pytest.raises(UnsupportedImageError, match=f"has {num_bands} channels.*Export red, green and blue"):
        decode_image(tiff(pixels, photometric="minisblack", planarconfig="contig"), "field.tif")


def test_two_bands_that_are_no_transparency():
    """Two bands of a radar are not a picture and its transparency."""
    pixels = np.zeros((8, 8, 2), np.uint16)
    with pytest.raises(UnsupportedImageError, match="has 2 channels"):
        decode_image(tiff(pixels, photometric="minisblack", extrasamples=["unspecified"]), "x.tif")


@pytest.mark.parametrize("role", ["description", "colorinterp"])
def test_bands_that_are_named_red_green_and_blue(role):
    """GDAL's names say which three of many bands are the colours."""
    names = ["blue", "Green", "RED", "nir", "swir"]
    items = "".join(
        f'<Item name="{role.upper()}" sample="{number}" role="{role}">{name}</Item>'
        for number, name in enumerate(names)
    )
    pixels = np.stack([CELLS, CELLS[::-1], CELLS[:, ::-1], CELLS, CELLS], axis=-1)
    data = tiff(
        pixels,
        photometric="minisblack",
        planarconfig="contig",
        extratags=[(42112, 2, 0, f"<GDALMetadata>{items}</GDALMetadata>", True)],
    )
    np.testing.assert_array_equal(np.asarray(decode_image(data, "x.tif")), COLOURS_SHOWN[..., ::-1])


def test_satellite_with_rgb_and_more_bands_in_8_bits():
    """Of bands that begin with RGB the first three are shown, as they are."""
    pixels = np.random.default_rng(1).integers(0, 256, (8, 9, 6), np.uint8)
    data = tiff(pixels, photometric="rgb", planarconfig="contig")
    np.testing.assert_array_equal(np.asarray(decode_image(data, "x.tif")), pixels[..., :3])


def test_16_bit_cmyk():
    """Print files of 16 bits have the colours of those of 8."""
    ink = np.zeros((4, 4, 4), np.uint16)
    ink[..., 0] = 65_535
    image = decode_image(tiff(ink, photometric="separated"), "print.tif")
    assert image.getpixel((1, 1)) == (0, 255, 255)


def test_transparency_of_16_bits():
    """What is transparent in a picture of 16 bits shows the ground."""
    pixels = np.full((8, 8, 4), 20_000, np.uint16)
    pixels[:, :4, 3], pixels[:, 4:, 3] = 0, 65_535
    photo = decode_photo(tiff(pixels, photometric="rgb", extrasamples=["unassalpha"]), "x.tif")
    assert photo.image.getpixel((0, 0)) == (255, 255, 255)
    assert photo.image.getpixel((7, 0)) != (255, 255, 255)


# --- pages -----------------------------------------------------------------------------------------------


BLANK = np.zeros_like(CELLS)
PAGES = {
    "16 bits": tiff(np.stack([BLANK, BLANK, CELLS]), photometric="minisblack"),
    "ImageJ stack": tiff(np.stack([BLANK, BLANK, CELLS]), imagej=True),
    "8 bits": encode(
        Image.new("L", (48, 32)),
        "TIFF",
        save_all=True,
        append_images=[Image.new("L", (48, 32), 9), noise_photo(48, 32)],
    ),
}


@pytest.mark.parametrize("kind", PAGES)
def test_the_first_page_that_is_not_blank(kind):
    """Of several pages the first with something on it is read, and their number is known."""
    photo = decode_photo(PAGES[kind], "stack.tif")
    assert photo.facts.num_pages == 3
    assert len(np.unique(np.asarray(photo.image))) > 40


def test_small_copies_are_no_pages():
    """A thumbnail before the photo is never taken for it, nor one after it for a page."""
    thumbnail, full = np.zeros((8, 8, 3), np.uint8), np.asarray(noise_photo(48, 32))
    for order in ([(thumbnail, 1), (full, 0)], [(full, 0), (thumbnail, 1)]):
        target = io.BytesIO()
        with tifffile.TiffWriter(target) as writer:
            for pixels, kind in order:
                writer.write(pixels, photometric="rgb", subfiletype=kind, metadata=None)
        photo = decode_photo(target.getvalue(), "scan.tif")
        np.testing.assert_array_equal(np.asarray(photo.image), full)
        assert photo.facts.num_pages == 1


def test_the_photo_below_its_preview():
    """A full picture that the preview points to is read."""
    full = noise_photo(64, 48)
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8), photometric="rgb", subifds=1, subfiletype=1, metadata=None)
        writer.write(np.asarray(full), photometric="rgb", subfiletype=0, metadata=None)
    assert decode_image(target.getvalue(), "scan.tif").size == (64, 48)


def slide(size: tuple[int, int]) -> bytes:
    """What a slide scanner writes: the slide in tiles, an overview, smaller copies."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        slide_pixels = np.asarray(noise_photo(*size))
        about = "Aperio Image Library v1"
        writer.write(slide_pixels, photometric="rgb", tile=(64, 64), description=about, metadata=None)
        writer.write(slide_pixels[::8, ::8], photometric="rgb", metadata=None)
        writer.write(slide_pixels[::2, ::2], photometric="rgb", tile=(64, 64), metadata=None)
    return target.getvalue()


def test_a_slide_is_read_in_full_or_refused_as_what_it_is():
    """Of a slide scanner's file the slide itself counts; one that is too large is named."""
    photo = decode_photo(slide((256, 192)), "slide.svs")
    assert photo.image.size == (256, 192)
    assert photo.facts.num_pages == 1
    with pytest.raises(ImageTooLargeError, match=r"slide scanner's picture \(Aperio SVS\) of 256 × 192 pixels"):
        decode_image(slide((256, 192)), "slide.svs", limits=ImageLimits(max_pixels=20_000))


# --- what is refused -------------------------------------------------------------------------------------


def test_unread_compression_is_not_called_damage():
    """A healthy file that is packed in a way that is not read says so."""
    template = bytearray(tiff(CELLS, metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(template))) as file:
        place = file.pages[0].tags["Compression"].valueoffset
    for number, words in ((34712, "JPEG 2000"), (7, "JPEG"), (50002, "JPEG XL"), (12345, "method 12345")):
        template[place : place + 2] = number.to_bytes(2, "little")
        with pytest.raises(UnsupportedImageError, match=f"compressed with {words}"):
            decode_image(bytes(template), "x.tif")


def test_unread_compression_of_8_bits():
    """So does one of 8 bits, such as a slide of JPEG 2000 tiles."""
    template = bytearray(tiff(np.asarray(noise_photo(32, 24)), photometric="rgb", metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(template))) as file:
        place = file.pages[0].tags["Compression"].valueoffset
    template[place : place + 2] = (33_005).to_bytes(2, "little")
    with pytest.raises(UnsupportedImageError, match="compressed with JPEG 2000"):
        decode_image(bytes(template), "slide.tif")


def test_directories_that_share_their_values_take_little_memory():
    """A thousand directories that all claim the same long list of offsets are not a thousand lists."""
    num_values = 100_000
    entries = [struct.pack("<HHII", 256, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 8)]
    entries.append(struct.pack("<HHII", 273, 4, num_values, 8))
    data = struct.pack("<2sHI", b"II", 42, 8 + 4 * num_values) + bytes(4 * num_values)
    for number in range(1000):
        following = len(data) + 2 + 12 * len(entries) + 4
        data += struct.pack("<H", len(entries)) + b"".join(entries)
        data += struct.pack("<I", following if number < 999 else 0)
    tracemalloc.start()
    assert decode_image(data, "bomb.tif").size == (8, 8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300_000_000


def test_a_small_file_of_a_huge_strip_stays_small():
    """A strip that unpacks to far more than the page needs is unpacked no further."""
    bomb = zlib.compress(b"\0" * 50_000_000)
    data = tiff(np.zeros((4, 4), np.uint16), compression="zlib", metadata=None)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        offset, count = page.tags["StripOffsets"].valueoffset, page.tags["StripByteCounts"].valueoffset
        size = 2 if page.tags["StripByteCounts"].dtype == 3 else 4
    changed = bytearray(data + bomb)
    changed[offset : offset + 4] = len(data).to_bytes(4, "little")
    changed[count : count + size] = min(len(bomb), 2 ** (8 * size) - 1).to_bytes(size, "little")
    tracemalloc.start()
    image = decode_image(bytes(changed), "bomb.tif")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert image.size == (4, 4)
    assert peak < 5_000_000


@pytest.mark.parametrize(("num_bands", "said"), [(3, []), (4, ["4 bands"]), (6, ["6 bands"])])
def test_bands_that_are_not_read_are_told(num_bands, said):
    """Of red, green, blue and infrared the first three are the picture, and the report says so."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, num_bands), np.uint8)
    extra = {"extrasamples": ["unspecified"] * (num_bands - 3)} if num_bands > 3 else {}
    data = tiff(pixels, photometric="rgb", planarconfig="contig", **extra)
    sentences = tell([decode_photo(data, "field.tif").facts])
    assert [words for words in said if any(words in sentence for sentence in sentences)] == said
    assert len(sentences) == len(said)
