"""The model for Keras, in any version from 3.3 on."""

from pathlib import Path

from core.packaging.calibrated import CalibratedModel
from core.packaging.portable_keras import make_archive_portable


def write(model: CalibratedModel, target: Path) -> None:
    """Save a model without what only training needs.

    Args:
        model: the whole model.
        target: ends in `.keras`.
    """
    model.model.save(target)
    make_archive_portable(target)
