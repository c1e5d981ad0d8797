"""`core.storage.arrays`: what is written is read; whatever else lies at the path is one error that names the file."""

import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArrayFileError, StorageError
from core.storage.arrays import read_arrays, write_arrays

ARRAYS = {
    "features": np.arange(12, dtype=np.float16).reshape(3, 4),
    "hashes": np.array(["a" * 64, "b" * 64], dtype="U64"),
    "state": np.frombuffer(b"{}", np.uint8),
    "nothing": np.empty((0, 5), np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of four arrays."""
    write_arrays(tmp_path / "some.npz", ARRAYS)
    return tmp_path / "some.npz"


def test_what_is_written_is_read(path: Path) -> None:
    """Names, types, shapes and values come back, and nothing else lies in the folder."""
    found = read_arrays(path)
    assert len(found) == len(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_numpy_is_read(tmp_path: Path) -> None:
    """Workspaces are full of files that NumPy has written itself, packed or not."""
    np.savez_compressed(tmp_path / "packed.npz", allow_pickle=False, **ARRAYS)
    np.testing.assert_array_equal(read_arrays(tmp_path / "packed.npz")["features"], ARRAYS["features"])


def test_an_array_that_cannot_be_kept_leaves_the_file_as_it_was(path: Path) -> None:
    """Objects would have to be pickled: nothing is written."""
    with pytest.raises(ValueError, match="Object arrays"):
        write_arrays(path, {"object": np.array([{}], object)})
    assert len(read_arrays(path)) == len(ARRAYS)
    assert list(path.parent.iterdir()) == [path]


def test_an_array_that_is_not_there_is_an_error_that_names_file_and_array(path: Path) -> None:
    """Another version of Bluetit has written other names: never a `KeyError`."""
    with pytest.raises(ArrayFileError, match=r"some\.npz is damaged: it holds no “kernel_0”"):
        read_arrays(path)["kernel_0"]


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """Missing is not damaged."""
    with pytest.raises(ArrayFileError, match=r"gone\.npz is missing\."):
        read_arrays(tmp_path / "gone.npz")


def test_a_folder_at_its_place_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """What the operating system refuses is told as everywhere."""
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(StorageError):
        read_arrays(tmp_path / "folder.npz")


def write_foreign(path: Path, kind: str) -> None:
    """Something else under the name of arrays."""
    match kind:
        case "nothing":
            path.write_bytes(b"")
        case "text":
            path.write_text("broken")
        case "a single array":
            with path.open("wb") as file:
                np.save(file, np.ones(3))
        case "no array":
            np.savez(path)
        case "pickles":
            np.savez(path, things=np.array([{}], object))
        case "an archive of texts":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("read me.txt", "text")
        case "a text among arrays":
            np.savez(path, **ARRAYS)
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("read me.txt", "text")
        case "a text called array":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("features.npy", "text")
        case "half an array":
            np.savez(path, **ARRAYS)
            with zipfile.ZipFile(path) as archive:
                content = archive.read("features.npy")
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("features.npy", content[:-3])


KINDS = ["nothing", "text", "a single array", "no array", "pickles", "an archive of texts"]
KINDS += ["a text among arrays", "a text called array", "half an array"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_of_arrays_is_refused(tmp_path: Path, kind: str) -> None:
    """The message names the file, and does not advise to load it unsafely, as NumPy does."""
    path = tmp_path / "foreign.npz"
    write_foreign(path, kind)
    with pytest.raises(ArrayFileError, match=r"foreign\.npz is damaged") as told:
        read_arrays(path)
    assert "pickle" not in str(told.value)


def test_a_file_that_was_cut_off_anywhere_is_refused(path: Path) -> None:
    """A full disk or a broken copy leaves the first part of the file."""
    content = path.read_bytes()
    for num_bytes in range(0, len(content) - 1, 7):
        path.write_bytes(content[:num_bytes])
        with pytest.raises(ArrayFileError, match=r"some\.npz is damaged"):
            read_arrays(path)


NUM_SPOILT = 1_500  # files of each kind


@pytest.mark.parametrize("is_packed", [False, True], ids=["stored", "packed"])
def test_spoilt_bytes_are_never_another_error(tmp_path: Path, is_packed: bool) -> None:
    """Whichever byte is spoilt, the arrays are read or the one error tells of it."""
    path = tmp_path / "spoilt.npz"
    (np.savez_compressed if is_packed else np.savez)(path, allow_pickle=False, **ARRAYS)
    content = path.read_bytes()
    chance = random.Random(1)
    num_refused = 0
    for _ in range(NUM_SPOILT):
        spoilt = bytearray(content)
        for _ in range(chance.choice((1, 1, 3))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(spoilt)
        try:
            read_arrays(path)
        except ArrayFileError:
            num_refused += 1
    assert num_refused > 300
