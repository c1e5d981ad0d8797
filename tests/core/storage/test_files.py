"""Files and folders appear whole or not at all; disk errors name folder and remedy."""

import os
from pathlib import Path

import pytest

from core.errors import NoSpaceError, StorageError
from core.storage.files import (
    ensure_free_space,
    publish_directory,
    remove_abandoned_drafts,
    translating_disk_errors,
    write_atomically,
    write_directory_atomically,
)

FULL_DEVICE = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL_DEVICE.exists(), reason="this system has no /dev/full")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_bytes_atomically(path: Path, content: bytes) -> None:
    with write_atomically(path) as temporary:
        temporary.write_bytes(content)


def test_file_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    """The final name exists only when the block has ended, and nothing else is left."""
    path = tmp_path / "new" / "model.keras"
    with write_atomically(path) as temporary:
        temporary.write_bytes(b"weights")
        assert not path.exists()
        assert temporary.suffix == ".keras"
    assert path.read_bytes() == b"weights"
    assert names_in(path.parent) == ["model.keras"]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """An error in the block leaves the old content and no temporary file."""
    path = tmp_path / "report.json"
    write_bytes_atomically(path, b"old")

    def fail_halfway() -> None:
        with write_atomically(path) as temporary:
            temporary.write_bytes(b"ne")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["report.json"]


def test_old_file_is_replaced(tmp_path: Path) -> None:
    """Writing to a name that exists replaces the content."""
    path = tmp_path / "report.json"
    write_bytes_atomically(path, b"old")
    write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@needs_full_device
def test_full_disk_while_writing(tmp_path: Path) -> None:
    """A real full device gives NoSpaceError with folder and remedy; the temporary file is gone."""
    path = tmp_path / "report.json"

    def write_to_full_device() -> None:
        with write_atomically(path) as temporary:
            temporary.symlink_to(FULL_DEVICE)
            temporary.write_bytes(b"x")

    with pytest.raises(NoSpaceError, match="BLUETIT_WORKSPACE_DIR or BLUETIT_CACHE_DIR") as caught:
        write_to_full_device()
    assert str(tmp_path) in str(caught.value)
    assert names_in(tmp_path) == []


@needs_full_device
def test_full_disk_in_any_block() -> None:
    """A full device inside translating_disk_errors gives NoSpaceError."""
    with pytest.raises(NoSpaceError, match="/dev is full"), translating_disk_errors(FULL_DEVICE):
        FULL_DEVICE.write_bytes(b"x")


def test_windows_full_disk() -> None:
    """Windows' own numbers for a full disk count, too."""

    def fail_like_windows() -> None:
        error = OSError(22, "The disk is full")
        error.winerror = 39  # type: ignore[attr-defined,unused-ignore]
        raise error

    with pytest.raises(NoSpaceError), translating_disk_errors(Path("/somewhere/file")):
        fail_like_windows()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(PermissionError(13, "Permission denied"), "may not write in", id="permission"),
        pytest.param(OSError(30, "Read-only file system"), "may not write in", id="read-only"),
        pytest.param(OSError(5, "Input/output error"), "Input/output error", id="broken disk"),
        pytest.param(OSError("no number"), "no number", id="no errno"),
    ],
)
def test_other_disk_errors(tmp_path: Path, error: OSError, words: str) -> None:
    """Every other OSError becomes a StorageError that names the folder and keeps the cause."""
    with pytest.raises(StorageError, match=words) as caught, translating_disk_errors(tmp_path / "file"):
        raise error
    assert str(tmp_path) in str(caught.value)
    assert not isinstance(caught.value, NoSpaceError)
    assert caught.value.__cause__ is error


def test_folder_below_a_file_is_a_storage_error(tmp_path: Path) -> None:
    """A path that runs through a file cannot be written, and says so."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        write_bytes_atomically(tmp_path / "file" / "inside", b"x")


def test_free_space(tmp_path: Path) -> None:
    """A byte fits, an exabyte does not; the folder need not exist yet."""
    folder = tmp_path / "not" / "there"
    ensure_free_space(folder, 1)
    with pytest.raises(NoSpaceError, match="Free some space") as caught:
        ensure_free_space(folder, 10**18)
    assert str(folder) in str(caught.value)


def test_directory_appears_whole(tmp_path: Path) -> None:
    """A folder has its final name only when it is complete."""
    final_dir = tmp_path / "artefact"
    with write_directory_atomically(final_dir) as temporary_dir:
        (temporary_dir / "sub").mkdir()
        (temporary_dir / "sub" / "model.tflite").write_bytes(b"model")
        assert not final_dir.exists()
    assert (final_dir / "sub" / "model.tflite").read_bytes() == b"model"
    assert names_in(tmp_path) == ["artefact"]


def test_failed_directory_leaves_nothing(tmp_path: Path) -> None:
    """An error in the block leaves neither the final nor the temporary folder."""

    def fail_halfway() -> None:
        with write_directory_atomically(tmp_path / "artefact") as temporary_dir:
            (temporary_dir / "half").write_bytes(b"x")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail_halfway()
    assert names_in(tmp_path) == []


def test_second_publisher_keeps_the_first(tmp_path: Path) -> None:
    """When the folder is there already it stays as it is, and the newcomer's is deleted."""
    for content in (b"theirs", b"ours"):
        draft = tmp_path / "draft"
        draft.mkdir()
        (draft / "model").write_bytes(content)
        publish_directory(draft, tmp_path / "artefact")
    assert (tmp_path / "artefact" / "model").read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["artefact"]


def test_directory_cannot_replace_a_file(tmp_path: Path) -> None:
    """A file under the final name is not taken for somebody else's folder."""
    draft = tmp_path / "draft"
    draft.mkdir()
    (tmp_path / "artefact").write_bytes(b"")
    with pytest.raises(StorageError):
        publish_directory(draft, tmp_path / "artefact")
    assert draft.is_dir()


def test_file_in_use_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a virus scanner may hold the old file for a moment; the move waits for it."""
    refusals = [32, 5]
    really_replace = os.replace

    def replace_like_windows(source: Path, target: Path) -> None:
        if refusals:
            error = PermissionError(13, "The file is in use")
            error.winerror = refusals.pop()  # type: ignore[attr-defined,unused-ignore]
            raise error
        really_replace(source, target)

    monkeypatch.setattr(os, "replace", replace_like_windows)
    write_bytes_atomically(tmp_path / "model", b"new")
    assert not refusals
    assert (tmp_path / "model").read_bytes() == b"new"


def test_only_abandoned_drafts_are_swept(tmp_path: Path) -> None:
    """What a killed writer left hours ago goes; what somebody writes right now, and finished files, stay."""
    for name in (".tmp-old-file", ".tmp-new-file", "finished"):
        (tmp_path / name).touch()
    (tmp_path / ".tmp-old-folder").mkdir()
    for name in (".tmp-old-file", ".tmp-old-folder", "finished"):
        os.utime(tmp_path / name, (0, 0))
    remove_abandoned_drafts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tmp-new-file", "finished"]
