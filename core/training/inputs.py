"""What a phase is fed with: arrays that are there already, or made photo by photo as they are needed.

Which photos come when, and which view of each, depends on the seed and the number of the epoch alone: a training that
is taken up again sees what it would have seen.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from core.photos.record import PhotoRecord
from core.training.encoders import Encoder
from core.training.features import FeatureSource
from core.training.mapped_array import MappedArray
from core.training.photos import ViewLoader

Array = npt.NDArray[Any]


class Inputs(Protocol):
    """The inputs of a split's photos."""

    def batch(self, indices: npt.NDArray[np.int64], epoch: int) -> Array:
        """Float32 (indices, *shape): the inputs of these photos in this epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedInputs:
    """Views that were all computed before; each epoch draws one of each photo anew."""

    values: Array | MappedArray  # (photos, views, *shape)
    seed: int

    def batch(self, indices: npt.NDArray[np.int64], epoch: int) -> Array:
        """Float32 (indices, *shape)."""
        num_photos, num_views = self.values.shape[:2]
        views = _draw_views(num_photos, num_views, [self.seed, epoch])
        return np.asarray(self.values[indices, views[indices]], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedInputs:
    """Views that are made when their turn comes: there are too many to keep, or new ones in every epoch."""

    photos: tuple[PhotoRecord, ...]
    loader: ViewLoader
    encoder: Encoder
    num_views: int | None  # drawn from so many; None: a new view in every epoch
    seed: int

    def batch(self, indices: npt.NDArray[np.int64], epoch: int) -> Array:
        """Float32 (indices, *shape)."""
        if self.num_views is None:
            views = np.full(len(self.photos), epoch)
        else:
            views = _draw_views(len(self.photos), self.num_views, [self.seed, epoch])
        chosen = [(self.photos[index], int(views[index])) for index in indices]
        arrays = self.encoder.encode(lambda item: self.loader.load(*item), chosen)
        return np.stack([np.asarray(array, np.float32) for array in arrays])


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureInputs:
    """Features of a new view of each photo in every epoch, kept for the next run that asks for the same."""

    source: FeatureSource
    photos: tuple[PhotoRecord, ...]

    def batch(self, indices: npt.NDArray[np.int64], epoch: int) -> Array:
        """Float32 (indices, channels)."""
        features, _ = self.source.compute([self.photos[index] for index in indices], [epoch], watch=_ignore)
        return features[:, 0]


def _ignore(_: int) -> None:
    """Nobody watches single batches."""


def _draw_views(num_photos: int, num_views: int, seed: list[int]) -> npt.NDArray[np.int64]:
    """The number of a view for each photo."""
    if num_views == 1:
        return np.zeros(num_photos, np.int64)
    drawn: npt.NDArray[np.int64] = np.random.default_rng(seed).integers(0, num_views, num_photos)
    return drawn


# Keras' classes carry no types.
class PhaseDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of one epoch after the other, in an order of its own each time."""

    def __init__(
        self,
        inputs: Inputs,
        targets: npt.NDArray[np.float32],
        *,
        batch_size: int,
        seed: int | None = None,
        epoch: int = 1,
        sample_weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Make a dataset.

        Args:
            inputs: of the photos.
            targets: float32 (photos, outputs).
            batch_size: photos in a batch; the last one may have fewer.
            seed: of the order; None: the photos' own.
            epoch: number of the first epoch.
            sample_weights: float32 (photos,); None: every photo counts the same.
        """
        super().__init__()
        self._inputs = inputs
        self._targets = targets
        self._sample_weights = sample_weights
        self._batch_size = batch_size
        self._seed = seed
        self._begin(epoch)

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Array, ...]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        batch = (self._inputs.batch(chosen, self._epoch), self._targets[chosen])
        return batch if self._sample_weights is None else (*batch, self._sample_weights[chosen])

    def on_epoch_end(self) -> None:
        """Called by Keras."""
        self._begin(self._epoch + 1)

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._order = np.arange(len(self._targets))
        if self._seed is not None:
            np.random.default_rng([self._seed, epoch, 1]).shuffle(self._order)


def make_targets(
    class_indices: npt.NDArray[np.int64], num_classes: int, *, has_one_unit: bool
) -> npt.NDArray[np.float32]:
    """What the network is to answer.

    Returns:
        float32 (photos, classes), 1 for the true class and 0 for others; with one unit (photos, 1), 1 for the second.
    """
    targets = np.eye(num_classes, dtype=np.float32)[class_indices]
    return targets[:, 1:] if has_one_unit else targets


def class_weights(class_indices: npt.NDArray[np.int64], num_classes: int) -> npt.NDArray[np.float32]:
    """Weights with which each class counts the same in the sum, and a photo 1 on average.

    Source: G. King and L. Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001); the same as
    scikit-learn's `class_weight="balanced"`: photos / (classes * photos of the class).

    Returns:
        float32 (photos,).
    """
    counts = np.bincount(class_indices, minlength=num_classes)
    return np.asarray(len(class_indices) / (num_classes * np.maximum(counts, 1)), np.float32)[class_indices]
