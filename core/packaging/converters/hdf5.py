"""The model in the older file of Keras, HDF5."""

import logging
from pathlib import Path

from core.packaging.calibrated import CalibratedModel
from core.packaging.portable_keras import make_hdf5_portable


def write(model: CalibratedModel, target: Path) -> None:
    """Save a model without what only training needs.

    Args:
        model: the whole model.
        target: ends in `.h5`.
    """
    # Keras advises against the format at every turn; whoever asks for it knows why.
    logging.getLogger("absl").addFilter(_is_no_advice)
    try:
        model.model.save(target, include_optimizer=False)
    finally:
        logging.getLogger("absl").removeFilter(_is_no_advice)
    make_hdf5_portable(target)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "HDF5" not in record.getMessage()
