"""What every open page is told about its visitor: held up by the teacher, joined by another device, or out.

The browser asks by a long poll; so the server knows who is there. What they do is noted for the teacher.
"""

import asyncio
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import BluetitError, NotLetInError
from core.spaces.records import SpaceKind
from core.spaces.registry import hash_secret
from pages.server.class_roll import roll_with
from pages.server.json_routes import Rate, json_answer, json_route
from pages.server.services import IN_COMMON, access_now, whole_services
from pages.server.watching import WatchDesk
from pages.words.animals import picture_of
from pages.words.doing import tell_doing

_SECONDS = 0.7  # from one look to the next
_RATE = Rate(per_second=3, burst=20)
_MAX_PLACES = 512
_MARK_CHARS = 8  # by which a page notices that another is in by now
_OUT = "Nobody has let this browser in, or not any more."

_desk = WatchDesk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a visitor is in the app."""

    page: str  # its title
    dataset_id: int | None = None
    run_id: int | None = None


_places: OrderedDict[int, Place] = OrderedDict()  # by space
_places_lock = threading.Lock()


def note_place(space_id: int, place: Place) -> None:
    """Say where a visitor is, in each run of a page."""
    with _places_lock:
        _places.pop(space_id, None)
        _places[space_id] = place
        while len(_places) > _MAX_PLACES:
            _places.popitem(last=False)


def tell_presence(key_hash: str) -> dict[str, Any]:
    """What a browser is told, by the hash of its secret.

    Raises:
        NotLetInError: it is not let in, or not any more.
    """
    roll = roll_with(lambda each: key_hash in each.keys)
    mine = roll.keys.get(key_hash)
    if mine is None:
        raise NotLetInError(_OUT)
    is_pupil = mine.kind is SpaceKind.PUPIL
    later = mine.later_of(roll.keys.values())
    return {
        "state": "in",
        "mark": key_hash[:_MARK_CHARS],
        "kind": mine.kind.value,
        "name": mine.name,
        "picture": picture_of(mine.name) if is_pupil else "",
        "paused": roll.classroom.paused_text if is_pupil and roll.classroom is not None else None,
        "newcomer_at": later[-1].came_at if later else None,
    }


async def _send_presence(request: Request, visitor: str) -> Response:
    access = access_now()
    if access is None or access in IN_COMMON:
        return json_answer({"state": "common"})  # nobody is told anything: the browser stops asking
    key_hash = hash_secret(visitor)
    try:
        await asyncio.to_thread(_note_visit, visitor)
        return await _desk.answer(
            request, visitor, ("presence", key_hash), lambda: tell_presence(key_hash), every_seconds=_SECONDS
        )
    except NotLetInError:
        return json_answer({"state": "out"})


def _note_visit(visitor: str) -> None:
    whole = whole_services()
    space = whole.spaces.find_by_secret(visitor)
    if space is None:
        raise NotLetInError(_OUT)
    with _places_lock:
        place = _places.get(space.id)
    doing = None
    if place is not None:
        try:
            doing = tell_doing(whole.of_space(space.id), place.page, dataset_id=place.dataset_id, run_id=place.run_id)
        except BluetitError:  # what they had open was deleted in the meantime
            doing = {"page": place.page}
    whole.spaces.note_visit(space, doing)


PRESENCE_ROUTES = [json_route("/presence", _send_presence, rate=_RATE)]
