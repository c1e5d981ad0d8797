"""The model as a SavedModel of TensorFlow, a folder."""

from pathlib import Path

import keras

from core.packaging.calibrated import CalibratedModel


def write(model: CalibratedModel, target: Path) -> None:
    """Write the folder; its function `serve` answers with a mapping of `probabilities` and `features`.

    Args:
        model: the whole model.
        target: the folder, which is not there yet.
    """
    outputs = {"probabilities": model.model.outputs[0], "features": model.features}
    named = keras.Model(model.model.inputs[0], outputs, name="classifier")
    named.export(str(target), format="tf_saved_model", verbose=False)
