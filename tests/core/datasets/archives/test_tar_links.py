"""A photo that a tar holds under two names is read under both; a link that leads nowhere is refused."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from core.datasets.archives.rules import ArchiveLimits
from core.errors import ArchiveError
from tests.core.datasets.archives.archive_samples import contents, list_paths, read, refusals

MODES = ["w", "w:gz", "w:bz2", "w:xz"]


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", *, link: str = "", is_symbolic: bool = False) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    if link:
        header.type, header.linkname = tarfile.SYMTYPE if is_symbolic else tarfile.LNKTYPE, link
    archive.addfile(header, io.BytesIO(data))


@pytest.mark.parametrize("mode", MODES)
def test_a_hard_link_gives_the_photo_under_both_names(tmp_path: Path, mode: str):
    """As GNU tar packs a folder in which two names are one file."""
    folder = tmp_path / "photos"
    (folder / "train").mkdir(parents=True)
    (folder / "all").mkdir()
    for number in range(5):
        (folder / "all" / f"{number}.jpg").write_bytes(bytes([number]) * 3_000)
        os.link(folder / "all" / f"{number}.jpg", folder / "train" / f"{number}.jpg")
    path = tmp_path / "a.tar"
    with tarfile.open(path, mode) as archive:
        archive.add(folder, ".")
    expected = {f"{kind}/{n}.jpg": bytes([n]) * 3_000 for kind in ("all", "train") for n in range(5)}
    assert sorted(list_paths(path)) == sorted(expected)
    assert contents(path) == expected
    assert refusals(path) == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["GNU", "pax"])
def test_links_with_long_names_and_several_to_one_photo(tmp_path: Path, mode: str, layout: int):
    """In whatever order they come, and symbolic ones to a photo that comes later."""
    deep = "Kohlmeisen und Blaumeisen/" * 8
    path = tmp_path / "a.tar"
    with tarfile.open(path, mode, format=layout) as archive:
        add(archive, f"{deep}early.jpg", link="late.jpg", is_symbolic=True)
        add(archive, f"{deep}first.jpg", b"first")
        add(archive, f"{deep}late.jpg", b"late")
        add(archive, f"{deep}one.jpg", link=f"{deep}late.jpg")
        add(archive, "two.jpg", link=f"./{deep}first.jpg")
        add(archive, "three.jpg", link="two.jpg", is_symbolic=True)
        add(archive, "sub/four.jpg", link=f"../{deep}late.jpg", is_symbolic=True)
    assert contents(path) == {
        f"{deep}first.jpg": b"first",
        f"{deep}late.jpg": b"late",
        f"{deep}early.jpg": b"late",
        f"{deep}one.jpg": b"late",
        "two.jpg": b"first",
        "three.jpg": b"first",
        "sub/four.jpg": b"late",
    }


def test_a_hard_link_means_the_file_that_bore_the_name_before(tmp_path: Path):
    """A name that comes twice is two files."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "a.jpg", b"old")
        add(archive, "link.jpg", link="a.jpg")
        add(archive, "a.jpg", b"new")
    assert read(path) == [("a.jpg", b"old"), ("a.jpg", b"new"), ("link.jpg", b"old")]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "gone.jpg", "self.jpg", "folder", ""])
@pytest.mark.parametrize("is_symbolic", [False, True], ids=["hard", "symbolic"])
def test_a_link_that_leads_to_no_file_of_the_archive_is_refused(tmp_path: Path, target: str, is_symbolic: bool):
    """Nothing outside is ever opened, and links in a circle end."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        add(archive, "self.jpg", link=target or "self.jpg", is_symbolic=is_symbolic)
        add(archive, "cat.jpg", b"cat")
    assert contents(path) == {"cat.jpg": b"cat"}
    assert "is a link" in refusals(path)["self.jpg"]


@pytest.mark.parametrize("mode", MODES)
def test_links_of_an_archive_that_was_cut_off_are_read(tmp_path: Path, mode: str):
    """As far as their photos were there, beside the sentence about the loss."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, mode) as archive:
        add(archive, "a.jpg", os.urandom(900))
        add(archive, "link.jpg", link="a.jpg")
        for number in range(40):
            add(archive, f"{number}.jpg", os.urandom(40_000))
    path.write_bytes(path.read_bytes()[:1_200_000])
    items = read(path)
    assert dict(items)["a.jpg"] == dict(items)["link.jpg"]
    assert "Only its first" in items[-1][1]


def test_many_links_to_one_photo_are_counted_as_often(tmp_path: Path):
    """So that a small archive cannot grow without end."""
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "a.jpg", bytes(1_000_000))
        for number in range(12):
            add(archive, f"{number}.jpg", link="a.jpg")
    assert len(contents(path)) == 13
    with pytest.raises(ArchiveError, match="refused as an attack"):
        read(path, ArchiveLimits(ratio_free_bytes=10_000_000))
