"""Reading PyTorch state dicts without PyTorch."""

import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from core.backbones.catalog import find_backbone
from core.backbones.torch_weights import read_state_dict
from core.backbones.weights import find_weights
from core.errors import WeightsDamagedError
from core.settings import Settings

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class Hostile:
    """An object whose pickle calls a function."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        function, *arguments = self.call
        return function, tuple(arguments)


def torch_file(folder: Path, state: object, *tail: bytes) -> Path:
    """A file of the old format with any object in the place of the state dict."""
    content = io.BytesIO()
    for part in (MAGIC_NUMBER, 1001, {"little_endian": True}, state):
        pickle.dump(part, content, protocol=2)
    for part in tail:
        content.write(part)
    path = folder / "weights.pth"
    path.write_bytes(content.getvalue())
    return path


@pytest.fixture(scope="module")
def lite0_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = find_weights(find_backbone("EfficientNetLite0"), Settings(workspace_dir=tmp_path_factory.mktemp("w")))
    assert path is not None
    return path


def test_the_bundled_weights_are_read(lite0_file: Path):
    """Names, shapes and types are those that PyTorch would give."""
    state = read_state_dict(lite0_file)
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_blocks.0._depthwise_conv.weight"].shape == (32, 1, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)
    assert state["_bn0.running_var"].dtype == np.float32
    assert all(np.isfinite(array).all() for array in state.values())


def test_strides_are_followed(tmp_path: Path):
    """A transposed tensor comes out transposed: PyTorch stores views, not copies."""
    raw = np.arange(6, dtype="<f4")
    pickled = (
        b"\x80\x02}(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
        b"FloatStorage\nX\x01\x00\x00\x00kX\x03\x00\x00\x00cpuK\x06NtQK\x00K\x02K\x03\x86K\x01K\x02\x86\x89}tRu."
    )
    content = io.BytesIO()
    for part in (MAGIC_NUMBER, 1001, {"little_endian": True}):
        pickle.dump(part, content, protocol=2)
    content.write(pickled)
    pickle.dump(["k"], content, protocol=2)
    content.write(struct.pack("<q", 6) + raw.tobytes())
    path = tmp_path / "strided.pth"
    path.write_bytes(content.getvalue())
    np.testing.assert_array_equal(read_state_dict(path)["a"], [[0, 2, 4], [1, 3, 5]])


@pytest.mark.parametrize(
    "call",
    [(os.system, "exit 1"), (eval, "1 + 1"), (getattr, "", "join"), (np.array, [1]), (bytearray, 2**33)],
    ids=["os.system", "eval", "getattr", "numpy", "huge bytearray"],
)
def test_a_file_that_asks_for_anything_but_arrays_is_refused(tmp_path: Path, call: tuple[object, ...]):
    """No function is called, however harmless it looks, and the error says what was asked for."""
    path = torch_file(tmp_path, {"a": Hostile(*call)})
    with pytest.raises(WeightsDamagedError, match="which is not an array"):
        read_state_dict(path)


def test_a_hostile_file_runs_nothing(tmp_path: Path):
    """The command in the pickle leaves no trace."""
    witness = tmp_path / "witness"
    with pytest.raises(WeightsDamagedError):
        read_state_dict(torch_file(tmp_path, {"a": Hostile(os.mkdir, str(witness))}))
    assert not witness.exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 50_000, 1_000_000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, lite0_file: Path, kept: int):
    """Wherever the file ends too early, the error names it."""
    path = tmp_path / "cut.pth"
    path.write_bytes(lite0_file.read_bytes()[:kept])
    with pytest.raises(WeightsDamagedError, match=r"cut\.pth"):
        read_state_dict(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"<html>404</html>", b"\x89HDF\r\n\x1a\n"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes):
    """A download page or a newer format is not taken for weights."""
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsDamagedError):
        read_state_dict(path)


@pytest.mark.parametrize("state", [None, 5, [], {"a": 1}, {"a": ("storage",)}])
def test_a_pickle_without_tensors_is_refused(tmp_path: Path, state: object):
    """A state dict holds tensors and nothing else."""
    path = torch_file(tmp_path, state, pickle.dumps(["k"], protocol=2))
    with pytest.raises(WeightsDamagedError):
        read_state_dict(path)
