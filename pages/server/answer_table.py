"""The answers to a visitor's photos as a table to take away."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from core.inference.photo_batch import PhotoBatch
from pages.server.answer_routes import find_batch
from pages.server.json_routes import NOT_HERE, Rate, json_route, refusal
from pages.words.answers_csv import to_csv

_RATE = Rate(per_second=1, burst=10)
_MAX_TITLE_CHARS = 300
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": 'attachment; filename="bluetit.csv"',
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def _send_table(request: Request, visitor: str) -> Response:
    batch = await asyncio.to_thread(find_batch, request.path_params["batch_id"], visitor)
    if batch is None:
        return refusal(NOT_HERE, 404)
    title = request.query_params.get("network", "")[:_MAX_TITLE_CHARS]
    content = await asyncio.to_thread(_table, batch, request.path_params["fingerprint"], title)
    return Response(content, media_type="text/csv", headers=_HEADERS)


def _table(batch: PhotoBatch, fingerprint: str, network_title: str) -> bytes:
    # The mark in front makes Excel read UTF-8.
    return to_csv(batch.view(fingerprint).answers, network_title).encode("utf-8-sig")


ANSWER_TABLE_ROUTES = [json_route("/answers/{batch_id}/{fingerprint}/table.csv", _send_table, rate=_RATE)]
