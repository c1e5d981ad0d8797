"""A backbone's engine that several trained models ask: what one made of a photo, the next need not compute again."""

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.litert.engine import Engine

# Two full batches of photos; 1,280 features each take 10 MB together.
_MAX_REMEMBERED = 2_000


class SharedEngine(Engine):
    """An engine that remembers the features of the photos it saw last; safe to use from any number of threads."""

    def __init__(self, model_path: Path, *, num_threads: int) -> None:
        super().__init__(model_path, num_threads=num_threads)
        self._features: OrderedDict[bytes, npt.NDArray[np.float32]] = OrderedDict()
        self._features_lock = threading.Lock()

    def features(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> npt.NDArray[np.float32]:
        """Pooled features of a photo, float32 (channels,), computed or remembered; arguments as for `run`."""
        # By its pixels: however a photo was named, decoded and cut, the same square has the same features.
        key = hashlib.sha256(pixels.tobytes()).digest()
        with self._features_lock:
            if key in self._features:
                self._features.move_to_end(key)
                return self._features[key]
        features = self.run(pixels, is_alone=is_alone).features
        with self._features_lock:
            self._features[key] = features
            while len(self._features) > _MAX_REMEMBERED:
                self._features.popitem(last=False)
        return features
