"""The training photos of a model as features: what a new photo is compared with, kept beside the model.

reference.npz   hashes U64 (photos,), class_indices int64 (photos,), features float16 (photos, channels): of
                length 1, as the network makes them of the photos themselves
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.errors import ArrayFileError, RunFileError
from core.features.neighbours import nearest, unit_length
from core.runs.folder import RunFolder
from core.storage.arrays import read_arrays, write_arrays

# With 1,280 features so many take 26 MB on the disk and 51 MB in memory.
MAX_PHOTOS = 10_000


class Reference:
    """Photos that a model learned from; safe to use from any number of threads."""

    def __init__(
        self,
        hashes: Sequence[str],
        class_indices: npt.NDArray[np.int64],
        features: npt.NDArray[np.floating],
    ) -> None:
        """Take in photos; of more than `MAX_PHOTOS` only so many, evenly chosen, are kept.

        Args:
            hashes: of the photos, at least one.
            class_indices: (photos,): their classes.
            features: float (photos, channels), of any length.
        """
        rows = np.unique(np.linspace(0, len(hashes) - 1, min(len(hashes), MAX_PHOTOS)).astype(np.int64))
        self.hashes = tuple(hashes[row] for row in rows)
        self.class_indices = np.asarray(class_indices, np.int64)[rows]
        # Rounded as the file keeps them: distances are the same before they are written and after.
        self.features = unit_length(unit_length(features[rows]).astype(np.float16))

    @property
    def num_features(self) -> int:
        """Width of the features that it compares."""
        return int(self.features.shape[1])

    def nearest(self, features: npt.NDArray[np.floating], k: int) -> list[tuple[str, int, float]]:
        """The photos that are most like another one, nearest first.

        Args:
            features: float (channels,), of any length.
            k: how many, at least 1.

        Returns:
            Of each its hash, its class and its cosine distance, 0 (alike) to 2.

        Raises:
            RunFileError: the features are those of another network.
        """
        rows, distances = self.nearest_rows(features[np.newaxis], k)
        return [
            (self.hashes[row], int(self.class_indices[row]), float(distance))
            for row, distance in zip(rows[0], distances[0], strict=True)
        ]

    def distance(self, features: npt.NDArray[np.floating]) -> float:
        """Cosine distance of a photo to the nearest one, 0 (alike) to 2; arguments and errors as for `nearest`."""
        self._check_width(features)
        # Not a matrix product: that wakes all cores for every photo, while they are busy with other photos.
        cosines = np.einsum("pc,c->p", self.features, unit_length(features))
        return float(np.clip(1 - cosines.max(), 0, 2))

    def nearest_rows(
        self, features: npt.NDArray[np.floating], k: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """The same for many photos at once.

        Args:
            features: float (photos, channels), of any length.
            k: how many, at least 1.

        Returns:
            Rows (photos, k) and distances (photos, k), nearest first; k is less where there are fewer photos here.

        Raises:
            RunFileError: the features are those of another network.
        """
        self._check_width(features)
        return nearest(unit_length(features), self.features, k)

    def _check_width(self, features: npt.NDArray[np.floating]) -> None:
        if features.shape[-1] != self.num_features:
            raise RunFileError(
                f"The network has {features.shape[-1]} features, those of the training photos are {self.num_features}. "
                "Examine the model again."
            )


def read_reference(folder: RunFolder) -> Reference | None:
    """The training photos of a run's model; None where nobody has examined it.

    Raises:
        RunFileError: the file is damaged.
        StorageError: the file cannot be read.
    """
    path = folder.reference_path
    if not path.is_file():
        return None
    try:
        arrays = read_arrays(path)
        hashes = [str(photo_hash) for photo_hash in arrays["hashes"]]
        class_indices, features = arrays["class_indices"], arrays["features"]
    except ArrayFileError as exc:
        raise RunFileError(f"{exc} Examine the model again.") from exc
    is_whole = bool(hashes) and class_indices.shape == (len(hashes),) and features.ndim == 2
    if not (is_whole and len(features) == len(hashes) and np.isfinite(features).all()):
        raise RunFileError(
            f"The file {path} is damaged: {len(hashes)} photos, classes {class_indices.shape} and features "
            f"{features.shape} do not belong together. Examine the model again."
        )
    return Reference(hashes, class_indices, features)


def write_reference(folder: RunFolder, reference: Reference) -> None:
    """Keep the training photos of a run's model.

    Raises:
        NoSpaceError: the disk is full.
        StorageError: the file cannot be written.
    """
    arrays = {
        "hashes": np.array(reference.hashes, dtype="U64"),
        "class_indices": reference.class_indices,
        "features": reference.features.astype(np.float16),
    }
    write_arrays(folder.reference_path, arrays)
