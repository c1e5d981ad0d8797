"""Files published at a fixed address; tests/core/backbones/test_weights.py has servers that misbehave."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import LinkChangedError, LinkFailedError
from core.links.published import PublishedFile, fetch_published
from core.settings import Settings
from tests.file_server import FileServer

CONTENT = b"published" * 1000


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file.bin").write_bytes(CONTENT)
    with FileServer(folder) as running:
        yield running


@pytest.fixture
def file(publisher: FileServer) -> PublishedFile:
    return PublishedFile(
        title="A file",
        name="file.bin",
        url=f"{publisher.url}/file.bin",
        num_bytes=len(CONTENT),
        hash=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
    )


def fetch(file: PublishedFile, target: Path, settings: Settings) -> None:
    fetch_published(file, target, settings, report=lambda *_: None, check_cancelled=lambda: None)


def test_the_published_address_is_asked(file: PublishedFile, settings: Settings, tmp_path: Path) -> None:
    """Where no mirror is set; the file arrives whole."""
    fetch(file, tmp_path / "kept" / "file.bin", settings)
    assert (tmp_path / "kept" / "file.bin").read_bytes() == CONTENT


def test_a_mirror_is_asked_in_place_of_it(
    file: PublishedFile, publisher: FileServer, settings: Settings, tmp_path: Path
) -> None:
    """Under the file's usual name: rooms without internet have such a server."""
    mirrored = replace(file, url="http://127.0.0.1:9/elsewhere")
    fetch(mirrored, tmp_path / "file.bin", replace(settings, weights_mirror_url=f"{publisher.url}/mirror/"))
    assert publisher.paths == ["/mirror/file.bin"]


def test_another_file_than_published_is_told_from_a_failed_download(
    file: PublishedFile, settings: Settings, tmp_path: Path
) -> None:
    """The one is dangerous, the other only a pity; nothing is kept of either."""
    with pytest.raises(LinkChangedError, match="was thrown away"):
        fetch(replace(file, hash="sha256:" + "0" * 64), tmp_path / "kept" / "file.bin", settings)
    with pytest.raises(LinkFailedError, match="404") as caught:
        fetch(replace(file, url=f"{file.url}.gone"), tmp_path / "kept" / "file.bin", settings)
    assert not isinstance(caught.value, LinkChangedError)
    assert list((tmp_path / "kept").iterdir()) == []
