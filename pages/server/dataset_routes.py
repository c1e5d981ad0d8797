"""Routes on which browsers wait for what is new of an open dataset."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.services import Services
from pages.server.json_routes import NOT_HERE, Rate, json_route, refusal, whole_number
from pages.server.services import services_of
from pages.server.watching import Ear, WatchDesk

_RATE = Rate(per_second=10, burst=40)


def watched_dataset_route(
    part: str,
    tell: Callable[[int, Services], dict[str, Any]],
    *,
    every_seconds: float,
    topics: Callable[[int, Services], frozenset[str]],
) -> Route:
    """A route that answers once something of a dataset is new.

    Args:
        part: last part of its address.
        tell: what there is to tell of the dataset with a number now, or raises a `BluetitError`.
        every_seconds: at most so often that is asked for.
        topics: under which the database tells that something of the dataset has changed.
    """
    desk = WatchDesk()

    async def send(request: Request, visitor: str) -> Response:
        services = await asyncio.to_thread(services_of, visitor)
        dataset_id = whole_number(request.path_params["dataset_id"])
        if dataset_id is None:
            return refusal(NOT_HERE, 404)
        key = (services.space_id, dataset_id)
        ear = Ear(notices=services.database.notices, topics=topics(dataset_id, services))
        return await desk.answer(
            request, visitor, key, lambda: tell(dataset_id, services), every_seconds=every_seconds, ear=ear
        )

    return json_route(f"/datasets/{{dataset_id}}/{part}", send, rate=_RATE)
