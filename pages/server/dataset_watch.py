"""What other visitors, phones and background work do to a dataset, for whoever has it open."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.datasets.ingest.desk import ImportStatus
from core.datasets.tasks import CHECK_KIND
from core.services import Services
from pages.server.json_routes import NOT_HERE, Rate, json_route, refusal, whole_number
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of
from pages.server.watching import WatchDesk
from pages.words.dataset_told import tell_dataset

# With the way to the server and back, and the page that is made anew, a phone's photo is seen within two seconds.
_LOOK_SECONDS = 0.8
_RATE = Rate(per_second=10, burst=40)

_desk = WatchDesk()


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


async def _send_dataset(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    dataset_id = whole_number(request.path_params["dataset_id"])
    if dataset_id is None:
        return refusal(NOT_HERE, 404)

    def read() -> dict[str, Any]:
        standing = services.library.datasets.standing(dataset_id)
        return tell_dataset_now(dataset_id, standing, services.imports.list_statuses(dataset_id), services)

    key = (services.space_id, dataset_id)
    return await _desk.answer(request, visitor, key, read, every_seconds=_LOOK_SECONDS)


DATASET_WATCH_ROUTES = [json_route("/datasets/{dataset_id}/progress", _send_dataset, rate=_RATE)]
