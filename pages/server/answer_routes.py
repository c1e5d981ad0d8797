"""The answers to a visitor's photos on the classify page, as `docs/routes.md` says: the page's component draws them."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from core.inference.batch_notes import batch_owner
from core.inference.batch_records import Answer
from core.inference.fair_pool import FairPool
from core.inference.heatmap import overlay
from core.inference.photo_batch import PhotoBatch
from core.photos.fit import thumbnail_jpeg
from pages.server.json_routes import NOT_HERE, Rate, json_answer, json_route, read_body, refusal, whole_number
from pages.server.services import services_of
from pages.server.waiting import counted, result_while_wanted, wait_for_change
from pages.words.answer_json import describe_changes

PHOTO_SIDES_PX = (320, 640, 1280)
SEEN = "seen"  # in place of a class: what the network saw

_WAIT_SECONDS = 10.0  # servers on the way cut connections on which nothing moves for a minute
_MAX_WAITING_OF_VISITOR = 12
_MAX_WAITING = 1_000
_MANY_PHOTOS = 100  # whose answers take so long to write down that others would wait
_MAX_BODY_BYTES = 64_000  # ten thousand ids of photos

# Somebody who scrolls through two thousand photos wants a hundred of them a second, and most no more a moment later.
_PHOTO_RATE = Rate(per_second=100, burst=600)
_HEAT_RATE = Rate(per_second=10, burst=60)
_ANSWER_RATE = Rate(per_second=20, burst=100)
_REMOVE_RATE = Rate(per_second=10, burst=60)
_MAX_PICTURES_OF_VISITOR = 300  # that are waited for at the same time

# A photo's id, and the fingerprint of a network, stand for the same picture for ever.
_PICTURE_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TOO_MUCH_OPEN = "This browser waits for too much at once. Close some of its tabs."
_NO_ROOM = "So many visitors wait at present that there is no room. It is tried again by itself."

# Photos are decoded, and heat maps computed, in turns as answers are, and beside them: what is looked at comes first.
_photo_pool = FairPool(2, name="shown-photos")
_heat_pool = FairPool(2, name="heat-maps")
_num_waiting: Counter[str] = Counter()  # requests that wait for answers, by visitor
_num_pictures: Counter[str] = Counter()


async def _send_answers(request: Request, visitor: str) -> Response:
    batch, since = await _find_batch(request, visitor), whole_number(request.query_params.get("since", "0"))
    if batch is None:
        return refusal(NOT_HERE, 404)
    if since is None:
        return refusal("since is the version of the answer before: a whole number.", 400)
    if since == batch.version and since > 0:
        if _num_waiting[visitor] >= _MAX_WAITING_OF_VISITOR:
            return refusal(_TOO_MUCH_OPEN, 429, {"Retry-After": "2"})
        if _num_waiting.total() >= _MAX_WAITING:
            return refusal(_NO_ROOM, 503, {"Retry-After": "5"})
        with counted(_num_waiting, visitor):
            await wait_for_change(batch.bell, lambda: batch.version != since, request, seconds=_WAIT_SECONDS)
        if await _find_batch(request, visitor) is not batch:
            return refusal(NOT_HERE, 404)  # given up meanwhile
    changes = batch.changes(request.path_params["fingerprint"], since)
    if len(changes.answers) >= _MANY_PHOTOS:
        return await asyncio.to_thread(lambda: json_answer(describe_changes(changes)))
    return json_answer(describe_changes(changes))


async def _send_photo(request: Request, visitor: str) -> Response:
    batch, answer = await _find_photo(request, visitor)
    if batch is None or answer is None or not answer.has_picture:
        return refusal(NOT_HERE, 404)
    side = whole_number(request.query_params.get("side", str(PHOTO_SIDES_PX[0])))
    if side not in PHOTO_SIDES_PX:
        return refusal(f"side is one of {', '.join(map(str, PHOTO_SIDES_PX))}.", 400)
    photo = answer.photo

    def draw() -> bytes:
        return thumbnail_jpeg(batch.open_image(photo.photo_id, photo.name, shortest_side_px=side), side)

    return await _picture(request, visitor, _photo_pool, draw)


async def _send_heat(request: Request, visitor: str) -> Response:
    batch, answer = await _find_photo(request, visitor)
    shown, fingerprint = request.path_params["shown"], request.path_params["fingerprint"]
    class_index = None if shown == SEEN else whole_number(shown)
    if batch is None or answer is None or answer.classification is None or (class_index is None and shown != SEEN):
        return refusal(NOT_HERE, 404)
    photo = answer.photo

    def draw() -> bytes | None:
        classifier = services_of(visitor).classifiers.find(fingerprint)
        if classifier is None or (class_index is not None and class_index >= len(classifier.classes)):
            return None
        square = classifier.square(batch.read(photo.photo_id), photo.name)
        if class_index is not None:
            square = overlay(square, classifier.heat(square, class_index))
        return thumbnail_jpeg(square, max(square.size))

    return await _picture(request, visitor, _heat_pool, draw)


async def _remove(request: Request, visitor: str) -> Response:
    batch = await _find_batch(request, visitor)
    if batch is None:
        return refusal(NOT_HERE, 404)
    body = await read_body(request, max_bytes=_MAX_BODY_BYTES)
    if body is None:
        return refusal(f"At most {_MAX_BODY_BYTES:,} bytes can be sent here.", 413)
    photo_ids = _photo_ids(body)
    if photo_ids is None:
        return refusal('The body is {"photo_ids": [1, 2]}, or {"photo_ids": "all"}.', 400)
    # Files are deleted, which a slow disk takes its time for.
    await asyncio.to_thread(batch.clear if photo_ids == "all" else lambda: batch.remove(*photo_ids))
    return json_answer({"version": batch.version})


async def _picture(request: Request, visitor: str, pool: FairPool, draw: Callable[[], bytes | None]) -> Response:
    """A JPEG that a thread makes when it is the visitor's turn."""
    if _num_pictures[visitor] >= _MAX_PICTURES_OF_VISITOR:
        return refusal(_TOO_MUCH_OPEN, 429, {"Retry-After": "1"})
    with counted(_num_pictures, visitor):
        jpeg = await result_while_wanted(pool.call(visitor, draw), request)
    if jpeg is None:
        return refusal(NOT_HERE, 404)
    return Response(jpeg, media_type="image/jpeg", headers=_PICTURE_HEADERS)


async def _find_batch(request: Request, visitor: str) -> PhotoBatch | None:
    """The visitor's own batch of the address; asking for it shows that the visitor is there."""
    return await asyncio.to_thread(find_batch, request.path_params["batch_id"], visitor)


def find_batch(batch_id: str, visitor: str) -> PhotoBatch | None:
    """The visitor's own batch with an id, which may come from the database. Raises as `services_of` and `find`."""
    services = services_of(visitor)
    return services.batches.find(batch_id, owner=batch_owner(services.space_id, visitor))


async def _find_photo(request: Request, visitor: str) -> tuple[PhotoBatch | None, Answer | None]:
    batch, photo_id = await _find_batch(request, visitor), whole_number(request.path_params["photo_id"])
    if batch is None or photo_id is None:
        return None, None
    return batch, batch.find(photo_id, request.path_params.get("fingerprint", ""))


def _photo_ids(body: bytes) -> list[int] | str | None:
    """Ids of photos, or "all"; None: the body says neither."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    photo_ids = said.get("photo_ids") if isinstance(said, dict) else None
    if photo_ids == "all":
        return "all"
    is_list = isinstance(photo_ids, list) and all(type(photo_id) is int for photo_id in photo_ids)
    return photo_ids if is_list else None


ANSWER_ROUTES = [
    json_route("/answers/{batch_id}/photos/{photo_id}.jpg", _send_photo, rate=_PHOTO_RATE),
    json_route("/answers/{batch_id}/{fingerprint}/heat/{photo_id}/{shown}.jpg", _send_heat, rate=_HEAT_RATE),
    json_route("/answers/{batch_id}/remove", _remove, rate=_REMOVE_RATE, method="POST"),
    json_route("/answers/{batch_id}/{fingerprint}", _send_answers, rate=_ANSWER_RATE),
]
