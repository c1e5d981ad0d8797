"""Archives, honest and hostile, each built for real."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.datasets.archives.archive import ArchiveEntry, open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.errors import ArchiveError, ConfigError, StorageError
from tests.core.datasets.archives.archive_samples import (
    FILES,
    LIMITS,
    add_to_tar,
    contents,
    list_paths,
    read,
    refusals,
    write_tar,
    write_zip,
)

CUT_OFF = "ends in the middle"


def replace_bytes(path: Path, old: bytes, new: bytes, *, count: int = -1) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, count))


def zeros(num_bytes: int) -> Iterator[bytes]:
    for _ in range(num_bytes // 1_000_000):
        yield bytes(1_000_000)


# --- honest archives --------------------------------------------------------------------------------------

WRITERS: dict[str, Callable[[Path], Path]] = {
    "zip, deflated": lambda path: write_zip(path, FILES),
    "zip, stored": lambda path: write_zip(path, FILES, zipfile.ZIP_STORED),
    "zip, bzip2": lambda path: write_zip(path, FILES, zipfile.ZIP_BZIP2),
    "tar": lambda path: write_tar(path, FILES),
    "tar.gz": lambda path: write_tar(path, FILES, "w:gz"),
    "tar.bz2": lambda path: write_tar(path, FILES, "w:bz2"),
    "tar.xz": lambda path: write_tar(path, FILES, "w:xz"),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_format_is_recognised_by_its_content_and_read_in_order(tmp_path: Path, write: Callable[[Path], Path]):
    """The name of the file plays no part; listing comes before reading and repeats as often as one likes."""
    path = write(tmp_path / "photos.dat")
    with open_archive(path, "photos.dat", LIMITS) as archive:
        listed = list(archive.entries())
        assert listed == [ArchiveEntry(name, len(data)) for name, data in FILES.items()]
        for _ in range(2):
            assert [(entry.path, data) for entry, data in archive.read_all()] == list(FILES.items())


def test_a_zip_written_to_a_pipe_is_read(tmp_path: Path):
    """Sizes that stand behind the data, as browsers and macOS write them, are found in the table of contents."""
    buffer = io.BytesIO()

    class Pipe(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            return buffer.write(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    path = tmp_path / "photos.zip"
    path.write_bytes(buffer.getvalue())
    assert contents(path) == FILES
    # Without the table they are found by unpacking.
    path.write_bytes(buffer.getvalue()[: buffer.getvalue().index(b"PK\1\2")] + b"PK\1\2")
    assert contents(path) == FILES


def test_a_self_extracting_zip_is_read(tmp_path: Path):
    """A program in front of the archive does no harm."""
    path = write_zip(tmp_path / "photos.exe", FILES)
    path.write_bytes(b"MZ" + bytes(5000) + path.read_bytes())
    assert contents(path) == FILES


def test_a_zip_with_wide_numbers_is_read(tmp_path: Path):
    """Sizes of 64 bits, as streaming programs write them for small files too, are understood."""
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("cats/1.jpg", "w", force_zip64=True) as member:
        member.write(b"cat")
    assert contents(path) == {"cats/1.jpg": b"cat"}


def test_long_names_in_a_tar_are_read(tmp_path: Path):
    """Both ways to write names of more than 100 letters, and letters outside ASCII, are understood."""
    name = "Kohlmeisen und Blaumeisen/" * 12 + "Vögel 🐦.jpg"
    for number, layout in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        path = tmp_path / f"{number}.tar"
        with tarfile.open(path, "w", format=layout) as archive:
            add_to_tar(archive, name, b"bird")
            add_to_tar(archive, "short.jpg", b"next")
        assert contents(path) == {name: b"bird", "short.jpg": b"next"}


@pytest.mark.parametrize(
    "name",
    ["Vögel/Blaumeise.jpg", "🐦/🐱.jpg", "ציפורים/שלום.jpg", "a  b/c d.jpg", "x" * 300 + "/1.jpg"],
    ids=["umlauts", "emoji", "right to left", "spaces", "300 letters"],
)
def test_names_of_all_languages_arrive_unharmed(tmp_path: Path, name: str):
    """Both formats keep what the person called it."""
    assert contents(write_zip(tmp_path / "a.zip", {name: b"x"})) == {name: b"x"}
    assert contents(write_tar(tmp_path / "a.tar", {name: b"x"})) == {name: b"x"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Vögel".encode(), "Vögel"), ("Vögel".encode("cp437"), "Vögel")],
    ids=["UTF-8 without saying so", "old PC letters"],
)
def test_names_without_a_declared_character_set_are_guessed(tmp_path: Path, raw: bytes, expected: str):
    """Where the zip does not say UTF-8, UTF-8 is tried first and the old PC character set is the last resort."""
    path = write_zip(tmp_path / "a.zip", {"x" * len(raw): b"bird"})
    replace_bytes(path, b"x" * len(raw), raw)
    assert contents(path) == {expected: b"bird"}


def test_a_tar_name_that_is_no_utf8_can_be_stored(tmp_path: Path):
    """Bytes of an old character set become letters, never the surrogates that no database takes."""
    path = write_tar(tmp_path / "a.tar", {})
    with tarfile.open(path, "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        add_to_tar(archive, "Vögel.jpg", b"bird")
    assert contents(path) == {"Vögel.jpg": b"bird"}


def test_the_same_name_twice_gives_both_files(tmp_path: Path):
    """Nothing that was packed is lost because two files share a name."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/1.jpg", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("cats/1.jpg", b"two")
    assert read(path) == [("cats/1.jpg", b"one"), ("cats/1.jpg", b"two")]


@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_hidden_files_are_skipped_silently(tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path]):
    """Nobody is told about files that the operating system made; a folder named like one may hold photos."""
    junk = ["__MACOSX/cats/._1.jpg", "cats/.DS_Store", ".git/x.jpg", "cats/Thumbs.db", "desktop.ini", "cats/.x/1.jpg"]
    kept = {"Thumbs.db/1.jpg": b"photo", "cats/1.jpg": b"cat"}
    path = write(tmp_path / "a", {**dict.fromkeys(junk, b"junk"), **kept})
    assert list_paths(path) == list(kept)
    assert dict(read(path)) == kept


def test_folders_are_no_files(tmp_path: Path):
    """An entry for a folder is passed over, one named like a file of the operating system too."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("Thumbs.db")
        archive.mkdir("cats")
    assert read(path) == []
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add_to_tar(archive, "Thumbs.db", kind=tarfile.DIRTYPE)
    assert read(tmp_path / "a.tar") == []


@pytest.mark.parametrize("write", WRITERS, ids=WRITERS)
def test_an_empty_archive_holds_nothing(tmp_path: Path, write: str):
    """No files is no error of the archive."""
    path = tmp_path / "empty"
    if write.startswith("zip"):
        write_zip(path, {})
    else:
        write_tar(path, {}, "w:" + write.removeprefix("tar").removeprefix("."))
    assert list_paths(path) == []
    assert read(path) == []


# --- what is refused as a whole ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xd8\xff" + bytes(100), "no archive that can be read"),
        (b"<html>Not found</html>" * 100, "no archive that can be read"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(600), "is a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(600), "table of contents is damaged"),
        (gzip.compress(b"a,b,c\n" * 500), "holds no tar"),
        (lzma.compress(b"short"), "holds no tar"),
        (bz2.compress(os.urandom(2000))[:300], "holds no tar"),
        (b"\x1f\x8b garbage", "holds no tar"),
        (b"PK\3\4", "Nothing can be read"),
        (b"PK\3\4" + bytes(1000), "Nothing can be read"),
    ],
    ids=["empty", "photo", "web page", "RAR", "7-Zip", "gzip", "xz", "cut bz2", "no gzip", "4 bytes", "damaged zip"],
)
def test_what_is_no_archive_is_said(tmp_path: Path, data: bytes, message: str):
    """The message names the file and what to do."""
    path = tmp_path / "photos.zip"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=message) as caught:
        list_paths(path)
    assert "photos.zip" in str(caught.value)


def test_a_missing_file_is_a_storage_error(tmp_path: Path):
    """The disk is to blame, not the archive."""
    with pytest.raises(StorageError), open_archive(tmp_path / "gone.zip", "gone.zip", LIMITS):
        pass


def test_an_archive_above_the_limit_is_not_even_opened(tmp_path: Path):
    """Its size on disk counts first."""
    path = write_zip(tmp_path / "a.zip", FILES)
    with pytest.raises(ArchiveError, match="archives of at most"):
        list_paths(path, ArchiveLimits(max_bytes=10))


def test_a_million_claimed_entries_are_refused_from_the_last_bytes(tmp_path: Path):
    """A zip that says it holds a million files costs no memory, in the wide format too."""
    path = tmp_path / "many.zip"
    table_bytes = 46 * 1_000_000
    with path.open("wb") as file:
        file.write(b"PK\3\4")
        file.seek(table_bytes)  # a hole: nothing on disk
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1_000_000, 1_000_000, table_bytes, 0))
        file.write(struct.pack("<4sLQL", b"PK\6\7", 0, table_bytes, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="more than 200,000 files"):
        list_paths(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_entries_are_counted_whatever_the_end_of_the_zip_claims(tmp_path: Path):
    """A zip that claims one file and holds many is stopped at the limit."""
    path = write_zip(tmp_path / "a.zip", {f"{number}.jpg": b"" for number in range(50)})
    data = path.read_bytes()
    path.write_bytes(data[:-14] + struct.pack("<2H", 1, 1) + data[-10:])
    assert len(list_paths(path)) == 50
    with pytest.raises(ArchiveError, match="more than 20 files"):
        list_paths(path, ArchiveLimits(max_entries=20))


def test_entries_of_a_tar_are_counted(tmp_path: Path):
    """Folders and links count too: they cost time like files."""
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(50):
            add_to_tar(archive, f"d{number}", kind=tarfile.DIRTYPE)
    with pytest.raises(ArchiveError, match="more than 20 files"):
        list_paths(path, ArchiveLimits(max_entries=20))


def test_a_gigabyte_of_zeros_in_a_tar_is_an_attack(tmp_path: Path):
    """What comes out is counted while it comes out, even for a file that would be passed over."""
    path = tmp_path / "bomb.tar.gz"
    header = tarfile.TarInfo("zeros.jpg")
    header.size = 1_000_000_000
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        for piece in zeros(200_000_000):  # enough: the rest would never be asked for
            file.write(piece)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(ArchiveError, match="grows to more than 100 times its size"):
        list_paths(path)
    with pytest.raises(ArchiveError, match="grows to more than 100 times its size"):
        read(path)


def test_a_gigabyte_of_zeros_in_a_zip_is_refused_unread(tmp_path: Path):
    """A file that says it is too large is refused alone, without unpacking it, and the others are read."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("zeros.jpg", "w") as member:
            for piece in zeros(1_000_000_000):
                member.write(piece)
        archive.writestr("cats/1.jpg", b"cat")
    assert path.stat().st_size < 6_000_000
    assert "more than 50 MB" in refusals(path)["zeros.jpg"]
    assert contents(path) == {"cats/1.jpg": b"cat"}


def test_many_small_bombs_are_an_attack(tmp_path: Path):
    """Each file is small enough, all together are not: the ratio of the whole archive counts."""
    path = write_zip(tmp_path / "bomb.zip", {f"{number}.jpg": bytes(1_000_000) for number in range(12)})
    with pytest.raises(ArchiveError, match="refused as an attack"):
        read(path, ArchiveLimits(ratio_free_bytes=10_000_000))


def test_a_few_blank_scans_are_no_attack(tmp_path: Path):
    """The ratio does not count before the bytes could do harm."""
    path = write_zip(tmp_path / "scans.zip", {f"{number}.bmp": bytes(1_000_000) for number in range(12)})
    assert len(contents(path)) == 12


def test_the_bytes_that_come_out_are_bounded(tmp_path: Path):
    """However many honest files there are, in sum they stay below the limit."""
    path = write_zip(tmp_path / "a.zip", {f"{number}.jpg": bytes(300_000) for number in range(5)})
    with pytest.raises(ArchiveError, match="More than 1 MB come out"):
        read(path, ArchiveLimits(max_bytes=1_000_000))


def test_files_that_share_bytes_are_an_attack(tmp_path: Path):
    """A table of contents that names the same data many times, as in endless zips, is refused at once."""
    path = write_zip(tmp_path / "quine.zip", {"kernel.jpg": bytes(5_000_000)})
    data = path.read_bytes()
    start = data.index(b"PK\1\2")
    record = data[start : data.index(b"PK\5\6")]
    table = b"".join(record.replace(b"kernel", b"%06d" % number) for number in range(1000))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000, 1000, len(table), start, 0)
    path.write_bytes(data[:start] + table + end)
    with pytest.raises(ArchiveError, match="on top of each other"):
        list_paths(path)


def test_one_part_of_a_divided_zip_is_named_as_such(tmp_path: Path):
    """The person learns that parts are missing instead of reading about damage."""
    path = write_zip(tmp_path / "a.zip", FILES)
    data = path.read_bytes()
    path.write_bytes(data[:-18] + struct.pack("<2H", 3, 3) + data[-14:])
    with pytest.raises(ArchiveError, match="last of 4 pieces of a divided archive, and 1 came"):
        list_paths(path)


# --- what is refused file by file -------------------------------------------------------------------------

UNSAFE_PATHS = {
    "climbing out": ("../../etc/passwd", "leads out of the folder"),
    "climbing out in the middle": ("cats/../../x.jpg", "leads out of the folder"),
    "climbing out hidden": ("../.bashrc", "leads out of the folder"),
    "absolute": ("/etc/passwd", "is absolute"),
    "Windows drive": ("C:/Windows/x.jpg", "is absolute"),
    "Windows drive with backslashes": ("C:\\Windows\\x.jpg", "is absolute"),
    "Windows server": ("\\\\server\\share\\x.jpg", "is absolute"),
    "climbing out with backslashes": ("cats\\..\\..\\x.jpg", "leads out of the folder"),
    "endless": ("d/" * 5000 + "x.jpg", "characters; at most"),
}


@pytest.mark.parametrize(("name", "reason"), UNSAFE_PATHS.values(), ids=UNSAFE_PATHS)
@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_unsafe_paths_are_refused_with_their_reason(tmp_path: Path, write: Callable, name: str, reason: str):
    """Such a file never reaches a listing; the others in the archive are read."""
    path = write(tmp_path / "a", {name: b"x", **FILES})
    assert list_paths(path) == list(FILES)
    assert contents(path) == FILES
    (told,) = refusals(path).values()
    assert reason in told


def test_backslashes_part_folders(tmp_path: Path):
    """Archives that some Windows programs write have their folders recognised."""
    path = write_tar(tmp_path / "a.tar", {"train\\cats\\1.jpg": b"cat", ".\\dogs\\\\2.jpg": b"dog"})
    assert contents(path) == {"train/cats/1.jpg": b"cat", "dogs/2.jpg": b"dog"}


def test_links_and_devices_are_refused(tmp_path: Path):
    """Nothing that points elsewhere, or is not a file at all, is followed or opened."""
    path = tmp_path / "a.tar"
    kinds = {
        "symlink.jpg": (tarfile.SYMTYPE, "is a link"),
        "hardlink.jpg": (tarfile.LNKTYPE, "is a link"),
        "device.jpg": (tarfile.CHRTYPE, "is a device"),
        "disk.jpg": (tarfile.BLKTYPE, "is a device"),
        "pipe.jpg": (tarfile.FIFOTYPE, "is a device"),
        "strange.jpg": (b"Z", "is a device"),
    }
    with tarfile.open(path, "w") as archive:
        for name, (kind, _) in kinds.items():
            add_to_tar(archive, name, kind=kind)
        add_to_tar(archive, "cats/1.jpg", b"cat")
    assert list_paths(path) == ["cats/1.jpg"]
    assert contents(path) == {"cats/1.jpg": b"cat"}
    told = refusals(path)
    assert set(told) == set(kinds)
    assert all(reason in told[name] for name, (_, reason) in kinds.items())


def test_a_link_in_a_zip_is_refused(tmp_path: Path):
    """Zips from Unix can hold links too."""
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.jpg")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refusals(path)["link.jpg"]


def test_a_sparse_file_in_a_tar_is_refused_and_the_next_is_read(tmp_path: Path):
    """Its map of holes is passed over block by block."""
    sparse = tarfile.TarInfo("sparse.jpg")
    sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, 700
    block = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    rest = write_tar(tmp_path / "rest.tar", {"cats/1.jpg": b"cat"}).read_bytes()
    more = bytearray(512)
    more[504] = 1
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(block) + bytes(more) + bytes(512) + bytes(1024) + rest)
    assert read(path)[1:] == [("cats/1.jpg", b"cat")]
    assert "sparse" in refusals(path)["sparse.jpg"]


def test_an_encrypted_file_is_refused_and_the_rest_is_read(tmp_path: Path):
    """The reason speaks of the password."""
    path = write_zip(tmp_path / "a.zip", FILES, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    local, central = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    data[local + 6] |= 1
    data[central + 8] |= 1
    path.write_bytes(bytes(data))
    assert "locked with a password" in refusals(path)["cats/1.jpg"]
    assert list(contents(path)) == ["cats/2.jpg", "dogs/1.jpg"]
    # Even when only the header beside the data says so.
    data[central + 8] &= 0xFE
    path.write_bytes(bytes(data))
    assert "locked with a password" in refusals(path)["cats/1.jpg"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_wrong_checksum_is_damage(tmp_path: Path, method: int):
    """One broken file is named; it does not stop the others."""
    path = write_zip(tmp_path / "a.zip", {"bad.jpg": os.urandom(800), **FILES}, method)
    data = bytearray(path.read_bytes())
    data[30 + len("bad.jpg") + 400] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "damaged" in refusals(path)["bad.jpg"]
    assert contents(path) == FILES


def test_an_unknown_packing_method_is_named(tmp_path: Path):
    """A zip made with a rare method says what to do instead."""
    path = write_zip(tmp_path / "a.zip", FILES, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\1\2")
    while place >= 0:
        data[place + 10] = 98  # PPMd
        place = data.find(b"PK\1\2", place + 1)
    path.write_bytes(bytes(data))
    assert {"method 98" in reason for reason in refusals(path).values()} == {True}


@pytest.mark.parametrize("claimed", [10, 10_000_000], ids=["fewer", "more"])
def test_a_header_that_lies_about_the_size_is_found_out(tmp_path: Path, claimed: int):
    """Reading stops at the claimed size; a file that ends before it is damaged."""
    path = write_zip(tmp_path / "a.zip", {"liar.jpg": bytes(5_000_000)})
    replace_bytes(path, struct.pack("<L", 5_000_000), struct.pack("<L", claimed))
    told = refusals(path)["liar.jpg"]
    assert ("larger than the archive says" if claimed < 5_000_000 else "damaged") in told


def test_a_file_above_the_limit_is_refused_alone(tmp_path: Path):
    """The largest photo that is allowed still passes."""
    limits = ArchiveLimits(max_photo_bytes=1_000_000)
    files = {"large.jpg": bytes(1_000_001), "fits.jpg": bytes(1_000_000)}
    for path in (write_zip(tmp_path / "a.zip", files), write_tar(tmp_path / "a.tar", files)):
        assert list_paths(path, limits) == ["fits.jpg"]
        assert list(contents(path, limits)) == ["fits.jpg"]
        assert "more than 1 MB" in refusals(path, limits)["large.jpg"]


def test_an_office_document_is_left_to_who_reads_photos(tmp_path: Path):
    """It is a zip by construction, but the person put in a document."""
    document = write_zip(tmp_path / "text.docx", {"[Content_Types].xml": b"<xml/>"}).read_bytes()
    assert contents(write_zip(tmp_path / "a.zip", {"text.docx": document})) == {"text.docx": document}


# --- archives that were cut off ---------------------------------------------------------------------------

RANDOM = {f"cats/{number}.jpg": os.urandom(20_000) for number in range(10)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_of_a_truncated_zip_the_beginning_is_read_and_the_loss_reported(tmp_path: Path, method: int):
    """The table of contents is gone; files before the cut are found from the front."""
    path = write_zip(tmp_path / "cut.zip", RANDOM, method)
    path.write_bytes(path.read_bytes()[:100_000])
    items = read(path)
    assert dict(items[:4]) == dict(list(RANDOM.items())[:4])
    assert items[4][0] == "cats/4.jpg"
    assert "incomplete" in items[4][1]
    assert items[5][0] == "cut.zip"
    assert CUT_OFF in items[5][1]
    assert len(items) == 6
    assert list_paths(path) == [f"cats/{number}.jpg" for number in range(5)]


def test_a_zip_cut_in_its_table_of_contents_loses_nothing(tmp_path: Path):
    """All data was there, so every file is read."""
    path = write_zip(tmp_path / "cut.zip", RANDOM)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"PK\1\2") + 100])
    assert dict(read(path)) == RANDOM


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_of_a_truncated_tar_the_beginning_is_read_and_the_loss_reported(tmp_path: Path, mode: str):
    """Whatever the compression, complete files arrive and the last item tells what is missing."""
    path = write_tar(tmp_path / "cut.tar", {name: data * 20 for name, data in RANDOM.items()}, mode)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    items = read(path)
    assert items[-1][0] == "cut.tar"
    assert CUT_OFF in items[-1][1]
    complete = [(name, content) for name, content in items[:-1] if isinstance(content, bytes)]
    assert all(content == RANDOM[name] * 20 for name, content in complete)
    assert len(complete) >= (1 if mode == "w:bz2" else 4)
    assert list_paths(path) == [name for name, _ in items[:-1]]


def test_damage_in_the_middle_of_a_compressed_tar_is_reported(tmp_path: Path):
    """A checksum that is wrong at the very end is no secret either."""
    path = write_tar(tmp_path / "a.tar.gz", FILES, "w:gz")
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(bytes(data))
    items = read(path)
    assert dict(items[:-1]) == FILES
    assert "damaged there" in items[-1][1]


def test_a_truncated_archive_without_one_whole_header_is_refused(tmp_path: Path):
    """Nothing can be listed, so there is nothing to report file by file."""
    path = write_tar(tmp_path / "a.tar", FILES)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ArchiveError, match="no archive that can be read"):
        list_paths(path)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE], ids=["GNU", "pax"])
def test_a_name_of_gigabytes_in_a_tar_is_damage(tmp_path: Path, kind: bytes):
    """A header that claims an endless name is not read into memory."""
    path = tmp_path / "a.tar"
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 5_000_000_000
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(100_000))
    with pytest.raises(ArchiveError, match="damaged there"):
        list_paths(path)


# --- memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "zip, bzip2", "tar.gz"])
def test_one_file_at_a_time_is_in_memory(tmp_path: Path, kind: str):
    """Reading twenty files of 5 MB takes the memory of one, growth of its buffer included."""
    files = {f"{number}.jpg": bytes(5_000_000) for number in range(20)}
    if kind == "tar.gz":
        path = write_tar(tmp_path / "a", files, "w:gz")
    else:
        path = write_zip(tmp_path / "a", files, zipfile.ZIP_BZIP2 if "bzip2" in kind else zipfile.ZIP_DEFLATED)
    del files
    with open_archive(path, "a", ArchiveLimits(ratio_free_bytes=200_000_000)) as archive:
        tracemalloc.start()
        num_bytes = 0
        for item in archive.read_all():
            num_bytes += len(item[1])
            del item
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert num_bytes == 100_000_000
    assert peak < 8_000_000


def test_limits_are_checked():
    """A limit below one would refuse everything."""
    with pytest.raises(ConfigError, match="max_entries is 0"):
        ArchiveLimits(max_entries=0)
    with pytest.raises(ConfigError, match="must not be negative"):
        ArchiveLimits(ratio_free_bytes=-1)
