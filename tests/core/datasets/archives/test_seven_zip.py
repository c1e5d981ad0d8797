"""7-Zip archives, honest and hostile: read file by file, and refused before they can do harm."""

import io
import lzma
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import py7zr
import pytest
from backports import zstd
from py7zr.properties import (
    FILTER_BZIP2,
    FILTER_COPY,
    FILTER_DEFLATE,
    FILTER_DEFLATE64,
    FILTER_DELTA,
    FILTER_LZMA,
    FILTER_LZMA2,
    FILTER_PPMD,
    FILTER_X86,
    FILTER_ZSTD,
)

from core.datasets.archives import seven_zip_header
from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.errors import ArchiveError
from tests.core.datasets.archives.archive_samples import contents, list_paths, read, refusals, write_zip

FILES = {
    "cats/1.jpg": os.urandom(200_000),
    "cats/2.jpg": b"x" * 100_000,
    "dogs/é 猫.jpg": os.urandom(90_000),
    "cats/3.jpg": b"the last one",
}


class LiteralDeflater:
    """Packs in the way that Deflate64 shares with Deflate: no repetitions, which the two write differently.

    That of `inflate64` has crashed the process that ran these tests; Bluetit only unpacks.
    """

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS, strategy=zlib.Z_HUFFMAN_ONLY)

    def deflate(self, data: bytes) -> bytes:
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        return self._compressor.flush()


@pytest.fixture(autouse=True)
def literal_deflater(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("py7zr.compressor.inflate64.Deflater", LiteralDeflater)


def write_seven_zip(path: Path, files: dict[str, bytes], **options: Any) -> Path:
    with py7zr.SevenZipFile(path, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return path


METHODS: dict[str, list[dict[str, Any]] | None] = {
    "usual": None,
    "LZMA2": [{"id": FILTER_LZMA2}],
    "LZMA": [{"id": FILTER_LZMA}],
    "BZip2": [{"id": FILTER_BZIP2}],
    "Deflate": [{"id": FILTER_DEFLATE}],
    "Deflate64": [{"id": FILTER_DEFLATE64}],
    "Zstandard": [{"id": FILTER_ZSTD}],
    "stored": [{"id": FILTER_COPY}],
    "Delta": [{"id": FILTER_DELTA}, {"id": FILTER_LZMA2}],
    "x86 and LZMA": [{"id": FILTER_X86}, {"id": FILTER_LZMA}],
}


@pytest.mark.parametrize("filters", METHODS.values(), ids=METHODS)
def test_files_of_every_usual_method_are_read_in_order(tmp_path: Path, filters: list[dict[str, Any]] | None):
    """And listed, as often as one likes."""
    path = write_seven_zip(tmp_path / "photos.dat", FILES, filters=filters)
    assert list_paths(path) == list(FILES)
    assert read(path) == list(FILES.items())


def test_some_files_of_a_solid_block_are_read(tmp_path: Path):
    """What lies before them is unpacked and passed over."""
    path = write_seven_zip(tmp_path / "a.7z", FILES)
    with open_archive(path, "a.7z", ArchiveLimits()) as archive:
        for wanted in ("cats/3.jpg", "cats/1.jpg"):
            assert [data for _, data in archive.read_all({wanted})] == [FILES[wanted]]


def test_empty_files_and_folders(tmp_path: Path):
    """An empty file is one, a folder is none."""
    (tmp_path / "photos" / "empty").mkdir(parents=True)
    (tmp_path / "photos" / "0.jpg").write_bytes(b"")
    (tmp_path / "photos" / "1.jpg").write_bytes(b"one")
    os.symlink("1.jpg", tmp_path / "photos" / "link.jpg")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writeall(tmp_path / "photos", "photos")
    assert contents(tmp_path / "a.7z") == {"photos/0.jpg": b"", "photos/1.jpg": b"one"}
    assert "is a link" in refusals(tmp_path / "a.7z")["photos/link.jpg"]
    write_seven_zip(tmp_path / "none.7z", {})
    assert read(tmp_path / "none.7z") == []


def test_a_rare_method_is_named(tmp_path: Path):
    """With what to do instead."""
    path = write_seven_zip(tmp_path / "a.7z", FILES, filters=[{"id": FILTER_PPMD, "order": 6, "mem": 24}])
    assert {"usual method" in reason for reason in refusals(path).values()} == {True}


def test_a_password_is_named(tmp_path: Path):
    """File by file where the names can be read, else for the whole archive."""
    path = write_seven_zip(tmp_path / "a.7z", {"1.jpg": b"one"}, password="x")
    assert "locked with a password" in refusals(path)["1.jpg"]
    path = write_seven_zip(tmp_path / "b.7z", {"1.jpg": b"one"}, password="x", header_encryption=True)
    with pytest.raises(ArchiveError, match="locked with a password, its names too"):
        read(path)


def test_a_seven_zip_inside_a_zip_and_the_other_way_round(tmp_path: Path):
    """One level, as with any other archive."""
    seven = write_seven_zip(tmp_path / "in.7z", {"cats/1.jpg": b"cat"}).read_bytes()
    path = write_zip(tmp_path / "a.zip", {"in.7z": seven})
    assert contents(path) == {"in/cats/1.jpg": b"cat"}
    path = write_seven_zip(tmp_path / "b.7z", {"in.zip": path.read_bytes()})
    assert "inside an archive inside" in refusals(path)["in/in.7z"]


def test_a_seven_zip_in_pieces_is_read(tmp_path: Path):
    """As 7-Zip divides it: the bytes of one archive."""
    data = write_seven_zip(tmp_path / "a.7z", FILES).read_bytes()
    pieces = [tmp_path / f"a.7z.{number:03d}" for number in range(1, 4)]
    for number, piece in enumerate(pieces):
        piece.write_bytes(data[number * 100_000 : (number + 1) * 100_000 if number < 2 else None])
    with open_archive(pieces, "a.7z", ArchiveLimits()) as archive:
        assert {entry.path: content for entry, content in archive.read_all()} == FILES


# --- hostile ----------------------------------------------------------------------------------------------


SHRINKING = {
    name: filters for name, filters in METHODS.items() if name != "Deflate64"
}  # not as `LiteralDeflater` packs


@pytest.mark.parametrize("filters", SHRINKING.values(), ids=SHRINKING)
def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path, filters: list[dict[str, Any]] | None):
    """The sizes in the header count, as solid blocks are unpacked as a whole."""
    path = write_seven_zip(tmp_path / "a.7z", {f"{n}.jpg": bytes(1_000_000) for n in range(12)}, filters=filters)
    if filters is None or filters[0]["id"] != FILTER_COPY:
        with pytest.raises(ArchiveError, match="refused as an attack"):
            list_paths(path, ArchiveLimits(ratio_free_bytes=10_000_000, max_ratio=10))
        with pytest.raises(ArchiveError, match="come out of"):
            list_paths(path, ArchiveLimits(max_bytes=11_000_000))
    else:
        assert len(contents(path, ArchiveLimits(ratio_free_bytes=10_000_000))) == 12


@pytest.mark.parametrize("filters", [METHODS[name] for name in ("usual", "Deflate", "Deflate64", "Zstandard")])
def test_one_piece_at_a_time_is_unpacked(tmp_path: Path, filters: list[dict[str, Any]] | None):
    """Photos of zeros, as a bomb has them, take little memory whatever the method."""
    path = write_seven_zip(tmp_path / "a.7z", {f"{n}.jpg": bytes(4_000_000) for n in range(10)}, filters=filters)
    with open_archive(path, "a.7z", ArchiveLimits(ratio_free_bytes=100_000_000)) as archive:
        tracemalloc.start()
        num_bytes = 0
        for item in archive.read_all():
            num_bytes += len(item[1])
            del item
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert num_bytes == 40_000_000
    # These libraries give all that comes out of half a kilobyte at once.
    is_greedy = filters is not None and filters[0]["id"] in (FILTER_DEFLATE64, FILTER_ZSTD)
    assert peak < (80_000_000 if is_greedy else 30_000_000)


def test_files_are_counted(tmp_path: Path):
    """More than the limit are refused unread."""
    path = write_seven_zip(tmp_path / "a.7z", {f"{number}.jpg": b"x" for number in range(30)})
    assert len(list_paths(path, ArchiveLimits(max_entries=30))) == 30
    with pytest.raises(ArchiveError, match="more than 29 files"):
        list_paths(path, ArchiveLimits(max_entries=29))


def number(value: int) -> bytes:
    return b"\xff" + struct.pack("<Q", value)


def with_header(path: Path, header: bytes, body: bytes = b"") -> Path:
    start = struct.pack("<QQL", len(body), len(header), zlib.crc32(header))
    path.write_bytes(b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + body + header)
    return path


def packed_header(dictionary: int, num_bytes: int) -> bytes:
    streams = b"\6" + number(0) + number(1) + b"\x09" + number(4) + b"\0"
    folder = b"\7\x0b\1\0\1\x21\x21\1" + bytes([dictionary]) + b"\x0c" + number(num_bytes) + b"\0"
    return b"\x17" + streams + folder + b"\0"


HEADERS = {
    "endless files": b"\1\5" + number(1 << 40) + b"\0",
    "a million files": b"\1\5" + number(1_000_000) + bytes(1_000_000),
    "endless blocks": b"\1\4\7\x0b" + number(1 << 40) + bytes(100),
    "a million blocks": b"\1\4\7\x0b" + number(1_000_000) + bytes(3_000_000),
    "endless streams": b"\1\4\6" + number(0) + number(1 << 60) + bytes(100),
    "a packed header of 1 TB": packed_header(18, 1 << 40),
    "a dictionary of 4 GB": packed_header(40, 1_000),
    "nothing known": b"\x42" + bytes(50),
    "cut": b"\1\4\6",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_asks_for_too_much_is_refused(tmp_path: Path, header: bytes):
    """Before any list of that length is made."""
    path = with_header(tmp_path / "a.7z", header, bytes(4))
    tracemalloc.start()
    with pytest.raises(ArchiveError):
        list_paths(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_dictionary_of_gigabytes_refuses_the_files_that_need_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The header says how much memory unpacking takes."""
    monkeypatch.setattr(seven_zip_header, "_MAX_DICTIONARY_BYTES", 20_000_000)
    path = write_seven_zip(tmp_path / "a.7z", {"1.jpg": b"one"}, filters=[{"id": FILTER_LZMA2, "preset": 9}])
    assert "more than 20 MB of memory" in refusals(path)["1.jpg"]


def test_damage_in_a_block_is_told_of_the_files_in_it(tmp_path: Path):
    """Those before the damage, and those of another block, are read."""
    path = write_seven_zip(tmp_path / "a.7z", FILES, filters=[{"id": FILTER_COPY}])
    data = bytearray(path.read_bytes())
    data[32 + 250_000] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "damaged" in refusals(path)["cats/2.jpg"]
    assert list(contents(path)) == [name for name in FILES if name != "cats/2.jpg"]


NUM_DAMAGED = 150  # headers of each seed


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_raises_anything_but_our_error(tmp_path: Path, seed: int):
    """Bytes changed, cut off and repeated at random, in the header most of all."""
    chance = random.Random(seed)
    filters = chance.choice([METHODS["usual"], METHODS["LZMA"], METHODS["stored"], METHODS["Zstandard"]])
    small = {name: data[:300] for name, data in FILES.items()}
    archive = py7zr.SevenZipFile(tmp_path / "a.7z", "w", filters=filters)
    archive.set_encoded_header_mode(False)
    with archive:
        for name, data in small.items():
            archive.writestr(data, name)
    whole = (tmp_path / "a.7z").read_bytes()
    header_bytes = struct.unpack_from("<Q", whole, 20)[0]
    body, header = whole[32:-header_bytes], whole[-header_bytes:]
    for _ in range(NUM_DAMAGED):
        data = bytearray(header)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        damaged = bytearray(body)
        damaged[chance.randrange(len(damaged))] ^= chance.randrange(256)
        path = with_header(tmp_path / "b.7z", bytes(data), bytes(damaged))
        with suppress(ArchiveError):
            found = read(path, ArchiveLimits(max_entries=1_000, max_bytes=10_000_000))
            assert all(isinstance(content, bytes | str) for _, content in found)


# --- the same methods in a zip ----------------------------------------------------------------------------


def test_lzma_in_a_zip_is_read(tmp_path: Path):
    """As 7-Zip can pack zips too."""
    path = write_zip(tmp_path / "a.zip", FILES, zipfile.ZIP_LZMA)
    assert contents(path) == FILES
    data = bytearray(path.read_bytes())
    data[30 + len("cats/1.jpg") + 5_000] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "damaged" in refusals(path)["cats/1.jpg"]


def write_zip_with(path: Path, method: int, content: bytes, packed: bytes) -> Path:
    values = (20, 0, method, 0, 0, zlib.crc32(content), len(packed), len(content), 5, 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *values) + b"1.jpg" + packed
    table = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *values, 0, 0, 0, 0, 0) + b"1.jpg"
    path.write_bytes(local + table + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(table), len(local), 0))
    return path


def test_deflate64_zstandard_and_xz_in_a_zip_are_read(tmp_path: Path):
    """Windows packs with the first, newer programs with the others."""
    content = bytes(300_000) + os.urandom(100_000)
    deflater = LiteralDeflater()
    packed = {
        9: deflater.deflate(content) + deflater.flush(),
        93: zstd.compress(content),
        95: lzma.compress(content),
    }
    for method, data in packed.items():
        assert contents(write_zip_with(tmp_path / f"{method}.zip", method, content, data)) == {"1.jpg": content}
        broken = write_zip_with(tmp_path / f"{method}.zip", method, content, data[:1_000] + data[1_001:])
        assert "damaged" in refusals(broken)["1.jpg"]


def test_a_tar_compressed_with_zstandard_is_read(tmp_path: Path):
    """As newer Linux programs pack it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        header = tarfile.TarInfo("cats/1.jpg")
        header.size = 3
        archive.addfile(header, io.BytesIO(b"cat"))
    path = tmp_path / "a.tar.zst"
    path.write_bytes(zstd.compress(buffer.getvalue()))
    assert contents(path) == {"cats/1.jpg": b"cat"}
    path.write_bytes(zstd.compress(b"no tar" * 200))
    with pytest.raises(ArchiveError, match="holds no tar"):
        list_paths(path)
