"""Checkpoints: written whole, read as they were, damage told."""

import errno
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import NoSpaceError, RunFileError
from core.training.checkpoint import Checkpoint, read_checkpoint, remove_checkpoint, write_checkpoint


@pytest.fixture
def checkpoint() -> Checkpoint:
    arrays = (np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7))
    return Checkpoint(
        phase="fine_tune",
        epoch=12,
        last_sequence=34,
        stopping={"learning_rate": 0.1, "best_epoch": 11},
        batch_size=16,
        weights=arrays,
        optimizer=(),
        best_weights=(arrays[0] + 1, arrays[1]),
        fine_tuning_from=10,
    )


def test_what_is_written_is_read(checkpoint: Checkpoint, tmp_path: Path):
    """Every number and every array comes back; a newer checkpoint replaces the older one."""
    assert read_checkpoint(tmp_path) is None
    for _ in range(2):
        write_checkpoint(checkpoint, tmp_path)
    found = read_checkpoint(tmp_path)
    assert found is not None
    np.testing.assert_equal(asdict(found), asdict(checkpoint))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_checkpoint_says_what_to_do(checkpoint: Checkpoint, tmp_path: Path):
    """A file that was cut off is told with its path, and not taken for a training without epochs."""
    write_checkpoint(checkpoint, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunFileError, match=r"damaged.*train again"):
        read_checkpoint(tmp_path)


def test_a_full_disk_keeps_the_older_checkpoint(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """When the disk fills up in the middle of writing, the epoch before is still there, and the remedy is told."""
    write_checkpoint(checkpoint, tmp_path)

    def fill_up(file: Path, **arrays: object) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fill_up)
        with pytest.raises(NoSpaceError, match="Free some space"):
            write_checkpoint(replace(checkpoint, epoch=13), tmp_path)
    found = read_checkpoint(tmp_path)
    assert found is not None
    assert found.epoch == 12
    assert len(list(tmp_path.iterdir())) == 1


def test_removing_it_twice_is_no_failure(checkpoint: Checkpoint, tmp_path: Path):
    """A run that is done leaves no checkpoint behind."""
    write_checkpoint(checkpoint, tmp_path)
    remove_checkpoint(tmp_path)
    remove_checkpoint(tmp_path)
    assert read_checkpoint(tmp_path) is None
