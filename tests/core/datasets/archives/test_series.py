"""Which archives are one, told from their names; and joined bytes are read as one file."""

import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.datasets.archives.series import (
    ArchiveGroup,
    JoinedFile,
    archive_folder,
    archive_stem,
    group_archives,
    is_archive_name,
    is_piece_name,
)
from core.errors import ArchiveError
from tests.core.datasets.archives.archive_samples import FILES, write_tar, write_zip


def names_of(group: ArchiveGroup, names: list[str]) -> list[str]:
    return [names[place] for place in group.members]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("St. Bernard-samples.zip", "St. Bernard-samples"),
        ("photos.TAR.GZ", "photos"),
        ("a.b.c.tgz", "a.b.c"),
        ("a.tbz2", "a"),
        ("photos.7z", "photos"),
        ("project.tm", "project"),
        ("St. Poodle", "St. Poodle"),
        (".zip", ".zip"),
        (".. .zip", ".. .zip"),
        ("...zip", "...zip"),
        ("v1.2", "v1.2"),
    ],
)
def test_only_the_ending_of_an_archive_is_taken_off(name: str, stem: str):
    """Dots inside a name belong to it."""
    assert archive_stem(name) == stem
    assert archive_folder(name) == stem


DIVIDED = {
    "zip.001": (["a.zip.002", "a.zip.001", "a.zip.003"], ["a.zip.001", "a.zip.002", "a.zip.003"], "a.zip"),
    "zip.000": (["a.zip.001", "a.zip.000"], ["a.zip.000", "a.zip.001"], "a.zip"),
    "7z.001": (["a b.7z.002", "a b.7z.001"], ["a b.7z.001", "a b.7z.002"], "a b.7z"),
    "partaa": (["d.tar.gz.partab", "d.tar.gz.partaa"], ["d.tar.gz.partaa", "d.tar.gz.partab"], "d.tar.gz"),
    "aa": (["d.tar.ab", "d.tar.aa"], ["d.tar.aa", "d.tar.ab"], "d.tar"),
    "part1": (["d.tgz.part2", "d.tgz.part1"], ["d.tgz.part1", "d.tgz.part2"], "d.tgz"),
    "part10": ([f"d.zip.part{n}" for n in range(10, 0, -1)], [f"d.zip.part{n}" for n in range(1, 11)], "d.zip"),
    "z01": (["p.zip", "p.z02", "p.z01"], ["p.z01", "p.z02", "p.zip"], "p.zip"),
    "Z01": (["P.ZIP", "P.Z01"], ["P.Z01", "P.ZIP"], "P.zip"),
}


@pytest.mark.parametrize(("names", "expected", "whole"), DIVIDED.values(), ids=DIVIDED)
def test_pieces_of_a_divided_archive_are_put_in_order(names: list[str], expected: list[str], whole: str):
    """Whatever the order in which they came."""
    (group,) = group_archives(names)
    assert (group.is_divided, group.name, group.missing) == (True, whole, ())
    assert names_of(group, names) == expected
    assert all(is_archive_name(name) for name in names)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["a.zip.001", "a.zip.003"], ("piece 002",)),
        (["a.zip.002", "a.zip.003"], ("piece 001",)),
        (["p.z01"], ("p.zip",)),
        (["p.z02", "p.zip"], ("p.z01",)),
        (["d.tar.partaa", "d.tar.partac"], ("piece ab",)),
    ],
    ids=["middle", "first", "alone", "first z", "letters"],
)
def test_a_missing_piece_is_named(names: list[str], missing: tuple[str, ...]):
    """As far as the numbers tell."""
    (group,) = group_archives(names)
    assert (group.is_divided, group.missing) == (True, missing)


SERIES = {
    "Drive": (["Insects-20240501T101010Z-001.zip", "Insects-20240501T101010Z-002.zip"], "Insects", ()),
    "Drive, newer": ([f"My pets-20240501T101010Z-1-00{n}.zip" for n in (2, 1)], "My pets", ()),
    "Takeout": ([f"takeout-20240501T101010Z-00{n}.tgz" for n in (1, 2, 3)], "takeout", ()),
    "one is missing": ([f"a-20240501T101010Z-00{n}.zip" for n in (1, 3)], "a", ("part 002",)),
    "the second alone": (["a-20240501T101010Z-002.zip"], "a", ("part 001",)),
    "downloaded twice": (
        ["a-20240501T101010Z-001.zip", "a-20240501T101010Z-001 (1).zip", "a-20240501T101010Z-002.zip"],
        "a",
        (),
    ),
    "shards": (["shard-000000.tar", "shard-000001.tar"], "shard", ()),
    "worded": (["photos part 1.zip", "photos part 2.zip"], "photos", ()),
    "worded alone": (["part1.zip", "part2.zip", "part3.zip"], "photos", ()),
}


@pytest.mark.parametrize(("names", "name", "missing"), SERIES.values(), ids=SERIES)
def test_parts_of_a_series_are_one(names: list[str], name: str, missing: tuple[str, ...]):
    """Each is an archive by itself, all are of one folder."""
    (group,) = group_archives(names)
    assert (group.is_series, group.name, group.missing) == (True, name, missing)
    assert sorted(names_of(group, names)) == sorted(names)


@pytest.mark.parametrize(
    "names",
    [
        ["cats.zip", "dogs.zip"],
        ["Class 1-samples.zip", "Class 2-samples.zip"],
        ["birds-2023.zip", "birds-2024.zip"],
        ["n01440764.tar", "n01443537.tar"],
        ["a-1.zip", "a-2.zip"],
        ["x.tar.gz", "x.tar.xz", "x.zip"],
        ["Insects-20240501T101010Z-001.zip", "Birds-20240501T101010Z-001.zip"],
    ],
    ids=["classes", "numbered classes", "years", "ImageNet", "short numbers", "three kinds", "two downloads"],
)
def test_other_archives_stand_for_themselves(names: list[str]):
    """Names that are alike do not make them one."""
    groups = group_archives(names)
    assert [names_of(group, names) for group in groups] == [[name] for name in names]
    assert not any(group.is_divided for group in groups)


def test_all_volumes_of_a_rar_are_one_refusal():
    """No RAR is read; one sentence is enough."""
    for names in (["a.part1.rar", "a.part2.rar"], ["a.r00", "a.r01", "a.rar"]):
        (group,) = group_archives(names)
        assert len(group.members) == len(names)
        assert not group.is_divided


@pytest.mark.parametrize("name", ["a-20240501T101010Z-{}.zip", "a part 1 of {}.zip", "a.zip.{}"])
def test_a_name_may_claim_any_number(name: str):
    """The first missing ones are told, and no list of all of them is made."""
    (group,) = group_archives([name.format("9" * 15)])
    assert len(group.missing) in (0, 5)


@pytest.mark.parametrize("seed", range(20))
def test_every_archive_is_in_one_group(seed: int):
    """Whatever names come, none is lost and none is read twice."""
    chance = random.Random(seed)
    endings = [".zip", ".z01", ".z02", ".zip.001", ".zip.002", "-001.zip", "-002.zip", ".part1.rar", ".r00", ".7z.001"]
    endings += ["-20240501T101010Z-001.zip", "-20240501T101010Z-003.zip", ".tar.gz.partaa", ".tar.aa", ".jpg", "", "."]
    names = [chance.choice("ab") + chance.choice(endings) for _ in range(chance.randint(0, 30))]
    groups = group_archives(names)
    assert sorted(place for group in groups for place in group.members) == list(range(len(names)))


def test_pieces_are_told_from_whole_archives():
    """A piece is of no use by itself."""
    assert [name for name in ("a.zip", "a.zip.001", "a.z01", "a.rar", "a.r00", "a.jpg") if is_piece_name(name)] == [
        "a.zip.001",
        "a.z01",
        "a.r00",
    ]


# --- joined bytes -----------------------------------------------------------------------------------------


def cut(path: Path, num_pieces: int) -> list[Path]:
    """Divide a file into pieces of nearly the same size."""
    data = path.read_bytes()
    size = -(-len(data) // num_pieces)
    pieces = [path.with_name(f"{path.name}.{number:03d}") for number in range(1, num_pieces + 1)]
    for number, piece in enumerate(pieces):
        piece.write_bytes(data[number * size : (number + 1) * size])
    path.unlink()
    return pieces


def read_joined(pieces: list[Path], name: str = "a") -> dict[str, bytes | str]:
    with open_archive(pieces, name, ArchiveLimits()) as archive:
        return {entry.path: data for entry, data in archive.read_all()}


@pytest.mark.parametrize("num_pieces", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_the_pieces_of_an_archive_are_read_as_one(tmp_path: Path, kind: str, num_pieces: int):
    """Whatever the format, and wherever the cuts go through."""
    path = tmp_path / "a"
    whole = write_zip(path, FILES) if kind == "zip" else write_tar(path, FILES, "w:" + kind[4:])
    assert read_joined(cut(whole, num_pieces)) == FILES


def split_zip(folder: Path, files: dict[str, bytes], sizes: list[int]) -> list[Path]:
    """A zip in z01, z02, ..., zip as APPNOTE has it: offsets count from the piece that holds them."""
    target = io.BytesIO()
    target.write(b"PK\x07\x08")
    with zipfile.ZipFile(target, "a") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    data = bytearray(target.getvalue())
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)

    def volume_of(place: int) -> int:
        return max(number for number, start in enumerate(starts) if start <= place)

    end = data.rindex(b"PK\5\6")
    table_bytes, table = struct.unpack_from("<2L", data, end + 12)
    table = end - table_bytes
    place = table
    shift = data.index(b"PK\3\4") - struct.unpack_from("<L", data, table + 42)[0]
    while place < end:
        name_length, extra_length, comment_length = struct.unpack_from("<3H", data, place + 28)
        offset = struct.unpack_from("<L", data, place + 42)[0] + shift
        struct.pack_into("<H", data, place + 34, volume_of(offset))
        struct.pack_into("<L", data, place + 42, offset - starts[volume_of(offset)])
        place += 46 + name_length + extra_length + comment_length
    struct.pack_into("<2H", data, end + 4, len(starts) - 1, volume_of(table))
    struct.pack_into("<L", data, end + 16, table - starts[volume_of(table)])
    names = [f"a.z{number:02d}" for number in range(1, len(starts))] + ["a.zip"]
    for name, start, stop in zip(names, starts, [*starts[1:], len(data)], strict=True):
        (folder / name).write_bytes(data[start:stop])
    return [folder / name for name in names]


@pytest.mark.parametrize("sizes", [[60], [100, 150], [4, 5, 6], [300]], ids=["two", "three", "tiny", "late"])
def test_a_split_zip_is_read_from_all_its_pieces(tmp_path: Path, sizes: list[int]):
    """Offsets that count from each piece find their place."""
    assert read_joined(split_zip(tmp_path, FILES, sizes)) == FILES


def test_the_last_piece_of_a_split_zip_alone_says_what_is_missing(tmp_path: Path):
    """It looks like an ordinary zip to whoever downloaded it."""
    *_, last = split_zip(tmp_path, FILES, [100, 150])
    with pytest.raises(ArchiveError, match=r"Add all of them at once: a\.z01, a\.z02 and a\.zip"):
        read_joined([last], "a.zip")


def test_joined_bytes_are_read_and_sought_like_one_file(tmp_path: Path):
    """At random, an empty piece included."""
    chance = random.Random(0)
    pieces = [chance.randbytes(size) for size in (10, 0, 1, 500, 30)]
    paths = [tmp_path / str(number) for number in range(len(pieces))]
    for path, data in zip(paths, pieces, strict=True):
        path.write_bytes(data)
    whole = io.BytesIO(b"".join(pieces))
    with io.BufferedReader(JoinedFile(paths), 16) as joined:
        for _ in range(200):
            place, size = chance.randint(0, 600), chance.randint(0, 100)
            assert joined.seek(place) == whole.seek(place)
            assert joined.read(size) == whole.read(size)
