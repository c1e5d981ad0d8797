"""Features of thousands of photos in memory, for those who compare all of them at every click."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.features.cache import FeatureCache
from core.features.key import FeatureKey
from core.settings import Settings

# What all that is kept may take: 25,000 photos of 1,280 features. What is asked for now is kept whatever it takes.
_MAX_BYTES = 64_000_000

# float16 takes half the memory and changes the cosine of two photos by less than 0.001; its largest number is 65,504.
Kept = npt.NDArray[np.floating]
_MOST_IN_HALF = 30_000.0


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Photos of one collection by one network."""

    rows: dict[str, int]  # by photo hash
    features: Kept  # (photos, channels)


class FeatureTable:
    """Reads features from the cache once, and keeps them for the next question; safe to share between threads.

    What is kept is found by those only who name the photos, so that all spaces of a server can share one table.
    """

    def __init__(self, settings: Settings, *, max_bytes: int = _MAX_BYTES) -> None:
        self._cache = FeatureCache(settings)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Hashable, FeatureKey], _Kept] = OrderedDict()

    def get(self, collection: Hashable, key: FeatureKey, hashes: Sequence[str]) -> tuple[Kept, npt.NDArray[np.bool_]]:
        """The features of photos, and which of the photos have any.

        Args:
            collection: what the photos belong to; photos of one collection are kept together.
            key: of the network.
            hashes: of the photos, repeated or not.

        Returns:
            float16, or float32 where numbers are too large for that, (known photos, channels), in the order of the
            hashes; and bool (photos,): whether the features of each are known.
        """
        with self._lock:
            kept = self._kept.get((collection, key)) or _Kept({}, np.empty((0, 0), np.float16))
        missing = sorted(set(hashes) - kept.rows.keys())
        if missing:
            kept = _joined(kept, self._cache.get(*key, missing), set(hashes))
        with self._lock:
            self._kept.pop((collection, key), None)
            self._kept[collection, key] = kept
            while len(self._kept) > 1 and self._num_bytes() > self._max_bytes:
                self._kept.popitem(last=False)
        is_known = np.fromiter((photo_hash in kept.rows for photo_hash in hashes), np.bool_, len(hashes))
        rows = [kept.rows[photo_hash] for photo_hash in hashes if photo_hash in kept.rows]
        return kept.features[rows], is_known

    def _num_bytes(self) -> int:
        return sum(kept.features.nbytes for kept in self._kept.values())


def _joined(kept: _Kept, new: dict[str, npt.NDArray[np.float32]], wanted: set[str]) -> _Kept:
    """What is kept with what was read; photos that nobody asks for any more are let go."""
    if not new:
        return kept
    staying = [photo_hash for photo_hash in kept.rows if photo_hash in wanted]
    read: Kept = np.stack(list(new.values()))
    if float(np.abs(read).max()) < _MOST_IN_HALF:
        read = read.astype(np.float16)
    before = kept.features[[kept.rows[photo_hash] for photo_hash in staying]] if staying else read[:0]
    names = [*staying, *new]
    return _Kept({name: row for row, name in enumerate(names)}, np.concatenate([before, read]))
