"""Networks that nothing is trained in: they turn squares into what the trained part starts from.

On a CPU through LiteRT, a photo at a time on every thread, which is about three times as fast as Keras; on a GPU
through Keras, a batch at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from core.litert.engine import Engine, map_streamed

Array = npt.NDArray[Any]
Item = TypeVar("Item")

# Photos that a GPU works on at once.
_KERAS_BATCH = 32


class Encoder(Protocol):
    """Squares in, arrays of one shape out."""

    shape: tuple[int, ...]  # of one photo's array
    dtype: npt.DTypeLike

    def encode(self, load: Callable[[Item], npt.NDArray[np.uint8]], items: Iterable[Item]) -> Iterator[Array]:
        """Load each item as a square and yield its array, in their order."""


class PixelEncoder:
    """Nothing below the cut: the squares themselves."""

    dtype: npt.DTypeLike = np.uint8

    def __init__(self, image_size: tuple[int, int], *, num_threads: int) -> None:
        self.shape: tuple[int, ...] = (*image_size, 3)
        self._num_threads = num_threads

    def encode(self, load: Callable[[Item], npt.NDArray[np.uint8]], items: Iterable[Item]) -> Iterator[Array]:
        """Load each item, on several threads."""
        return map_streamed(load, items, num_threads=self._num_threads)


class FeatureEncoder:
    """Pooled features through a backbone's LiteRT artefact."""

    dtype: npt.DTypeLike = np.float32

    def __init__(self, model_path: Path, num_features: int, *, num_threads: int) -> None:
        self.shape: tuple[int, ...] = (num_features,)
        self._model_path = model_path
        self._num_threads = num_threads

    @cached_property
    def _engine(self) -> Engine:
        """Loaded when the first photo needs it: most runs find all features in the cache."""
        return Engine(self._model_path, num_threads=self._num_threads)

    def encode(self, load: Callable[[Item], npt.NDArray[np.uint8]], items: Iterable[Item]) -> Iterator[Array]:
        """Load and answer each item, on several threads."""
        engine = self._engine
        return map_streamed(lambda item: engine.run(load(item)).features, items, num_threads=self._num_threads)


class ActivationEncoder:
    """Activations at a cut through the LiteRT file of the layers below it."""

    dtype: npt.DTypeLike = np.float32

    def __init__(self, model_path: Path, shape: tuple[int, ...], *, num_threads: int) -> None:
        self.shape = shape
        self._engine = Engine(model_path, num_threads=num_threads)

    def encode(self, load: Callable[[Item], npt.NDArray[np.uint8]], items: Iterable[Item]) -> Iterator[Array]:
        """Load and answer each item, on several threads."""
        return map_streamed(
            lambda item: self._engine.run(load(item)).feature_map, items, num_threads=self._engine.num_threads
        )


class KerasEncoder:
    """The same through Keras, in batches."""

    dtype: npt.DTypeLike = np.float32

    def __init__(self, model: keras.Model, *, num_threads: int) -> None:
        """Make an encoder.

        Args:
            model: float32 pixels (batch, height, width, 3), 0-255 → one array.
            num_threads: that load squares.
        """
        self.shape: tuple[int, ...] = tuple(model.output_shape[1:])
        self._model = model
        self._num_threads = num_threads

    def encode(self, load: Callable[[Item], npt.NDArray[np.uint8]], items: Iterable[Item]) -> Iterator[Array]:
        """Load items on several threads, answer them in batches."""
        squares = map_streamed(load, items, num_threads=self._num_threads)
        while batch := list(islice(squares, _KERAS_BATCH)):
            # Always of one size: another would have the network compiled again.
            padded = np.zeros((_KERAS_BATCH, *batch[0].shape), np.float32)
            padded[: len(batch)] = batch
            yield from np.asarray(self._model.predict_on_batch(padded), np.float32)[: len(batch)]
