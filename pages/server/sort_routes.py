"""Sorting photos without reruns of the page: what to show next, and what the person has decided.

Each key that a person presses is a decision; the browser sends them together and shows the next photo meanwhile. See
docs/routes.md.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import UnknownDatasetError
from core.services import Services
from core.sorting.records import Adviser
from pages.server.json_routes import NOT_HERE, Answer, Rate, json_answer, json_route, read_body, refusal, whole_number
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of
from pages.words.sorting_told import read_moves, read_search, read_undo, tell_found, tell_suggestions

_PER_PAGE = 50
# Decisions come together every second or two; a page of photos takes longer than that to look at.
_RATE = Rate(per_second=5, burst=40)
_MAX_BYTES = 2_000_000  # 10,000 photos decided on, twice

_TOO_LONG = "That is more than can be sorted at once. Load the page anew and go on from there."


def sorting_url(dataset_id: int) -> str:
    """What the addresses for sorting the photos of a dataset begin with, relative to the page."""
    return f"{routes_prefix()}/datasets/{dataset_id}/sorting"


# What is answered, given the visitor's services, the dataset and the request with its body; called in a thread.
_Work = Callable[[Services, int, Request, bytes], dict[str, Any]]


def _find_alike(services: Services, dataset_id: int, _: Request, body: bytes) -> dict[str, Any]:
    found = services.sorting.find(dataset_id, read_search(body), limit=_PER_PAGE)
    return tell_found(found, {view.id: view.name for view in services.library.classes.of(dataset_id)})


def _suggest(services: Services, dataset_id: int, request: Request, _: bytes) -> dict[str, Any]:
    class_id, adviser = whole_number(request.path_params["class_id"]), request.path_params["adviser"]
    if class_id is None or adviser not in set(Adviser):
        raise UnknownDatasetError("There is no such class, or nobody of that name to ask.")
    return tell_suggestions(services.sorting.suggest(dataset_id, class_id, Adviser(adviser)))


def _move(services: Services, dataset_id: int, _: Request, body: bytes) -> dict[str, Any]:
    moves, split = read_moves(body)
    done = services.library.images.sort(dataset_id, moves, split=split)
    return {"operation": done.id, "summary": done.summary}


def _take_back(services: Services, _dataset_id: int, _: Request, body: bytes) -> dict[str, Any]:
    operation_id, image_ids = read_undo(body)
    result = services.library.history.take_back(operation_id, image_ids)
    return {"num_restored": result.num_restored, "num_left_alone": result.num_left_alone}


def _answering(work: _Work) -> Answer:
    async def answer(request: Request, visitor: str) -> Response:
        body = await read_body(request, max_bytes=_MAX_BYTES)
        if body is None:
            return refusal(_TOO_LONG, 413)
        return json_answer(await asyncio.to_thread(_work_for, visitor, request, body, work))

    return answer


def _work_for(visitor: str, request: Request, body: bytes, work: _Work) -> dict[str, Any]:
    services, dataset_id = services_of(visitor), whole_number(request.path_params["dataset_id"])
    if dataset_id is None:
        raise UnknownDatasetError(NOT_HERE)
    services.library.datasets.get(dataset_id)
    return work(services, dataset_id, request, body)


_PATH = "/datasets/{dataset_id}/sorting"
SORT_ROUTES = [
    json_route(f"{_PATH}/alike", _answering(_find_alike), rate=_RATE, method="POST"),
    json_route(f"{_PATH}/suggestions/{{class_id}}/{{adviser}}", _answering(_suggest), rate=_RATE),
    json_route(f"{_PATH}/moves", _answering(_move), rate=_RATE, method="POST"),
    json_route(f"{_PATH}/take-back", _answering(_take_back), rate=_RATE, method="POST"),
]
