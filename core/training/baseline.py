"""The small network that starts from nothing, to show what a pretrained backbone saves.

Source: the course "Intro to TensorFlow for Deep Learning", lesson 5 on dogs and cats: four pairs of convolution and
pooling with 32, 64, 128 and 128 channels, and a dense layer of 512. "Practical Transfer Learning with TensorFlow" has
several such pairs.
"""

import keras

from core.errors import ConfigError
from core.seeds import layer_seeds

BASELINE_IMAGE_SIZE = (150, 150)  # height and width in pixels
# Each convolution takes away a border of one pixel and each pooling halves: of 46 pixels one is left.
MIN_BASELINE_SIDE_PX = 46

_FILTERS = (32, 64, 128, 128)
_DENSE_UNITS = 512


def build_baseline(
    image_size: tuple[int, int], num_classes: int, *, dropout: float = 0.5, seed: int
) -> keras.Sequential:
    """Build the network, with random weights.

    Args:
        image_size: height and width in pixels, at least 46; the course has `BASELINE_IMAGE_SIZE`.
        num_classes: at least 2.
        dropout: share of values left out before the dense layers while training, 0-0.9.
        seed: the same seed gives the same initial weights and the same dropout.

    Returns:
        Model from float32 pixels (batch, height, width, 3), 0-255, to logits (batch, num_classes).

    Raises:
        ConfigError: the photos are too small.
    """
    if min(image_size) < MIN_BASELINE_SIDE_PX:
        raise ConfigError(
            f"The photos are {image_size[0]}×{image_size[1]} pixels; the network from scratch needs at least "
            f"{MIN_BASELINE_SIDE_PX} pixels each way."
        )
    seeds = layer_seeds(seed, len(_FILTERS) + 3)

    def initial() -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seeds.pop())

    model = keras.Sequential([keras.Input((*image_size, 3), name="pixels")], name="baseline")
    model.add(keras.layers.Rescaling(1 / 255, name="scale_pixels"))
    for number, filters in enumerate(_FILTERS, start=1):
        model.add(
            keras.layers.Conv2D(filters, 3, activation="relu", kernel_initializer=initial(), name=f"conv{number}")
        )
        model.add(keras.layers.MaxPooling2D(name=f"pool{number}"))
    model.add(keras.layers.Dropout(dropout, seed=seeds.pop(), name="dropout"))
    model.add(keras.layers.Flatten(name="flatten"))
    model.add(keras.layers.Dense(_DENSE_UNITS, "relu", kernel_initializer=initial(), name="hidden"))
    # In float32 where the rest is mixed, as in every head.
    model.add(keras.layers.Dense(num_classes, kernel_initializer=initial(), dtype="float32", name="logits"))
    return model
