"""Arrays in files: like any other array, and let go of when that is asked for."""

import os
from pathlib import Path

import numpy as np
import pytest

from core.errors import StorageError, TaskCancelledError
from core.training.inputs import CachedInputs
from core.training.mapped_array import MappedArray

SHAPE = (4, 2, 3)


@pytest.fixture
def values() -> np.ndarray:
    return np.arange(24, dtype=np.float16).reshape(SHAPE)


@pytest.fixture
def mapped(tmp_path: Path, values: np.ndarray) -> MappedArray:
    made = MappedArray(tmp_path / "folder" / "values.bin", SHAPE, np.float16)
    for row, view in np.ndindex(SHAPE[:2]):
        made[row, view] = values[row, view]
    return made


def test_it_reads_like_an_array(mapped: MappedArray, values: np.ndarray):
    """Rows, views and picked batches are those of the same array in memory."""
    rows, views = np.array([3, 0, 3]), np.array([1, 0, 0])
    np.testing.assert_array_equal(mapped[rows, views], values[rows, views])
    np.testing.assert_array_equal(mapped[1:3], values[1:3])
    assert (mapped.shape, mapped[2, 1].tolist()) == (SHAPE, values[2, 1].tolist())
    batches = [CachedInputs(values=each, seed=5).batch(rows, 2) for each in (mapped, values)]
    np.testing.assert_array_equal(*batches)


def test_it_is_closed_whatever_was_read_and_whoever_knows_it(mapped: MappedArray):
    """A cancel in the middle, whose traceback knows everything, keeps no map open."""

    def work() -> None:
        inputs = CachedInputs(values=mapped, seed=0)
        kept = [inputs.batch(np.array([0, 1]), 1), mapped[0], mapped[:]]
        raise TaskCancelledError(f"with {len(kept)} parts in hand")

    with pytest.raises(TaskCancelledError) as caught:
        work()
    mapped.close()
    assert mapped.is_closed, caught
    mapped.close()
    mapped.path.unlink()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux lists what a process has mapped")
def test_the_system_knows_of_no_map(mapped: MappedArray):
    """Once closed, the process has the file neither open nor mapped."""
    assert str(mapped.path) in Path("/proc/self/maps").read_text()
    mapped.close()
    assert str(mapped.path) not in Path("/proc/self/maps").read_text()
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert str(mapped.path) not in links


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path):
    """Where a file is in the way of its folder, the message names the folder."""
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(StorageError, match="folder"):
        MappedArray(tmp_path / "folder" / "values.bin", SHAPE, np.float16)
