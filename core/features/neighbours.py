"""Which photos are like a photo, by the cosine of their features."""

import numpy as np
import numpy.typing as npt

# Photos that are compared with all others at a time: with 10,000 others 40 MB.
_CHUNK_PHOTOS = 1_000

Features = npt.NDArray[np.float32]


def unit_length(features: npt.NDArray[np.floating]) -> Features:
    """Features whose direction alone counts; those of a photo that has none stay 0.

    Args:
        features: float (..., channels).

    Returns:
        float32 of the same shape, of length 1.
    """
    values = np.asarray(features, np.float32)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def nearest(features: Features, others: Features, k: int) -> tuple[npt.NDArray[np.intp], Features]:
    """The `k` others that are most like each photo, or all where there are fewer; equally like ones in their order.

    Args:
        features: float32 (photos, channels), of length 1.
        others: float32 (others, channels), of length 1.
        k: how many, at least 1.

    Returns:
        Rows of the others (photos, k), nearest first, and float32 (photos, k): cosine distances, 0 (alike) to 2.
    """
    k = min(k, len(others))
    rows = np.empty((len(features), k), np.intp)
    distances = np.empty((len(features), k), np.float32)
    for start in range(0, len(features), _CHUNK_PHOTOS):
        chunk = slice(start, start + _CHUNK_PHOTOS)
        away = 1 - features[chunk] @ others.T
        # Those that are nearest in any order, then in order; a full sort of all of them takes ten times as long.
        found = np.sort(np.argpartition(away, k - 1, axis=1)[:, :k], axis=1) if k < len(others) else _all(away)
        of_found = np.take_along_axis(away, found, axis=1)
        order = np.argsort(of_found, axis=1, kind="stable")
        rows[chunk] = np.take_along_axis(found, order, axis=1)
        # Rounding makes less than 0 of a photo's distance to itself.
        distances[chunk] = np.clip(np.take_along_axis(of_found, order, axis=1), 0, 2)
    return rows, distances


def _all(away: Features) -> npt.NDArray[np.intp]:
    return np.broadcast_to(np.arange(away.shape[1]), away.shape)
