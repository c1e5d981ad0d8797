"""How many photos phones have sent, for whoever has the dataset open: its page shows them as they come."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.services import Services
from pages.server.json_routes import NOT_HERE, Rate, json_route, refusal, whole_number
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of
from pages.server.watching import WatchDesk
from pages.words.phones_told import tell_phones

_LOOK_SECONDS = 1.0
_RATE = Rate(per_second=10, burst=40)

_desk = WatchDesk()


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


async def _send_phones(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    dataset_id = whole_number(request.path_params["dataset_id"])
    if dataset_id is None:
        return refusal(NOT_HERE, 404)

    def read() -> dict[str, Any]:
        return tell_phones_now(dataset_id, services)

    key = ("phones", services.space_id, dataset_id)
    return await _desk.answer(request, visitor, key, read, every_seconds=_LOOK_SECONDS)


PHONE_WATCH_ROUTES = [json_route("/datasets/{dataset_id}/phones", _send_phones, rate=_RATE)]
