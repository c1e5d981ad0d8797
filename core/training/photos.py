"""The photos of a run: which there are in each split, and how each becomes the square that the network sees."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.config import AugmentConfig
from core.datasets.records import SnapshotView, Split
from core.errors import TrainingDataError
from core.features.key import MIRRORED_VIEW, view_name
from core.photos.augment import augment
from core.photos.fit import mirrored, to_array
from core.photos.record import PhotoRecord
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore

Pixels = npt.NDArray[np.uint8]

_NAME_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhotos:
    """The photos of one split, in the snapshot's order."""

    photos: tuple[PhotoRecord, ...]
    class_indices: npt.NDArray[np.int64]  # (photos,)

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPhotos:
    """All photos of a run; those without a split take no part."""

    class_names: tuple[str, ...]
    train: LabelledPhotos
    validation: LabelledPhotos
    test: LabelledPhotos


def gather_photos(snapshot: SnapshotView, records: Mapping[str, PhotoRecord]) -> RunPhotos:
    """The photos of a snapshot by split.

    Args:
        snapshot: what the run learns from.
        records: of every photo of the snapshot, by hash.

    Raises:
        TrainingDataError: there are no two classes, or a class has no photos to learn from.
    """
    if len(snapshot.class_names) < 2:
        raise TrainingDataError(
            f"The dataset has only one class, {snapshot.class_names[0]}; a network learns to tell two or more apart. "
            "Add another class with photos."
        )
    splits = {split: _photos_in(snapshot, records, split) for split in Split}
    counts = Counter(int(index) for index in splits[Split.TRAIN].class_indices)
    empty = [name for index, name in enumerate(snapshot.class_names) if not counts[index]]
    if empty:
        raise TrainingDataError(
            f"There are no training photos of {', '.join(empty)}. Add photos, or move some of them into train "
            "(Dataset, section Split)."
        )
    return RunPhotos(
        class_names=snapshot.class_names,
        train=splits[Split.TRAIN],
        validation=splits[Split.VALIDATION],
        test=splits[Split.TEST],
    )


def _photos_in(snapshot: SnapshotView, records: Mapping[str, PhotoRecord], split: Split) -> LabelledPhotos:
    images = [image for image in snapshot.images if image.split is split]
    missing = [image.photo_hash for image in images if image.photo_hash not in records]
    if missing:
        raise TrainingDataError(
            f"{len(missing)} photos of the run are not known any more, such as {missing[0][:_NAME_DIGITS]}. "
            "Add them to the dataset again, and train anew."
        )
    return LabelledPhotos(
        photos=tuple(records[image.photo_hash] for image in images),
        class_indices=np.array([image.class_index for image in images], dtype=np.int64),
    )


class ViewLoader:
    """Makes squares of photos; safe to use from any number of threads."""

    def __init__(self, store: PhotoStore, squares: SquareMaker, config: AugmentConfig | None) -> None:
        """Make a loader.

        Args:
            store: where the photos are.
            squares: how they become squares.
            config: how views differ from their photo; None where only the photos themselves are wanted.
        """
        self._store = store
        self._squares = squares
        self._config = config

    def bring(self, photos: Sequence[PhotoRecord]) -> None:
        """Have photos at hand that are about to be loaded.

        Raises:
            StorageError: they are in an object store that does not answer.
        """
        self._store.bring(photos)

    def load(self, photo: PhotoRecord, view: int) -> Pixels:
        """A view of a photo: uint8 (height, width, 3), 0-255.

        Args:
            photo: of the store.
            view: 0 is the photo itself, `MIRRORED_VIEW` its mirror image, others are augmented.

        Raises:
            DatasetError: its file is missing or was changed.
            ImageError: it cannot be decoded.
        """
        data = self._store.read(photo.hash, photo.suffix)
        name = photo.hash[:_NAME_DIGITS]
        config = self._config
        if view == MIRRORED_VIEW:
            return mirrored(to_array(self._squares.square(data, name)))
        if view == 0 or config is None:
            return to_array(self._squares.square(data, name))
        return to_array(
            self._squares.square(
                data, name, change=lambda image: augment(image, config, photo_hash=photo.hash, view=view)
            )
        )

    def view_name(self, view: int) -> str:
        """The name under which the features of a view are cached; empty for the photo itself."""
        return view_name(self._config, view)
