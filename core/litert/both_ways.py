"""Answers to a photo and to its mirror image, averaged: test-time augmentation by the one change that most photos bear.

Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
section 4.1, where predictions are averaged over patches and their horizontal reflections. Here features are averaged,
so that with a linear head the logits are, and heat maps stay exact.
"""

import numpy as np
import numpy.typing as npt

from core.litert.engine import FeatureEngine, Outputs
from core.photos.fit import mirrored


class BothWaysEngine:
    """An engine that is asked for a photo and for its mirror image; safe to use from any number of threads."""

    def __init__(self, engine: FeatureEngine) -> None:
        self.engine = engine
        self.num_threads = engine.num_threads
        self.num_bytes = engine.num_bytes
        self.num_features = engine.num_features
        self.num_classes = engine.num_classes

    @property
    def image_size(self) -> tuple[int, ...]:
        """Height and width that it takes, px."""
        return self.engine.image_size

    @property
    def feature_map_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its last feature map."""
        return self.engine.feature_map_shape

    def run(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> Outputs:
        """Means of both answers, the map of the mirror image turned back; arguments as of `Engine.run`."""
        plain = self.engine.run(pixels, is_alone=is_alone)
        other = self.engine.run(mirrored(pixels), is_alone=is_alone)
        return Outputs(
            probabilities=_mean(plain.probabilities, other.probabilities),
            features=_mean(plain.features, other.features),
            feature_map=_mean(plain.feature_map, other.feature_map[:, ::-1]),
        )

    def features(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> npt.NDArray[np.float32]:
        """Means of both photos' features, float32 (channels,); arguments as of `Engine.run`."""
        plain = self.engine.features(pixels, is_alone=is_alone)
        return _mean(plain, self.engine.features(mirrored(pixels), is_alone=is_alone))


def _mean(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((first + second) / 2, np.float32)
