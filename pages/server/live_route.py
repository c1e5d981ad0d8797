"""What a live camera shows, answered frame by frame; see docs/routes.md.

Frames are never queued: a visitor has one under way at a time, and one that has waited too long for its turn is dropped
when it comes. What a camera sees is kept nowhere.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.backbones.catalog import find_backbone
from core.errors import RunStateError, UnknownBackboneError, UnknownForeignModelError, UnknownRunError
from core.inference.classifier import Classifier
from core.inference.live_frame import FRAME_LIMITS, TOLD_FROM, FrameAnswer, answer_frame
from core.services import Services
from pages.server.json_routes import Rate, json_answer, json_route, read_body, refusal, whole_number
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of, whole_services
from pages.words.models import FOREIGN_PREFIX, MODEL_PREFIX, explain_absence, explain_foreign_absence, has_model
from pages.words.wording import size_text

# A camera shows 30 pictures a second, and the page asks for half of them.
_RATE = Rate(per_second=30, burst=60)
# By then the person has seen something else for a while.
_MAX_WAIT_SECONDS = 1.0
_MAX_READ_SECONDS = 10.0
# Bounds the memory: each has up to `FRAME_LIMITS.max_bytes` and what it unfolds to.
MAX_UNDER_WAY = 100

_DROPPED = "So many watch at this moment that this picture was left out. The next one will do."
_ONE_AT_A_TIME = (
    "The picture before this one is still being looked at, perhaps one of another page that you have open. Close that "
    "page, or wait a moment."
)
_RETRY = {"Retry-After": "1"}


class UnderWay:
    """Whose frames are being worked on; for use in the server's event loop only."""

    def __init__(self, max_visitors: int) -> None:
        self._max_visitors = max_visitors
        self._visitors: set[str] = set()

    def refuse(self, visitor: str) -> str | None:
        """Why a visitor's frame cannot be taken now, as a sentence; None: it is taken, until `leave`."""
        if visitor in self._visitors:
            return _ONE_AT_A_TIME
        if len(self._visitors) >= self._max_visitors:
            return _DROPPED
        self._visitors.add(visitor)
        return None

    def leave(self, visitor: str) -> None:
        """Say that a visitor's frame has been dealt with."""
        self._visitors.discard(visitor)


def live_url(network: str) -> str:
    """Address that answers frames.

    Args:
        network: name of a backbone of the catalogue, a run's number behind `MODEL_PREFIX`, or that of a model from
            elsewhere behind `FOREIGN_PREFIX`.
    """
    return f"{routes_prefix()}/live/{network}"


_under_way = UnderWay(MAX_UNDER_WAY)


async def _answer_visitor(request: Request, visitor: str) -> Response:
    network = request.path_params["network"]
    return await answer_picture(request, visitor, _under_way, lambda: find_classifier(network, services_of(visitor)))


async def answer_picture(
    request: Request, visitor: str, under_way: UnderWay, find: Callable[[], Classifier], *, screen: str = ""
) -> Response:
    """Answer what a camera sees, unless the picture before it is still being answered.

    Args:
        request: with the picture as a JPEG file.
        visitor: who asks.
        under_way: of the route.
        find: gives the classifier, or raises that it is not there.
        screen: tells several of one visitor apart, each of which has one picture under way.
    """
    whose = f"{visitor}/{screen}"
    reason = under_way.refuse(whose)
    if reason is not None:
        return refusal(reason, 503, _RETRY)
    try:
        return await _answer(request, visitor, find)
    finally:
        under_way.leave(whose)


async def _answer(request: Request, visitor: str, find: Callable[[], Classifier]) -> Response:
    heat = request.query_params.get("heat", "")
    heat_index = whole_number(heat)
    if heat and heat_index is None:
        return refusal(f"The class whose evidence is wanted is {heat[:20]!r}; it must be a whole number.", 400)
    try:
        async with asyncio.timeout(_MAX_READ_SECONDS):
            data = await read_body(request, max_bytes=FRAME_LIMITS.max_bytes)
    except TimeoutError:
        return refusal("The picture did not arrive in time. Look at your connection.", 400)
    if data is None:
        return refusal(f"A live picture may have {size_text(FRAME_LIMITS.max_bytes)}; this one has more.", 413)
    pool, due_at = whole_services().pool, time.monotonic() + _MAX_WAIT_SECONDS

    def work() -> FrameAnswer | None:
        if time.monotonic() > due_at:
            return None  # nobody needs it any more
        return answer_frame(find(), data, heat_index=heat_index, is_alone=pool.is_otherwise_idle)

    try:
        answer = await asyncio.wrap_future(pool.call(visitor, work))
    except (UnknownBackboneError, UnknownRunError, UnknownForeignModelError) as exc:
        return refusal(str(exc), 404)
    return refusal(_DROPPED, 503, _RETRY) if answer is None else json_answer(_to_json(answer))


def find_classifier(network: str, services: Services) -> Classifier:
    """What answers, loaded.

    Raises:
        UnknownBackboneError: no network of the catalogue has this name.
        UnknownRunError: no run has this number, or it is in the trash.
        UnknownForeignModelError: likewise of a model from elsewhere.
        BluetitError: it cannot answer now.
    """
    if network.startswith(FOREIGN_PREFIX):
        return _find_foreign(network.removeprefix(FOREIGN_PREFIX), services)
    if not network.startswith(MODEL_PREFIX):
        return services.classifiers.get(find_backbone(network))
    number = network.removeprefix(MODEL_PREFIX)
    run_id = whole_number(number)
    if run_id is None:
        raise UnknownRunError(f"{number[:20]!r} is no number of a run. Choose a model on the classify page.")
    run = services.runs.get_run(run_id)
    if not has_model(run):
        absence = explain_absence(run.id, services)
        raise UnknownRunError(absence) if run.trashed_at is not None else RunStateError(absence)
    return services.classifiers.get_trained(run.id)


def _find_foreign(number: str, services: Services) -> Classifier:
    model_id = whole_number(number)
    if model_id is None:
        raise UnknownForeignModelError(f"{number[:20]!r} is no number of a model. Choose one on the classify page.")
    model = services.foreign.get(model_id)
    if model.trashed_at is not None:
        raise UnknownForeignModelError(explain_foreign_absence(model_id, services))
    return services.classifiers.get_foreign(model)


def _to_json(answer: FrameAnswer) -> dict[str, Any]:
    return {
        "classes": [
            {"index": each.index, "label": each.label, "probability": round(each.probability, 4)}
            for each in answer.classes
        ],
        "num_classes": answer.num_classes,
        "groups": {
            group: round(probability, 4) for group, probability in answer.groups.items() if probability >= TOLD_FROM
        },
        "has_rule": answer.has_rule,
        "refusal": answer.refusal,
        "seen": [round(each, 4) for each in answer.seen],
        "useful_side_px": answer.useful_side_px,
        "heat": None if answer.heat is None else [[round(float(each), 2) for each in row] for row in answer.heat],
        "milliseconds": round(answer.milliseconds, 1),
    }


LIVE_ROUTES = [json_route("/live/{network}", _answer_visitor, rate=_RATE, method="POST")]
