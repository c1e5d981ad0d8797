"""The whole model for Keras."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

# Registers the layer, so that a model with a Hub module can be loaded again.
import core.networks.hub  # noqa: F401
from core.packaging.portable_keras import make_archive_portable
from core.training.assembly import WholeModel

_BATCH = 16


def write(whole: WholeModel, target: Path) -> None:
    """Save a model with its preprocessing, for every version of Keras from 3.3 on."""
    whole.model.save(target)
    make_archive_portable(target)


def answer(path: Path, squares: npt.NDArray[Any], *, is_program: bool) -> npt.NDArray[np.float32]:
    """What the saved model says, loaded again.

    Args:
        path: of the file.
        squares: uint8 (photos, height, width, 3), 0-255.
        is_program: whether a module of TensorFlow Hub is in it, which Keras runs only for those who trust it: this one
            has been run here before.

    Returns:
        float32 (photos, classes), 0-1.
    """
    return answer_model(keras.models.load_model(path, compile=False, safe_mode=not is_program), squares)


def answer_model(model: keras.Model, squares: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """What a model that is loaded says; arguments and result are those of `answer`."""
    batches = [squares[start : start + _BATCH] for start in range(0, len(squares), _BATCH)]
    answers = [np.asarray(model(batch.astype(np.float32), training=False)) for batch in batches]
    return np.concatenate(answers)
