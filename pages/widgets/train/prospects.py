"""What there is to learn from in a dataset."""

from core.datasets.records import DatasetView
from core.datasets.tasks import CHECK_KIND
from core.runs.begin import Prospect, find_prospect
from core.services import Services
from pages.widgets.dataset.remembered import remembered

_PROSPECT = "train.prospect"


def find_dataset_prospect(dataset: DatasetView, services: Services) -> Prospect:
    """What a run of a dataset would learn from, worked out again only when the dataset or its check has changed."""

    def find() -> Prospect:
        images = services.library.list_images(dataset.id)
        hashes = {image.photo_hash for image in images}
        return find_prospect(images, services.library.get_likeness(dataset.id, hashes))

    check = services.dataset_tasks.latest(CHECK_KIND, dataset.id)  # which finds the near-duplicates
    dismissed = services.library.dismissed_findings(dataset.id)  # which binds nothing any more
    return remembered(_PROSPECT, (dataset.id, dataset.revision, check, dismissed), find)
