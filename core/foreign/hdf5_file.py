"""An HDF5 file, looked through before anything reads weights from it; only in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from core.foreign.refusals import refusal

_MAX_OBJECTS = 100_000
_MAX_DEPTH = 200
# Kinds of NumPy's types that weights have: whole numbers, floating point, true or false.
_NUMBERS = frozenset("iufb")
# Attributes hold texts besides: names of layers, the config.
_TEXTS = frozenset("SO")


def check_hdf5(path: Path, name: str) -> frozenset[int]:
    """Refuse a file that leads out of itself, or claims more than it has.

    Args:
        path: the file.
        name: for messages.

    Returns:
        The lengths of all sides of the arrays in it.

    Raises:
        ForeignModelError: what is wrong with it.
    """
    try:
        with h5py.File(path, "r") as file:
            return _check(file, name, path.stat().st_size)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as exc:
        raise refusal(name, "It is damaged (HDF5 cannot read it). Copy or download it again.") from exc


def _check(file: h5py.File, name: str, num_file_bytes: int) -> frozenset[int]:
    sides: set[int] = set()
    num_bytes = 0
    for found in _walk(file, name):
        _check_attributes(found, name)
        if isinstance(found, h5py.Dataset):
            _check_dataset(found, name)
            num_bytes += found.id.get_storage_size()
            sides.update(found.shape)
            if num_bytes > num_file_bytes:
                raise refusal(name, "Its arrays claim more bytes than the file has: it is damaged, or made to do harm.")
    return frozenset(sides)


def _walk(file: h5py.File, name: str) -> Iterator[Any]:
    """Every object once, without following a link that is more than the place where an object is."""
    waiting: list[tuple[Any, int]] = [(file, 0)]
    seen = {h5py.h5o.get_info(file.id).addr}
    while waiting:
        found, depth = waiting.pop()
        yield found
        if not isinstance(found, h5py.Group):
            continue
        for key in found:
            link = found.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = "another file" if isinstance(link, h5py.ExternalLink) else "another place"
                raise refusal(
                    name,
                    f"It holds a link to {kind} ({key[:60]!r}), as no model has it: "
                    "files of this computer could be read.",
                )
            inner = found[key]
            address = h5py.h5o.get_info(inner.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MAX_OBJECTS or depth > _MAX_DEPTH:
                raise refusal(name, "It holds more groups and arrays than any model has.")
            if not isinstance(inner, h5py.Group | h5py.Dataset):
                raise refusal(name, f"It holds {type(inner).__name__} ({key[:60]!r}), as no model has it.")
            waiting.append((inner, depth + 1))


def _check_dataset(found: h5py.Dataset, name: str) -> None:
    what = f"the array {str(found.name)[-80:]!r}"
    if found.is_virtual:
        raise refusal(
            name, f"{what[0].upper()}{what[1:]} is a virtual one, whose numbers are in other files of this computer."
        )
    if found.external:
        raise refusal(name, f"The numbers of {what} are in another file of this computer.")
    if found.dtype.kind not in _NUMBERS:
        raise refusal(name, f"{what[0].upper()}{what[1:]} holds something else than numbers.")
    # Weights are not packed: a packed or an empty array may claim any size.
    if found.chunks is not None or found.id.get_storage_size() != found.nbytes:
        raise refusal(
            name,
            f"{what[0].upper()}{what[1:]} claims {found.nbytes / 1e6:,.0f} MB, of which "
            f"{found.id.get_storage_size() / 1e6:,.0f} MB are in the file; Keras writes all of them.",
        )


def _check_attributes(found: Any, name: str) -> None:
    for key in found.attrs:
        dtype = found.attrs.get_id(key).dtype
        is_reference = h5py.check_ref_dtype(dtype) is not None
        if is_reference or dtype.kind not in _NUMBERS | _TEXTS:
            raise refusal(name, f"It holds a reference ({str(key)[:60]!r}), as no model has it.")
        if dtype.kind == "O" and h5py.check_string_dtype(dtype) is None:
            raise refusal(name, f"It holds {str(key)[:60]!r}, which is neither a text nor a number.")
