"""The model for LiteRT, in single precision."""

from pathlib import Path

from core.networks.convert import convert_to_litert
from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Convert a model; `output_0` are the probabilities, `output_1` the features.

    Args:
        model: the whole model.
        target: ends in `.tflite`.
    """
    convert_to_litert(model.with_features(), target)
