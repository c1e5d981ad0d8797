"""The whole model for LiteRT."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.litert.engine import LiteRTModel
from core.networks.convert import convert_to_litert
from core.training.assembly import WholeModel


def write(whole: WholeModel, target: Path) -> None:
    """Convert a model with its preprocessing."""
    convert_to_litert(whole.with_inner_values(), target)


def answer(path: Path, squares: npt.NDArray[Any], *, is_program: bool) -> npt.NDArray[np.float32]:
    """What the converted model says.

    Args:
        path: of the file.
        squares: uint8 (photos, height, width, 3), 0-255.
        is_program: of no matter here: LiteRT runs its own operations only.

    Returns:
        float32 (photos, classes), 0-1.
    """
    model = LiteRTModel(path.read_bytes(), num_threads=1)
    return np.stack([model.run(square).probabilities for square in squares])
