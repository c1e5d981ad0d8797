"""How many photos phones have sent, for whoever has the dataset open: its page shows them as they come."""

import time
from typing import Any

from core.services import Services
from core.storage.notices import dataset_topic
from pages.server.dataset_routes import watched_dataset_route
from pages.server.photo_routes import routes_prefix
from pages.words.phones_told import tell_phones

_LOOK_SECONDS = 1.0


def phones_url(dataset_id: int) -> str:
    """Address of what phones have sent into a dataset, relative to the page."""
    return f"{routes_prefix()}/datasets/{dataset_id}/phones"


def tell_phones_now(dataset_id: int, services: Services) -> dict[str, Any]:
    """How the links of phones into a dataset stand.

    Raises:
        UnknownDatasetError: there is no such dataset.
    """
    services.library.datasets.standing(dataset_id)
    return tell_phones(services.phone_links.living(dataset_id), now=time.time())


def _topics(dataset_id: int, _services: Services) -> frozenset[str]:
    return frozenset({dataset_topic(dataset_id)})


PHONE_WATCH_ROUTES = [
    watched_dataset_route("phones", tell_phones_now, every_seconds=_LOOK_SECONDS, topics=_topics),
]
