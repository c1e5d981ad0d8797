"""What a node knows of its copies of stored files."""

import os
import time
from pathlib import Path

import pytest

from core.errors import StorageError
from core.storage.local_copies import (
    IN_USE_SECONDS,
    arriving,
    files_below,
    list_copies,
    note_use,
    read_mark,
    remove_mark,
    write_mark,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "runs/1/head.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    return path


def test_a_mark_fits_until_the_file_changes(file: Path) -> None:
    """In its size or its time."""
    assert read_mark(file) is None
    write_mark(file, "v1", file.stat())
    mark = read_mark(file)
    assert mark is not None
    assert (mark.version, mark.fits(file.stat())) == ("v1", True)
    file.write_bytes(b"other weights")
    assert not mark.fits(file.stat())
    remove_mark(file)
    assert read_mark(file) is None


def test_a_file_that_is_being_sent_is_not_as_in_the_store(file: Path) -> None:
    """Until it is; who has died over it is forgotten after a while."""
    write_mark(file, "v1", file.stat(), sent_at=time.time())
    mark = read_mark(file)
    assert mark is not None
    assert (mark.is_being_sent, mark.fits(file.stat())) == (True, False)
    write_mark(file, "v1", file.stat(), sent_at=time.time() - IN_USE_SECONDS - 1)
    mark = read_mark(file)
    assert mark is not None
    assert (mark.is_being_sent, mark.fits(file.stat())) == (False, False)


def test_half_a_mark_is_none(file: Path) -> None:
    """After a power cut the file counts as never compared."""
    write_mark(file, "v1", file.stat())
    (file.parent / ".store" / file.name).write_text("v1\n7", encoding="utf-8")
    assert read_mark(file) is None


def test_a_use_is_noted_and_the_time_of_change_stays(file: Path) -> None:
    """What reads a file by its time of change reads nothing twice."""
    os.utime(file, (1_000.0, 2_000.0))
    note_use(file, file.stat())
    assert file.stat().st_atime > time.time() - 60
    assert file.stat().st_mtime == 2_000.0


def test_neither_marks_nor_drafts_are_files(file: Path) -> None:
    """Of a folder, and of the file itself."""
    write_mark(file, "v1", file.stat())
    (file.parent / ".tmp-1").write_bytes(b"")
    (file.parent / ".tmp-folder").mkdir()
    (file.parent / ".tmp-folder/x").write_bytes(b"")
    assert [path for path, _ in files_below(file.parent)] == [file]
    assert [path for path, _ in files_below(file)] == [file]
    assert not list(files_below(file.parent / "missing"))


def test_the_longest_unused_copy_comes_first(tmp_path: Path) -> None:
    """Whether it was read or written last."""
    for name, read, written in (("a", 300, 100), ("b", 100, 200), ("c", 50, 400)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (read, written))
    assert [copy.path.name for copy in list_copies((tmp_path,))] == ["b", "a", "c"]


def test_a_file_arrives_whole_or_not_at_all(tmp_path: Path) -> None:
    """A connection that breaks off leaves what was there."""
    path = tmp_path / "new/file"

    def break_off() -> None:
        with arriving(path) as draft:
            draft.write_bytes(b"half")
            raise OSError(5, "it broke off")

    with pytest.raises(StorageError):
        break_off()
    assert not list(path.parent.iterdir())
    with arriving(path) as draft:
        draft.write_bytes(b"whole")
    assert [each.name for each in path.parent.iterdir()] == ["file"]
