"""LiteRT interpreters that many sessions can use at once.

An interpreter must not be used by two threads at a time. `Engine` keeps several, each on one thread of its own, and
lends one out per photo: two interpreters on one thread each answer more photos a second than one on two threads,
because one of them computes while the other's photo is being decoded. A photo that comes alone has nobody to share the
processor with: for it there is one more interpreter, on all threads. The others are loaded when photos first come
together: each takes several times the size of the network's file in memory.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from core.errors import ArtefactDamagedError

# Interpreters besides the one on all threads may repeat the network's weights up to this size: with a small network one
# for each thread, with a large one none at all. Memory counts more than speed.
_REPEATED_WEIGHTS_BYTES = 80_000_000

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a network says to one photo."""

    probabilities: npt.NDArray[np.float32]  # (classes,), 0-1; none where the network has no classes of its own
    # (channels,): mean of the feature map over rows and columns; of a network from scratch, what its last layer takes
    features: npt.NDArray[np.float32]
    feature_map: npt.NDArray[np.float32]  # (rows, columns, channels)


class AnyEngine(Protocol):
    """Whatever answers for photos: in this process, or at the end of a pipe; safe to use from any number of threads."""

    num_threads: int  # photos answered at the same time
    num_bytes: int  # of the network's file
    num_features: int
    num_classes: int  # 0: it has features only

    @property
    def image_size(self) -> tuple[int, ...]:
        """Height and width that it takes, px."""

    @property
    def feature_map_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its last feature map; one place where it has or shows none."""

    def run(self, pixels: npt.NDArray[Any], *, is_alone: bool = False) -> Outputs:
        """Answer for one photo; see `Engine.run`."""


class FeatureEngine(AnyEngine, Protocol):
    """One that is asked for its features alone, too."""

    def features(self, pixels: npt.NDArray[Any], *, is_alone: bool = False) -> npt.NDArray[np.float32]:
        """Pooled features of a photo; see `SharedEngine.features`."""


class LiteRTModel:
    """One interpreter; not safe to use from two threads at a time."""

    def __init__(self, content: bytes, *, num_threads: int) -> None:
        """Load a network from the bytes of its LiteRT file.

        From bytes, not from the path: LiteRT would map the file, and a file cut off under a mapping kills the process.
        Several interpreters can share the bytes.

        Args:
            content: file whose outputs are probabilities, pooled features and last feature map, or the last two only.
            num_threads: threads that one answer is computed on.

        Raises:
            ArtefactDamagedError: LiteRT cannot read the file.
        """
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=num_threads)
            self._interpreter.allocate_tensors()
            outputs = self._interpreter.get_signature_runner().get_output_details()
            self._output_indices = [outputs[f"output_{number}"]["index"] for number in range(len(outputs))]
            _, rows, columns, channels = (int(side) for side in outputs[f"output_{len(outputs) - 1}"]["shape"])
        except (ValueError, RuntimeError, KeyError) as exc:
            raise ArtefactDamagedError(f"The prepared network cannot be loaded: {exc}. Prepare it again.") from exc
        (pixels,) = self._interpreter.get_input_details()
        self._input_index = pixels["index"]
        self.image_size = tuple(int(side) for side in pixels["shape"][1:3])
        self.feature_map_shape = (rows, columns, channels)
        self.num_features = int(outputs[f"output_{len(outputs) - 2}"]["shape"][-1])
        self.num_classes = int(outputs["output_0"]["shape"][-1]) if len(outputs) == 3 else 0
        # The first answer takes many times longer than the others, because memory is laid out for it.
        self._interpreter.invoke()

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """Answer for one photo.

        Args:
            pixels: uint8 or float32 (height, width, 3), 0-255, of the size that the network takes.
        """
        self._interpreter.set_tensor(self._input_index, pixels[np.newaxis].astype(np.float32))
        self._interpreter.invoke()
        *probabilities, features, feature_map = (
            self._interpreter.get_tensor(index)[0] for index in self._output_indices
        )
        return Outputs(probabilities[0] if probabilities else np.empty(0, np.float32), features, feature_map)


class Engine:
    """Interpreters of one network, lent out one per photo; safe to use from any number of threads."""

    def __init__(self, model_path: Path, *, num_threads: int) -> None:
        """Load the network.

        Args:
            model_path: the LiteRT file.
            num_threads: photos answered at the same time, at least 1.

        Raises:
            ArtefactDamagedError: LiteRT cannot read the file.
        """
        self.num_threads = num_threads
        content = model_path.read_bytes()
        self.num_bytes = len(content)
        self._model_for_one = LiteRTModel(content, num_threads=num_threads)
        self.image_size = self._model_for_one.image_size
        self.feature_map_shape = self._model_for_one.feature_map_shape
        self.num_features = self._model_for_one.num_features
        self.num_classes = self._model_for_one.num_classes
        self._lock_for_one = threading.Lock()
        self._content = content
        self._num_repeated = min(num_threads, _REPEATED_WEIGHTS_BYTES // len(content))
        self._idle_models: queue.SimpleQueue[LiteRTModel] | None = None
        self._loading_lock = threading.Lock()

    def run(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> Outputs:
        """Answer for one photo, waiting for an idle interpreter.

        Args:
            pixels: uint8 or float32 (height, width, 3), 0-255, of the size that the network takes.
            is_alone: whether no other photo is being answered, so that all threads are free for this one.
        """
        if is_alone or self._num_repeated < 2:
            with self._lock_for_one:
                return self._model_for_one.run(pixels)
        idle_models = self._models_for_many()
        model = idle_models.get()
        try:
            return model.run(pixels)
        finally:
            idle_models.put(model)

    def _models_for_many(self) -> queue.SimpleQueue[LiteRTModel]:
        with self._loading_lock:
            if self._idle_models is None:
                idle_models: queue.SimpleQueue[LiteRTModel] = queue.SimpleQueue()
                for _ in range(self._num_repeated):
                    idle_models.put(LiteRTModel(self._content, num_threads=1))
                self._idle_models = idle_models
            return self._idle_models


def map_streamed(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_threads: int
) -> Generator[Result, None, None]:
    """Apply `function` to each item on `num_threads` threads and yield the results in order, as they come.

    Unlike `Executor.map` it takes only a few items at a time from `items` and keeps only a few results, so that memory
    stays flat however many photos there are; when the caller stops early, what was not begun is dropped.
    """
    waiting: deque[Future[Result]] = deque()
    executor = ThreadPoolExecutor(num_threads, thread_name_prefix="classify")
    try:
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) > 2 * num_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
