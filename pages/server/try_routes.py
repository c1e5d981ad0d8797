"""A model that its owner lets others try: a light page of our own, and the answers to what it is shown.

Nothing of a photo is kept: it is answered and forgotten. See docs/routes.md.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import UnknownRunError
from core.services import Services
from core.spaces.offers import OfferView
from core.spaces.records import SpaceKind
from pages.server.doorkeeper import way_in
from pages.server.json_routes import Rate, json_answer, json_route, read_body, refusal
from pages.server.photo_routes import routes_path, routes_prefix
from pages.server.services import services_of, whole_services
from pages.words.answer_json import describe_classification
from pages.words.models import has_model
from pages.words.wording import size_text

_ASSETS = Path(__file__).parent.parent / "assets"
_FILES = {"try.js": "text/javascript", "try.css": "text/css"}
_FILES |= dict.fromkeys(("bluetit.svg", "bluetit_with_name.svg"), "image/svg+xml")
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
}

# Some photos one after the other, as a person shows them; the page scales them down before it sends them.
_RATE = Rate(per_second=1, burst=10)
_TOLD_RATE = Rate(per_second=5, burst=20)
_MAX_BYTES = 3_000_000
_MAX_VERDICT_BYTES = 100
# Answers that a visitor has had and not judged yet; whoever had one longest ago is forgotten.
_MAX_TRYING = 4_096
_MAX_UNJUDGED = 50

_unjudged: OrderedDict[tuple[str, str], int] = OrderedDict()  # by visitor and token; the event loop's alone


def try_page(token: str) -> str:
    """Address of the page of an offered model, relative to the pages of the app."""
    return f"{routes_prefix()}/try/{token}"


async def _send_page(request: Request) -> Response:
    first = await way_in(request.scope)
    if first is not None:
        return first
    return FileResponse(_ASSETS / "try.html", media_type="text/html", headers=_PAGE_HEADERS)


async def _send_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        return PlainTextResponse("There is no such file.", status_code=404)
    return FileResponse(_ASSETS / name, media_type=_FILES[name], headers={"Cache-Control": "no-cache"})


async def _send_about(request: Request, visitor: str) -> Response:
    token = request.path_params["token"]
    return json_answer(await asyncio.to_thread(_about, token, visitor))


def _about(token: str, visitor: str) -> dict[str, Any]:
    offer, owner = find_offer(token, visitor)
    run = owner.runs.get_run(offer.run_id)
    return {
        "title": run.name,
        "owner": owner.spaces.get(offer.space_id).name,
        "classes": list(owner.classifiers.get_trained(offer.run_id).classes.labels),
    }


async def _answer(request: Request, visitor: str) -> Response:
    token = request.path_params["token"]
    data = await read_body(request, max_bytes=_MAX_BYTES)
    if data is None:
        return refusal(f"A photo may have {size_text(_MAX_BYTES)} here; this one has more.", 413)
    offer, owner = await asyncio.to_thread(find_offer, token, visitor)

    def work() -> dict[str, Any]:
        classifier = owner.classifiers.get_trained(offer.run_id)
        found = classifier.classify(data, "Your photo", is_alone=owner.pool.is_otherwise_idle)
        owner.offers.count_photo(offer)
        return describe_classification(found)

    told = await asyncio.wrap_future(owner.pool.call(visitor, work))
    _note_answer(visitor, token)
    return json_answer(told)


async def _judge(request: Request, visitor: str) -> Response:
    token = request.path_params["token"]
    body = await read_body(request, max_bytes=_MAX_VERDICT_BYTES)
    if body not in (b"right", b"wrong"):
        return refusal('The body is "right" or "wrong".', 400)
    offer, owner = await asyncio.to_thread(find_offer, token, visitor)
    if not _take_answer(visitor, token):
        return refusal("There is no answer left to say that of. Show the model a photo first.", 409)
    await asyncio.to_thread(owner.offers.count_verdict, offer, is_right=body == b"right")
    return json_answer({})


def find_offer(token: str, visitor: str) -> tuple[OfferView, Services]:
    """What a link offers to a visitor, with the services of its owner: for the model of this run alone.

    Raises:
        NotLetInError: the visitor is let in nowhere.
        UnknownRunError: the link offers nothing, or not to this visitor: they are of another class.
    """
    own = services_of(visitor)
    offer = own.offers.find(token)
    owner = whole_services().of_space(offer.space_id)
    if not are_together(own, owner) or not has_model(owner.runs.get_run(offer.run_id)):
        raise UnknownRunError("This model is not offered any more. Ask whoever gave you the link.")
    return offer, owner


def are_together(own: Services, owner: Services) -> bool:
    """Whether two spaces are the same, or of one class, or both of accounts of this server."""
    if own.space_id == owner.space_id:
        return True
    if own.space_id is None or owner.space_id is None:
        return False
    mine, theirs = own.spaces.get(own.space_id), own.spaces.get(owner.space_id)
    both_have_accounts = mine.kind is theirs.kind is SpaceKind.ACCOUNT
    return both_have_accounts or (mine.classroom_id is not None and mine.classroom_id == theirs.classroom_id)


def _note_answer(visitor: str, token: str) -> None:
    _unjudged[visitor, token] = min(_unjudged.pop((visitor, token), 0) + 1, _MAX_UNJUDGED)
    while len(_unjudged) > _MAX_TRYING:
        _unjudged.popitem(last=False)


def _take_answer(visitor: str, token: str) -> bool:
    left = _unjudged.get((visitor, token), 0)
    if left:
        _unjudged[visitor, token] = left - 1
    return bool(left)


TRY_ROUTES = [
    Route(f"{routes_path()}/try/files/{{name}}", _send_file),
    Route(f"{routes_path()}/try/{{token}}", _send_page),
    json_route("/try/{token}/about", _send_about, rate=_TOLD_RATE),
    json_route("/try/{token}/answer", _answer, rate=_RATE, method="POST"),
    json_route("/try/{token}/verdict", _judge, rate=_TOLD_RATE, method="POST"),
]
