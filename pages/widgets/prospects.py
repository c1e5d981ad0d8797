"""What there is to learn from in a dataset, and what its photos are like."""

from collections import defaultdict

from core.datasets.records import DatasetView
from core.datasets.tasks import CHECK_KIND
from core.runs.begin import Prospect, find_prospect
from core.runs.nature import Nature
from core.services import Services
from pages.widgets.findings import mirrored_classes
from pages.widgets.remembered import remembered

_PROSPECT, _NATURE = "train.prospect", "train.nature"


def find_dataset_prospect(dataset: DatasetView, services: Services) -> Prospect:
    """What a run of a dataset would learn from, worked out again only when the dataset or its check has changed."""

    def find() -> Prospect:
        images = services.library.images.of(dataset.id)
        hashes = {image.photo_hash for image in images}
        return find_prospect(images, services.library.checks.likeness(dataset.id, hashes))

    check = services.dataset_tasks.latest(CHECK_KIND, dataset.id)  # which finds the near-duplicates
    dismissed = services.library.checks.dismissed(dataset.id)  # which binds nothing any more
    return remembered(_PROSPECT, (dataset.id, dataset.revision, check, dismissed), find)


def find_nature(dataset: DatasetView, services: Services) -> Nature:
    """What the photos of a dataset are like, worked out again only when the dataset or its check has changed."""

    def find() -> Nature:
        names = {view.id: view.name for view in services.library.classes.of(dataset.id)}
        images = services.library.images.of(dataset.id)
        photos = services.library.photos.get({image.photo_hash for image in images})
        sizes = defaultdict[str, list[tuple[int, int]]](list)
        for image in images:
            photo = photos[image.photo_hash]
            sizes[names[image.class_id]].append((photo.width, photo.height))
        return Nature(sizes=dict(sizes), mirrored_classes=mirrored_classes(dataset.id, services))

    check = services.dataset_tasks.latest(CHECK_KIND, dataset.id)
    return remembered(_NATURE, (dataset.id, dataset.revision, check), find)
