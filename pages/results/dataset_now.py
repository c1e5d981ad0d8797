"""The dataset that a run learned from, as it is today: where its photos are, and whether they can be corrected."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.datasets.records import ClassView, DatasetView, ImageView, SnapshotView
from core.datasets.snapshots import load_snapshot
from core.errors import UnknownDatasetError
from core.runs.changes import DatasetChanges, changes_since
from core.runs.records import RunView
from core.services import Services
from pages.widgets.remembered import remembered

_NOW, _SNAPSHOT = "results.dataset_now", "results.snapshot"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetNow:
    """A dataset with its photos by hash."""

    dataset: DatasetView
    classes: tuple[ClassView, ...]
    class_names: Mapping[int, str]  # by id
    images: tuple[ImageView, ...]  # out of the trash
    by_hash: Mapping[str, Sequence[ImageView]]  # out of the trash first
    changes: DatasetChanges | None  # since the run began; None where nobody knows what it learned from

    def name_now(self, class_name: str) -> str:
        """The name that a class has now, which a run knows by the name that it had then."""
        return dict(self.changes.renamed_classes if self.changes else ()).get(class_name, class_name)

    def class_name(self, image: ImageView) -> str:
        """The class of an image."""
        return self.class_names.get(image.class_id, "a deleted class")

    def class_id(self, name: str) -> int | None:
        """The class that had this name when the run began; None where it is gone."""
        return next((view.id for view in self.classes if view.name == self.name_now(name)), None)

    def find(self, photo_hash: str, class_name: str) -> ImageView | None:
        """The image of a photo that was in this class, wherever it is now; None where it is gone for good."""
        images = self.by_hash.get(photo_hash, ())
        in_class = [image for image in images if self.class_name(image) == self.name_now(class_name)]
        return next(iter([*in_class, *images]), None)

    def name(self, photo_hash: str) -> str:
        """The name of a photo's file; the beginning of its hash where it is gone."""
        images = self.by_hash.get(photo_hash, ())
        return images[0].name if images else photo_hash[:12]


def read_dataset_now(view: RunView, services: Services) -> DatasetNow | None:
    """The dataset of a run; None where it was deleted."""
    if view.dataset_id is None:
        return None
    try:
        dataset = services.library.datasets.get(view.dataset_id)
    except UnknownDatasetError:
        return None
    if dataset.trashed_at is not None:
        return None
    snapshot = read_snapshot(view, services)
    key = (dataset.id, dataset.revision, view.snapshot_hash)
    return remembered(_NOW, key, lambda: _read(dataset, snapshot, services))


def read_snapshot(view: RunView, services: Services) -> SnapshotView | None:
    """What the run learned from; None where nobody knows any more."""

    def load() -> SnapshotView | None:
        try:
            return load_snapshot(services.database, view.snapshot_hash)
        except UnknownDatasetError:
            return None

    return remembered(_SNAPSHOT, view.snapshot_hash, load)


def _read(dataset: DatasetView, snapshot: SnapshotView | None, services: Services) -> DatasetNow:
    library = services.library
    images = tuple(library.images.of(dataset.id))
    by_hash: dict[str, list[ImageView]] = defaultdict(list)
    for image in (*images, *library.images.in_trash(dataset.id)):
        by_hash[image.photo_hash].append(image)
    classes = tuple(library.classes.of(dataset.id))
    changes = None if snapshot is None else changes_since(snapshot, images, classes)
    return DatasetNow(
        dataset=dataset,
        classes=classes,
        class_names={view.id: view.name for view in classes},
        images=images,
        by_hash=by_hash,
        changes=changes,
    )
