"""The model in the older file of Keras, HDF5."""

from pathlib import Path

from core.packaging.calibrated import CalibratedModel
from core.packaging.portable_keras import make_hdf5_portable


def write(model: CalibratedModel, target: Path) -> None:
    """Save a model without what only training needs.

    Args:
        model: the whole model.
        target: ends in `.h5`.
    """
    model.model.save(target, include_optimizer=False)
    make_hdf5_portable(target)
