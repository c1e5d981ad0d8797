"""Heads: the layers on top of a backbone's features, and how both are joined for training and for packaging."""

from typing import Any

import keras

from core.config import HeadConfig
from core.networks.network import BackboneNetwork, SplitNetwork
from core.seeds import layer_seeds


# Keras' classes carry no types.
class TrainableNetwork(keras.Model):  # type: ignore[misc]
    """Activations → logits, the backbone's part always as in inference.

    Normalisation keeps the statistics it was trained with, and its scale and shift still train where their layer does.
    A functional model cannot say so: Keras 3.15 hands the outer model's `training` on to every layer, whatever the
    layer was called with, and the statistics of normalisation would move.
    """

    def __init__(self, upper: keras.Model, head: keras.Model) -> None:
        super().__init__(name="trainable")
        self.upper = upper
        self.head = head

    def call(self, activations: Any, training: bool | None = None) -> Any:
        """Logits (batch, classes) for activations (batch, *shape at the boundary)."""
        features, _ = self.upper(activations, training=False)
        return self.head(features, training=training)


def build_head(head: HeadConfig, num_features: int, num_classes: int, *, seed: int) -> keras.Sequential:
    """Build the layers on top of the pooled features.

    Args:
        head: hidden layers and dropout.
        num_features: width of the features.
        num_classes: at least 2.
        seed: the same seed gives the same initial weights and the same dropout.

    Returns:
        Model from features (batch, num_features) to logits (batch, num_classes), float32, without a softmax; with two
        classes and `one_unit_for_two_classes`, to the logit of the second class (batch, 1).
    """
    num_outputs = 1 if head.one_unit_for_two_classes and num_classes == 2 else num_classes
    kernel_seeds = layer_seeds(seed, 2 * len(head.hidden_units) + 2)
    model = keras.Sequential([keras.Input((num_features,), name="features")], name="head")
    for number, units in enumerate((*head.hidden_units, num_outputs), start=1):
        if head.dropout:
            model.add(keras.layers.Dropout(head.dropout, seed=kernel_seeds.pop(), name=f"dropout_{number}"))
        if number <= len(head.hidden_units):
            initial = keras.initializers.HeNormal(kernel_seeds.pop())
            model.add(keras.layers.Dense(units, "relu", kernel_initializer=initial, name=f"hidden_{number}"))
    initial = keras.initializers.GlorotUniform(kernel_seeds.pop())
    # In float32 where the rest is mixed: losses of half-precision logits are too coarse.
    model.add(keras.layers.Dense(num_outputs, kernel_initializer=initial, dtype="float32", name="logits"))
    return model


def build_trainable(split: SplitNetwork, head_model: keras.Model) -> TrainableNetwork:
    """Join the upper part of a backbone and a head into what `fit` trains.

    Args:
        split: the backbone's two parts.
        head_model: features (batch, channels) → logits.

    Returns:
        Model from activations (batch, *split.activation_shape) to logits. The head trains; the backbone's layers from
        `split.first_layer` on train, with normalisation in inference mode.
    """
    model = TrainableNetwork(split.upper, head_model)
    model.build((None, *split.activation_shape))
    return model


def look_both_ways(model: keras.Model) -> keras.Model:
    """A backbone whose answers are means over a photo and its mirror image, out of Keras' own layers only.

    Args:
        model: pixels (batch, height, width, 3) → features (batch, channels), feature map (batch, rows, columns,
            channels).

    Returns:
        The same inputs and outputs; the feature map of the mirror image is turned back, so that the features are its
        mean over rows and columns.
    """
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    # With lists of inputs, as Keras makes them of every model that it loads; it would warn of anything else then.
    listed = keras.Model(model.inputs, model.outputs, name=model.name)
    features, feature_map = listed([pixels], training=False)
    other_features, other_map = listed([keras.ops.flip(pixels, axis=2)], training=False)
    return keras.Model(
        pixels,
        [
            keras.layers.Average(name="mean_features")([features, other_features]),
            keras.layers.Average(name="mean_feature_map")([feature_map, keras.ops.flip(other_map, axis=2)]),
        ],
        name="both_ways",
    )


def assemble(network: BackboneNetwork, head_model: keras.Model) -> keras.Model:
    """Join a whole backbone and a head for packaging, out of Keras' own layers only.

    Args:
        network: the backbone; a Hub module is the one layer that is not Keras' own.
        head_model: features (batch, channels) → logits (batch, classes) or (batch, 1).

    Returns:
        Model from float32 pixels (batch, height, width, 3), 0-255, to probabilities (batch, classes), 0-1.
    """
    (pixels,) = network.model.inputs
    features = network.model.outputs[0]
    return keras.Model(pixels, to_probabilities(head_model(features)), name="classifier")


def to_probabilities(logits: Any) -> Any:
    """Turn logits into probabilities, both Keras tensors.

    Args:
        logits: (batch, classes); or (batch, 1), the logit of the second of two classes.

    Returns:
        float32 (batch, classes), 0-1, each row adding up to 1; two columns for a single logit.
    """
    if logits.shape[-1] > 1:
        return keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
    second = keras.layers.Activation("sigmoid", dtype="float32", name="second_class")(logits)
    first = keras.layers.Rescaling(-1.0, 1.0, dtype="float32", name="first_class")(second)
    return keras.layers.Concatenate(dtype="float32", name="probabilities")([first, second])
