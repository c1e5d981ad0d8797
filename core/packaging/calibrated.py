"""A run's model as people take it away: its probabilities calibrated inside."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.training.assembly import WholeModel
from core.training.heads import to_probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedModel:
    """The whole model, as every converter takes it."""

    # float32 pixels (batch, height, width, 3), 0-255 → calibrated probabilities (batch, classes), 0-1
    model: keras.Model
    features: Any  # Keras tensor (batch, channels): what distances to the training photos are measured by
    # uint8 (photos, height, width, 3), 0-255: training photos by which converters to whole numbers find their ranges
    squares: npt.NDArray[np.uint8]

    @property
    def features_layer(self) -> str:
        """Name of the layer in `model` whose output the features are."""
        return str(self.features._keras_history.operation.name)

    def with_features(self) -> keras.Model:
        """The same with the features as a second output."""
        return keras.Model(self.model.inputs[0], [self.model.outputs[0], self.features], name="classifier")


def calibrate(whole: WholeModel, temperature: float, *, squares: npt.NDArray[np.uint8]) -> CalibratedModel:
    """Put the calibration into a model, out of Keras' own layers only.

    softmax(log(p) / temperature) is softmax(logits / temperature), because logits are log(p) and a constant that the
    softmax takes out again; likewise for a single logit and its sigmoid. So the logits are divided.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML (2017),
    section 4.2.

    Args:
        whole: its model ends as `to_probabilities` makes it.
        temperature: above 0; 1 changes nothing.
        squares: as of the result.
    """
    model = whole.model
    if temperature != 1:
        scaled = keras.layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(_logits_of(model))
        model = keras.Model(model.inputs[0], to_probabilities(scaled), name="classifier")
    return CalibratedModel(model=model, features=whole.features, squares=squares)


def _logits_of(model: keras.Model) -> Any:
    """What `to_probabilities` was given."""
    last = model.get_layer("probabilities")
    return model.get_layer("second_class").input if isinstance(last, keras.layers.Concatenate) else last.input
