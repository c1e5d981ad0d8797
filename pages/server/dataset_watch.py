"""What other visitors, phones and background work do to a dataset, for whoever has it open."""

from collections.abc import Sequence
from typing import Any

from core.datasets.ingest.desk import IMPORT_KIND, ImportStatus
from core.datasets.tasks import CHECK_KIND, dataset_task_key
from core.services import Services
from core.storage.notices import dataset_topic, task_topic, tasks_topic
from pages.server.dataset_routes import watched_dataset_route
from pages.server.photo_routes import routes_prefix
from pages.words.dataset_told import tell_dataset

# With the way to the server and back, and the page that is made anew, a phone's photo is seen within two seconds.
_LOOK_SECONDS = 0.8


def dataset_progress_url(dataset_id: int) -> str:
    """Address of what happens to a dataset, relative to the page."""
    return f"{routes_prefix()}/datasets/{dataset_id}/progress"


def tell_dataset_now(
    dataset_id: int, standing: tuple[int, float | None], statuses: Sequence[ImportStatus], services: Services
) -> dict[str, Any]:
    """How a dataset stands, its imports and its check.

    Args:
        dataset_id: of the dataset.
        standing: of it, as `DatasetShelf.standing` reads it.
        statuses: of its newest imports, read after that.
        services: the open services.
    """
    revision, trashed_at = standing
    checked_revision = services.library.checks.checked_revision(dataset_id)
    # A check of what has changed begins with the page that shows the change, and is news when it ends.
    is_checked_again = checked_revision == revision and services.dataset_tasks.is_active(CHECK_KIND, dataset_id)
    return tell_dataset((revision, trashed_at, checked_revision, is_checked_again), statuses)


def _look_at_dataset(dataset_id: int, services: Services) -> dict[str, Any]:
    standing = services.library.datasets.standing(dataset_id)
    return tell_dataset_now(dataset_id, standing, services.imports.list_statuses(dataset_id), services)


def _topics(dataset_id: int, services: Services) -> frozenset[str]:
    return frozenset(
        {
            dataset_topic(dataset_id),
            tasks_topic(services.space_id, IMPORT_KIND),
            task_topic(dataset_task_key(CHECK_KIND, dataset_id)),
        }
    )


DATASET_WATCH_ROUTES = [
    watched_dataset_route("progress", _look_at_dataset, every_seconds=_LOOK_SECONDS, topics=_topics),
]
