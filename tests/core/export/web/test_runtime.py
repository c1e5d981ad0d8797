"""Finding and fetching what runs models in browsers."""

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import WebRuntimeError
from core.export.web import runtime
from core.export.web.runtime import RUNTIME_FILES, find_runtime, runtime_folder
from core.links.published import PublishedFile
from core.settings import Settings
from tests.file_server import FileServer

CONTENTS = {file.name: f"content of {file.name}".encode() * 1000 for file in RUNTIME_FILES}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> tuple[PublishedFile, ...]:
    """Small files in place of the published ones, which are nobody's to commit."""
    files = tuple(
        replace(file, hash=f"sha256:{hashlib.sha256(CONTENTS[file.name]).hexdigest()}") for file in RUNTIME_FILES
    )
    monkeypatch.setattr(runtime, "RUNTIME_FILES", files)
    return files


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    with FileServer(folder) as running:
        yield running


def put_files(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)


def closed_url() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("place", [".", "wasm", "package/wasm"])
def test_the_folder_of_the_setting_comes_first(settings: Settings, tmp_path: Path, place: str) -> None:
    """The files may lie there by themselves or as the published package is unpacked; nothing is fetched."""
    put_files(tmp_path / "mine" / place)
    found = find_runtime(replace(settings, web_runtime_dir=tmp_path / "mine", weights_mirror_url=closed_url()))
    assert [found.script.encode(), found.program] == list(CONTENTS.values())


@pytest.mark.usefixtures("published")
def test_files_are_fetched_once_and_kept(settings: Settings, server: FileServer) -> None:
    """Into the cache, with progress; the next page needs no network."""
    for name, content in CONTENTS.items():
        (server.folder / name).write_bytes(content)
    messages: list[str] = []
    settings = replace(settings, weights_mirror_url=server.url)
    for _ in range(2):
        found = find_runtime(settings, report=lambda _, message: messages.append(message))
        assert found.program == CONTENTS[RUNTIME_FILES[1].name]
    assert len(server.paths) == len(messages) == 2
    assert all("LiteRT for web pages" in message for message in messages)


def test_without_a_network_the_error_names_file_size_address_and_folder(settings: Settings) -> None:
    """It tells the person what to get, from where, and where to put it."""
    with pytest.raises(WebRuntimeError) as caught:
        find_runtime(replace(settings, weights_mirror_url=closed_url()))
    file = RUNTIME_FILES[0]
    for part in (file.name, "0.3 MB", file.url, str(runtime_folder(settings))):
        assert part in str(caught.value)


@pytest.mark.usefixtures("published")
def test_what_arrives_otherwise_than_published_is_thrown_away(settings: Settings, server: FileServer) -> None:
    """A login page of a hotel network never becomes part of a page."""
    for name in CONTENTS:
        (server.folder / name).write_bytes(b"<html>please log in</html>")
    with pytest.raises(WebRuntimeError, match="was thrown away"):
        find_runtime(replace(settings, weights_mirror_url=server.url))
    assert list(runtime_folder(settings).iterdir()) == []


@pytest.mark.usefixtures("published")
def test_a_damaged_file_is_named_and_left_as_it_is(settings: Settings, tmp_path: Path) -> None:
    """Its hash is compared whenever a page is made: a page goes to people who trust it."""
    put_files(tmp_path / "mine")
    path = tmp_path / "mine" / RUNTIME_FILES[1].name
    path.write_bytes(b"damaged")
    with pytest.raises(WebRuntimeError, match="published hash") as caught:
        find_runtime(replace(settings, web_runtime_dir=tmp_path / "mine"))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"damaged"
