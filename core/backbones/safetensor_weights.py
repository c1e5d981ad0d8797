"""Read a safetensors file as NumPy arrays: names, shapes and raw numbers, and nothing that could be run."""

from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.errors import WeightsDamagedError


def read_safetensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file by their names.

    Raises:
        WeightsDamagedError: it is cut off, or no file of this format.
    """
    try:
        return load_file(path)
    # An element type that NumPy lacks is a KeyError there.
    except (SafetensorError, OSError, KeyError, ValueError) as exc:
        raise WeightsDamagedError(
            f"The weight file {path} cannot be read as safetensors: {exc}. "
            "Move it away and put the published file in its place."
        ) from exc
