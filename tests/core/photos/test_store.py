"""`core.photos.store`: what is stored of a photo, and how it is kept."""

import hashlib
import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from benchmarks.s3_server import S3Server
from core.errors import DamagedImageError, DatasetError, ImageTooLargeError, NoSpaceError, NotAnImageError, StorageError
from core.photos.decode import decode_image
from core.photos.limits import ImageLimits
from core.photos.store import MAX_SIDE_PX, PhotoStore, StoredPhoto, encode_photo
from core.settings import Settings

ORIENTATION_TAG = 0x0112
GPS_TAG = 0x8825
SECRET = b"Elm Street 13"


def encode(image: Image.Image, kind: str, **options) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def photo(width: int = 90, height: int = 70, seed: int = 0) -> Image.Image:
    """Smooth colours with some detail, unlike its own mirror image."""
    grain = max(8, width // 50)
    pixels = np.random.default_rng(seed).integers(0, 256, (height // grain + 2, width // grain + 2, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def exif(orientation: int | None = None) -> Image.Exif:
    tags = Image.Exif()
    tags[0x010E] = SECRET.decode()  # ImageDescription
    tags.get_ifd(GPS_TAG)[2] = (51.0, 30.0, 0.0)
    if orientation is not None:
        tags[ORIENTATION_TAG] = orientation
    return tags


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """A profile in which red and green have changed places, so that nobody can overlook whether it is applied."""
    profile = bytearray(srgb_profile())
    for entry in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12):
        tag = bytes(profile[entry : entry + 4])
        if tag in (b"rXYZ", b"gXYZ"):
            profile[entry : entry + 4] = b"gXYZ" if tag == b"rXYZ" else b"rXYZ"
    return bytes(profile)


def jfif_with_thumbnail(data: bytes) -> bytes:
    """The JPEG with a small copy of another photo in its first segment, as some scanners write it."""
    segment = b"JFIF\0\1\1\0\0\1\0\1\2\2" + (SECRET + bytes(12))[:12]
    return data[:2] + b"\xff\xe0" + struct.pack(">H", len(segment) + 2) + segment + data[20:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    return encode(photo(), "PNG", pnginfo=text, exif=exif(), icc_profile=srgb_profile(), dpi=(72, 72))


# Files whose pixels are kept: only metadata is cut out.
KEPT = {
    "jpeg": lambda: encode(photo(), "JPEG"),
    "jpeg with comment and EXIF": lambda: encode(photo(), "JPEG", exif=exif(), comment=SECRET),
    "jpeg with GPS, upright": lambda: encode(photo(), "JPEG", exif=exif(1)),
    "jpeg with XMP": lambda: encode(photo(), "JPEG", xmp=SECRET),
    "jpeg with an sRGB profile": lambda: encode(photo(), "JPEG", icc_profile=srgb_profile()),
    "jpeg with a small copy in JFIF": lambda: jfif_with_thumbnail(encode(photo(), "JPEG")),
    "jpeg progressive": lambda: encode(photo(), "JPEG", progressive=True, exif=exif()),
    "jpeg with restart markers": lambda: encode(photo(), "JPEG", restart_marker_blocks=1),
    "jpeg 4:4:4, RGB inside": lambda: encode(photo(), "JPEG", keep_rgb=True),
    "jpeg grey": lambda: encode(photo().convert("L"), "JPEG", exif=exif()),
    "jpeg with trailing bytes": lambda: encode(photo(), "JPEG") + SECRET,
    "jpeg without JFIF": lambda: encode(photo(), "JPEG")[:2] + encode(photo(), "JPEG")[20:],
    "jpeg of 1 × 1": lambda: encode(photo(1, 1), "JPEG"),
    "mpo, several photos in one": lambda: encode(photo(), "MPO", save_all=True, append_images=[photo(seed=1)]),
    "png": lambda: encode(photo(), "PNG"),
    "png with text, EXIF and profile": png_with_text,
    "png grey": lambda: encode(photo().convert("L"), "PNG"),
    "png of two colours": lambda: encode(photo().convert("1"), "PNG"),
    "png with palette": lambda: encode(photo().quantize(16), "PNG", exif=exif()),
    "png with trailing bytes": lambda: encode(photo(), "PNG") + SECRET,
}


def bmp_as_interlaced_png() -> bytes:
    """A PNG in Adam7 order, which Pillow reads but does not write."""
    pixels = np.asarray(photo())
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + row.tobytes() for top, left, down, right in passes for row in pixels[top::down, left::right]
    )
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    chunks = (b"IHDR", header), (b"tEXt", b"Comment\0" + SECRET), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, content) for kind, content in chunks)


KEPT["png interlaced"] = bmp_as_interlaced_png


def with_alpha(mode: str) -> Image.Image:
    image = photo().convert("RGBA")
    image.putalpha(photo(seed=2).convert("L"))
    return image if mode == "RGBA" else image.convert(mode)


# Files that have to be encoded anew, with the suffix that they get.
ANEW = {
    **{
        f"jpeg orientation {orientation}": (
            ".jpg",
            lambda orientation=orientation: encode(photo(), "JPEG", exif=exif(orientation)),
        )
        for orientation in range(2, 9)
    },
    "jpeg CMYK": (".jpg", lambda: encode(photo().convert("CMYK"), "JPEG")),
    "jpeg with other colours": (".jpg", lambda: encode(photo(), "JPEG", icc_profile=swapped_profile())),
    "jpeg too large": (".jpg", lambda: encode(photo(1500, 900), "JPEG")),
    "jpeg of a camera": (".jpg", lambda: encode(photo(4200, 3000), "JPEG", exif=exif(6))),
    "png too large": (".jpg", lambda: encode(photo(1100, 400), "PNG")),
    "png with alpha": (".png", lambda: encode(with_alpha("RGBA"), "PNG")),
    "png grey with alpha": (".png", lambda: encode(with_alpha("LA"), "PNG")),
    "png with one transparent colour": (".png", lambda: encode(photo(), "PNG", transparency=(0, 0, 0))),
    "png palette with alpha": (".png", lambda: encode(with_alpha("RGBA").quantize(16), "PNG")),
    "png with other colours": (".png", lambda: encode(photo(), "PNG", icc_profile=swapped_profile())),
    "png turned": (".png", lambda: encode(photo(), "PNG", exif=exif(6))),
    "png of 16 bits": (
        ".png",
        lambda: encode(Image.fromarray(np.asarray(photo().convert("L")).astype(np.uint16) * 257), "PNG"),
    ),
    "png animated": (".png", lambda: encode(photo(), "PNG", save_all=True, append_images=[photo(seed=1)])),
    "gif": (".png", lambda: encode(photo().quantize(16), "GIF")),
    "gif animated": (".png", lambda: encode(photo(), "GIF", save_all=True, append_images=[photo(seed=1)])),
    "bmp": (".png", lambda: encode(photo(), "BMP")),
    "tiff": (".png", lambda: encode(photo(), "TIFF", exif=exif())),
    "tiff turned": (".png", lambda: encode(photo(), "TIFF", exif=exif(8))),
    "webp": (".jpg", lambda: encode(photo(), "WEBP", exif=exif())),
    "webp lossless": (".png", lambda: encode(photo(), "WEBP", lossless=True)),
    "avif": (".jpg", lambda: encode(photo(), "AVIF")),
    "heic": (".jpg", lambda: encode_heic(photo())),
}


def encode_heic(image: Image.Image) -> bytes:
    target = io.BytesIO()
    pillow_heif.encode(image.mode, image.size, image.tobytes(), target)
    return target.getvalue()


def made(kind: str) -> bytes:
    if kind == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF encoder")
    if kind == "heic" and not pillow_heif.libheif_info()["encoders"]:
        pytest.skip("this pillow_heif has no HEIC encoder")
    return KEPT[kind]() if kind in KEPT else ANEW[kind][1]()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(decode_image(data, "photo"))


# --- what is stored --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEPT)
def test_a_photo_that_needs_no_change_keeps_every_pixel(kind: str):
    """The metadata is cut out of the file, which gets no larger and shows exactly the pixels that it showed."""
    data = made(kind)
    stored = encode_photo(data, "photo")
    np.testing.assert_array_equal(pixels_of(stored.data), pixels_of(data))
    assert len(stored.data) <= len(data)
    assert stored.record.suffix == (".png" if "png" in kind else ".jpg")


@pytest.mark.parametrize("kind", ANEW)
def test_other_photos_are_encoded_anew(kind: str):
    """What was turned, blended, converted or too large is written again: exactly where the source was exact."""
    data = made(kind)
    stored = encode_photo(data, "photo")
    assert stored.record.suffix == ANEW[kind][0]
    expected = decode_image(data, "photo")
    assert max(stored.record.width, stored.record.height) == min(MAX_SIDE_PX, max(expected.size))
    if stored.record.suffix == ".png":
        np.testing.assert_array_equal(pixels_of(stored.data), np.asarray(expected))
    else:
        expected = expected.resize((stored.record.width, stored.record.height))
        assert np.abs(pixels_of(stored.data).astype(int) - np.asarray(expected)).mean() < 8


@pytest.mark.parametrize("kind", [*KEPT, *ANEW])
def test_encoding_twice_changes_nothing(kind: str):
    """What is exported and imported again is the same photo, byte for byte."""
    once = encode_photo(made(kind), "photo")
    twice = encode_photo(once.data, "photo")
    assert twice.data == once.data
    assert twice.record.hash == once.record.hash


@pytest.mark.parametrize("kind", [*KEPT, *ANEW])
def test_nothing_private_is_left(kind: str):
    """No place, comment, profile, small copy or trailing byte survives."""
    stored = encode_photo(made(kind), "photo")
    assert SECRET not in stored.data
    with Image.open(io.BytesIO(stored.data)) as image:
        assert len(image.getexif()) == 0
        assert not {"icc_profile", "comment", "xmp", "exif", "Comment"} & set(image.info)
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("kind", [*KEPT, *ANEW])
def test_the_record_describes_the_stored_file(kind: str):
    """Hash, sizes and measurements belong to the bytes that are stored."""
    stored = encode_photo(made(kind), "photo")
    record = stored.record
    assert record.hash == hashlib.sha256(stored.data).hexdigest()
    assert record.num_bytes == len(stored.data)
    image = decode_image(stored.data, "photo")
    assert (record.width, record.height) == image.size
    again = encode_photo(stored.data, "photo").record.measurements
    # Size and rendering are those of the file as it came.
    of_the_file = {"original_size": None, "rendering": None}
    assert {**again, **of_the_file} == {**record.measurements, **of_the_file}


def test_many_real_photos_keep_their_pixels(shared_dir: Path):
    """Photos of the web, from dozens of programs and cameras, either stay as they are or are visibly the same."""
    paths = sorted((shared_dir / "data").glob("alien_vs_predator/validation/*/*"))[::4]
    paths += sorted((shared_dir / "data").glob("imagenet_sample/*"))[::4]
    num_kept = 0
    for path in paths:
        data = path.read_bytes()
        stored = encode_photo(data, path.name)
        assert encode_photo(stored.data, path.name).data == stored.data
        image = decode_image(data, path.name)
        if stored.record.suffix == ".png" or np.array_equal(pixels_of(stored.data), np.asarray(image)):
            np.testing.assert_array_equal(pixels_of(stored.data), np.asarray(image))
            num_kept += 1
    assert num_kept > 0.9 * len(paths)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(300, 200), (1500, 900), (4200, 3000)])
def test_the_original_size_is_remembered_upright(orientation: int, size: tuple[int, int]):
    """The record tells the size that the photo came with, however much smaller it was decoded."""
    record = encode_photo(encode(photo(*size), "JPEG", exif=exif(orientation)), "photo").record
    assert (record.original_width, record.original_height) == (size if orientation == 1 else size[::-1])
    assert (record.width > record.height) == (orientation == 1)


@pytest.mark.parametrize(
    "unusual",
    [b"\xff", b"\xff\xcc\x00\x04\x00\x10", b"\xff\xff\xff"],
    ids=["padding", "table of arithmetic coding", "much padding"],
)
def test_a_jpeg_of_unusual_structure_is_encoded_anew(unusual: bytes):
    """What is no metadata and no common table is not guessed at: the photo is written again, as ordinary JPEG."""
    data = encode(photo(), "JPEG")
    odd = data[:20] + unusual + data[20:]
    stored = encode_photo(odd, "photo")
    assert stored.data not in (data, odd)
    assert encode_photo(stored.data, "photo").data == stored.data
    assert np.abs(pixels_of(stored.data).astype(int) - pixels_of(data)).mean() < 8


def test_a_jpeg_without_its_end_is_refused():
    """A photo that was cut off is not stored, not even when all its pixels seem to be there."""
    with pytest.raises(DamagedImageError):
        encode_photo(encode(photo(), "JPEG")[:-2], "photo")


def test_errors_are_those_of_reading_photos():
    """What is no photo, or too large, is refused with the file's name."""
    with pytest.raises(NotAnImageError, match=r"notes\.txt"):
        encode_photo(b"hello", "notes.txt")
    with pytest.raises(ImageTooLargeError, match=r"big\.png"):
        encode_photo(encode(photo(), "PNG"), "big.png", ImageLimits(max_pixels=100))


# --- the store -------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    return PhotoStore(tmp_path / "photos", tmp_path / "cache")


@pytest.fixture
def stored(store: PhotoStore) -> StoredPhoto:
    made_photo = encode_photo(encode(photo(400, 300), "JPEG"), "photo")
    store.put(made_photo)
    return made_photo


def test_a_photo_comes_back_as_it_was_put_in(store: PhotoStore, stored: StoredPhoto):
    """The bytes are found again under their hash, in one of 256 folders."""
    record = stored.record
    assert store.has(record.hash, record.suffix)
    assert store.read(record.hash, record.suffix) == stored.data
    assert store.path(record.hash, record.suffix).parent.name == record.hash[:2]


def test_putting_a_photo_again_repairs_it(store: PhotoStore, stored: StoredPhoto):
    """A file that a power cut left incomplete is written again when the photo arrives again."""
    path = store.path(stored.record.hash, stored.record.suffix)
    path.write_bytes(stored.data[:100])
    store.put(stored)
    assert store.read(stored.record.hash, stored.record.suffix) == stored.data


def test_many_threads_put_the_same_photo(store: PhotoStore):
    """One file results, whole, and no temporary one is left."""
    made_photo = encode_photo(encode(photo(), "PNG"), "photo")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.put(made_photo), range(64)))
    path = store.path(made_photo.record.hash, ".png")
    assert list(path.parent.iterdir()) == [path]
    assert store.read(made_photo.record.hash, ".png") == made_photo.data


@pytest.mark.parametrize("content", [b"", b"cut off", None])
def test_a_damaged_or_missing_photo_is_noticed(store: PhotoStore, stored: StoredPhoto, content: bytes | None):
    """Reading compares with the hash; the error names the photo and the remedy."""
    path = store.path(stored.record.hash, stored.record.suffix)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=stored.record.hash[:12]):
        store.read(stored.record.hash, stored.record.suffix)


def test_a_full_disk_is_reported(store: PhotoStore, stored: StoredPhoto, monkeypatch: pytest.MonkeyPatch):
    """The error says which disk is full, and nothing half-written is left."""
    monkeypatch.setattr("core.photos.store.os.replace", _raise_disk_full)
    other = encode_photo(encode(photo(seed=5), "PNG"), "photo")
    with pytest.raises(NoSpaceError):
        store.put(other)
    folder = store.path(other.record.hash, ".png").parent
    assert [path for path in folder.iterdir() if path.name != f"{stored.record.hash}.jpg"] == []


def _raise_disk_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_thumbnails_are_kept(store: PhotoStore, stored: StoredPhoto):
    """A thumbnail has the asked size, and a second request does not need the photo."""
    thumbnail = store.thumbnail(stored.record, 96)
    assert decode_image(thumbnail, "thumbnail").size == (96, 72)
    store.path(stored.record.hash, stored.record.suffix).unlink()
    assert store.thumbnail(stored.record, 96) == thumbnail


def test_a_damaged_thumbnail_is_made_again(store: PhotoStore, stored: StoredPhoto, tmp_path: Path):
    """Half a thumbnail, left by a power cut, is never shown."""
    thumbnail = store.thumbnail(stored.record, 96)
    (kept,) = (tmp_path / "cache").rglob("*.jpg")
    kept.write_bytes(thumbnail[:50])
    assert store.thumbnail(stored.record, 96) == thumbnail
    assert kept.read_bytes() == thumbnail


def test_deleting_takes_the_photo_last(store: PhotoStore, stored: StoredPhoto):
    """By its file a later clearing up finds out what was left of a photo when somebody was killed while deleting it."""
    store.thumbnail(stored.record, 96)
    (kept,) = store._thumbnails_path.rglob("*.jpg")
    kept.unlink()
    kept.mkdir()  # cannot be deleted as files are
    with pytest.raises(StorageError):
        store.delete(stored.record.hash, stored.record.suffix)
    assert store.has(stored.record.hash, stored.record.suffix)


def test_deleting_takes_the_thumbnails_too(store: PhotoStore, stored: StoredPhoto, tmp_path: Path):
    """Nothing of a deleted photo stays on the disk; deleting it twice does no harm."""
    store.thumbnail(stored.record, 96)
    store.thumbnail(stored.record, 200)
    for _ in range(2):
        store.delete(stored.record.hash, stored.record.suffix)
    assert not store.has(stored.record.hash, stored.record.suffix)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def two_nodes(s3_server: S3Server, tmp_path: Path) -> list[PhotoStore]:
    """The photos of two nodes that share an object store."""
    url = s3_server.new_store()
    return [PhotoStore.of(Settings(workspace_dir=tmp_path / name, store_url=url)) for name in ("one", "other")]


def test_what_one_node_puts_another_reads(two_nodes: list[PhotoStore], stored: StoredPhoto):
    """Its bytes, its thumbnail, and that it is there; what is deleted is gone for both, with its thumbnails."""
    one, other = two_nodes
    photo_hash, suffix = stored.record.hash, stored.record.suffix
    one.put(stored)
    assert other.has(photo_hash, suffix)
    assert other.read(photo_hash, suffix) == stored.data
    assert other.thumbnail(stored.record, 16)
    assert other.stored_before(time.time() + 60) == {photo_hash: suffix}
    one.delete(photo_hash, suffix)
    assert one.stored_before(time.time() + 60) == {}
    other.path(photo_hash, suffix).unlink()
    assert other.copies_before(time.time() + 60) == {photo_hash: ".jpg"}  # its thumbnail
    other.delete(photo_hash, ".jpg")
    assert other.copies_before(time.time() + 60) == {}
    with pytest.raises(DatasetError, match="cannot be read"):
        other.read(photo_hash, suffix)


def test_half_a_copy_is_brought_again(two_nodes: list[PhotoStore], stored: StoredPhoto):
    """A power cut damages what a node has copied; the object store has it still."""
    one, other = two_nodes
    one.put(stored)
    other.bring([stored.record])
    path = other.path(stored.record.hash, stored.record.suffix)
    path.write_bytes(stored.data[:20])
    assert other.read(stored.record.hash, stored.record.suffix) == stored.data
    assert path.read_bytes() == stored.data
