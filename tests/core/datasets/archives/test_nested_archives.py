"""Archives inside archives are opened one level, and no bomb hides in the second."""

import bz2
import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.datasets.incoming_paths import path_refusal
from core.errors import ArchiveError
from tests.core.datasets.archives.archive_samples import (
    FILES,
    contents,
    list_paths,
    read,
    refusals,
    write_tar,
    write_zip,
)

Write = Callable[[Path, Mapping[str, bytes]], Path]


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tar_of(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["in a zip", "in a tar"])
@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("train.zip", zip_of(FILES)),
        ("train.tar", tar_of(FILES)),
        ("train.tar.gz", tar_of(FILES, "w:gz")),
        ("train.tgz", tar_of(FILES, "w:gz")),
        ("train.tar.bz2", tar_of(FILES, "w:bz2")),
        ("train.txz", tar_of(FILES, "w:xz")),
    ],
    ids=["zip", "tar", "tar.gz", "tgz", "tar.bz2", "txz"],
)
def test_an_archive_inside_an_archive_is_a_folder(tmp_path: Path, write: Write, name: str, inner: bytes):
    """Its files stand in the place of the inner archive, in a folder of its name without the ending."""
    path = write(tmp_path / "outer", {"readme.txt": b"hello", f"a/{name}": inner, "z.jpg": b"last"})
    inside = {f"a/train/{inner_path}": data for inner_path, data in FILES.items()}
    expected = {"readme.txt": b"hello", **inside, "z.jpg": b"last"}
    assert list_paths(path) == list(expected)
    assert read(path) == list(expected.items())


def test_kaggles_zips_in_a_zip_give_their_folders(tmp_path: Path):
    """A folder of the same name inside stays as it was packed: which folder is a class is decided elsewhere."""
    inner = zip_of({"train/cat.0.jpg": b"cat", "train/dog.0.jpg": b"dog"})
    path = write_zip(tmp_path / "dogs-vs-cats.zip", {"train.zip": inner, "test1.zip": zip_of({"1.jpg": b"?"})})
    assert list_paths(path) == ["train/train/cat.0.jpg", "train/train/dog.0.jpg", "test1/1.jpg"]


def test_parts_of_one_download_inside_an_archive_share_their_folder(tmp_path: Path):
    """As they do when they are given by themselves."""
    name = "Insects-20240501T101010Z-{}.zip"
    files = {name.format("001"): zip_of({"ant/1.jpg": b"1"}), name.format("002"): zip_of({"ant/2.jpg": b"2"})}
    assert list_paths(write_zip(tmp_path / "a.zip", files)) == ["Insects/ant/1.jpg", "Insects/ant/2.jpg"]


def test_some_files_are_read_in_one_pass(tmp_path: Path):
    """Of the others nothing is said, refused ones included."""
    path = write_zip(tmp_path / "a.zip", {"in.zip": zip_of(FILES), "../evil.jpg": b"x", "labels.csv": b"a,b"})
    with open_archive(path, "a.zip", ArchiveLimits()) as archive:
        found = [(entry.path, data) for entry, data in archive.read_all({"labels.csv", "in/dogs/1.jpg"})]
    assert found == [("in/dogs/1.jpg", b"a dog"), ("labels.csv", b"a,b")]


def test_a_third_level_is_refused_with_a_sentence(tmp_path: Path):
    """The files beside it are read."""
    middle = zip_of({"deep.zip": zip_of(FILES), "1.jpg": b"one"})
    path = write_zip(tmp_path / "outer.zip", {"middle.zip": middle})
    assert contents(path) == {"middle/1.jpg": b"one"}
    assert "inside an archive inside an archive" in refusals(path)["middle/deep.zip"]


def test_an_archive_under_the_name_of_a_photo_is_named(tmp_path: Path):
    """It is not opened, as listing would have to unpack every photo to find it."""
    tar = tar_of(FILES)
    files = {"lib/inner.jpg": zip_of(FILES), "tar.jpg": tar, "gz.jpg": gzip.compress(tar), "rar.jpg": b"Rar!\x1a\x07\0"}
    path = write_zip(tmp_path / "outer.zip", files, zipfile.ZIP_STORED)
    told = refusals(path)
    assert list(told) == list(files)
    assert all("It is an archive, though its name does not say so" in reason for reason in told.values())


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (b"PK\3\4", "ends in the middle"),
        (b"", "is empty"),
        (b"no archive at all", "no archive that can be read"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(600), "is a RAR archive"),
        (gzip.compress(b"a,b\n1,2\n"), "holds no tar"),
        (bz2.compress(b"x" * 1000)[:20], "holds no tar"),
    ],
    ids=["damaged", "empty", "text", "RAR", "gzip", "cut"],
)
def test_an_inner_archive_that_cannot_be_read_is_one_refused_file(tmp_path: Path, inner: bytes, reason: str):
    """The others are read."""
    path = write_zip(tmp_path / "outer.zip", {"a/bad.zip": inner, **FILES})
    assert contents(path) == FILES
    assert reason in refusals(path)["a/bad.zip"]


def test_of_a_cut_inner_archive_the_beginning_is_read(tmp_path: Path):
    """And the loss is told with the inner archive's path."""
    inner = tar_of({f"{number}.jpg": bytes([number]) * 2_000 for number in range(10)})[:10_000]
    path = write_zip(tmp_path / "outer.zip", {"a/cut.tar": inner, "z.jpg": b"last"})
    items = dict(read(path))
    assert items["a/cut/0.jpg"] == bytes(2_000)
    assert "Only its first" in items["a/cut.tar"]
    assert items["z.jpg"] == b"last"


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/x.jpg", "C:\\x.jpg"])
def test_unsafe_paths_inside_an_inner_archive_are_refused(tmp_path: Path, name: str):
    """Also where the folder before them would make them harmless: nothing is guessed."""
    path = write_zip(tmp_path / "outer.zip", {"in.zip": zip_of({name: b"x", "1.jpg": b"one"})})
    assert contents(path) == {"in/1.jpg": b"one"}
    assert len(refusals(path)) == 1


@pytest.mark.parametrize("name", [".. .zip", "a/.. .zip", "..-20240501T101010Z-001.zip"])
def test_the_name_of_an_inner_archive_leads_nowhere(tmp_path: Path, name: str):
    """Two dots before its ending are no folder above."""
    path = write_zip(tmp_path / "outer.zip", {name: zip_of({"1.jpg": b"one"})})
    (found,) = list_paths(path)
    assert path_refusal(found) is None


def test_service_files_of_both_levels_are_counted(tmp_path: Path):
    """An archive in a service folder is not opened, and counts as one file."""
    inner = zip_of({"__MACOSX/._1.jpg": b"x", "Thumbs.db": b"x", "1.jpg": b"one"})
    path = write_zip(tmp_path / "outer.zip", {"in.zip": inner, "__MACOSX/in.zip": inner, ".DS_Store": b"x"})
    with open_archive(path, "outer.zip", ArchiveLimits()) as archive:
        assert [entry.path for entry in archive.entries()] == ["in/1.jpg"]
        assert archive.service_files == {"__MACOSX": 2, "Thumbs.db": 1, ".DS_Store": 1}


def test_a_bomb_in_the_second_level_is_an_attack(tmp_path: Path):
    """What comes out of inner archives counts against the bytes of the outer one."""
    inner = zip_of({f"{number}.jpg": bytes(1_000_000) for number in range(12)})
    path = write_zip(tmp_path / "bomb.zip", {"in.zip": inner})
    with pytest.raises(ArchiveError, match="refused as an attack"):
        read(path, ArchiveLimits(ratio_free_bytes=10_000_000))
    tar = write_zip(tmp_path / "tar.zip", {"in.tar.gz": tar_of({"0.jpg": bytes(12_000_000)}, "w:gz")})
    with pytest.raises(ArchiveError, match="refused as an attack"):
        list_paths(tar, ArchiveLimits(ratio_free_bytes=10_000_000))


def test_many_inner_archives_are_an_attack_together(tmp_path: Path):
    """Each is small enough; their own bytes are counted as they come out, though none is kept."""
    inner = zip_of({"1.bmp": bytes(1_000_000)}, zipfile.ZIP_STORED)
    path = write_zip(tmp_path / "bomb.zip", {f"{number}.zip": inner for number in range(12)})
    with pytest.raises(ArchiveError, match="refused as an attack"):
        list_paths(path, ArchiveLimits(ratio_free_bytes=10_000_000))


def test_an_honest_archive_that_is_packed_twice_may_have_the_full_size(tmp_path: Path):
    """Its bytes come out twice, and each time they stay below the limit."""
    path = write_zip(tmp_path / "a.zip", {"in.zip": zip_of({"1.jpg": bytes(800_000)}, zipfile.ZIP_STORED)})
    assert len(contents(path, ArchiveLimits(max_bytes=900_000))) == 1
    with pytest.raises(ArchiveError, match="come out of"):
        read(path, ArchiveLimits(max_bytes=700_000))


def test_files_of_both_levels_are_counted(tmp_path: Path):
    """Many small inner archives do not lead round the limit."""
    inner = zip_of({f"{number}.jpg": b"" for number in range(10)})
    path = write_zip(tmp_path / "a.zip", {f"{number}.zip": inner for number in range(5)})
    assert len(list_paths(path, ArchiveLimits(max_entries=55))) == 50
    with pytest.raises(ArchiveError, match="more than 54 files"):
        list_paths(path, ArchiveLimits(max_entries=54))


def test_a_large_inner_archive_is_not_held_in_memory(tmp_path: Path):
    """It goes to a file without a name, which is gone afterwards."""
    inner = zip_of({f"{number}.jpg": bytes(5_000_000) for number in range(8)}, zipfile.ZIP_STORED)
    path = write_zip(tmp_path / "a.zip", {"in.zip": inner}, zipfile.ZIP_STORED)
    del inner
    spool = tmp_path / "spool"
    with open_archive(path, "a.zip", ArchiveLimits(), spool_dir=spool) as archive:
        tracemalloc.start()
        num_bytes = 0
        for item in archive.read_all():
            num_bytes += len(item[1])
            del item
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert num_bytes == 40_000_000
    assert peak < 16_000_000
    assert list(spool.iterdir()) == []
