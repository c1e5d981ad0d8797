"""What a class is told as it happens: the teacher's board, and what each pupil is told of the teacher."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotLetInError
from core.runs.records import RunStatus, RunView
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.notices import Notice
from core.spaces.overview import read_class
from core.spaces.records import SpaceKind
from core.task_kinds import TASK_KINDS
from pages.server.class_role import class_of_teacher
from pages.server.class_roll import roll_with
from pages.server.json_routes import Rate, json_route
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of, whole_services
from pages.server.watching import WatchDesk
from pages.words.class_told import ModelsNow, active_run, models_now, tell_class
from pages.words.wording import day_text, queue_place_short, whole_percent
from pages.words.worth import caution

_BOARD_SECONDS = 2.0
_NOTICE_SECONDS = 2.0
_RATE = Rate(per_second=5, burst=30)

_desk = WatchDesk()


def board_url() -> str:
    """Address of the teacher's board, relative to the page."""
    return f"{routes_prefix()}/class/board"


def notice_url() -> str:
    """Address of what a pupil is told of the teacher."""
    return f"{routes_prefix()}/class/notice"


def tell_class_now(classroom: ClassroomView) -> dict[str, Any]:
    """The board of a class, for its teacher."""
    services = whole_services()
    now = read_class(services.database, services.settings, TASK_KINDS, classroom.id)
    models = {each.space.id: _models_of(services.of_space(each.space.id)) for each in now.pupils}
    due = {
        each.space.id: f"will be deleted on {day_text(due_at)}"
        for each in now.pupils
        if services.notices.is_due_soon(each.space) and (due_at := services.notices.due_at(each.space)) is not None
    }
    return tell_class(now, models, due)


def tell_notice_now(services: Services) -> dict[str, Any]:
    """What the pupil of a space is told, as the roll says.

    Raises:
        NotLetInError: the pupil is not in the class any more.
    """
    space_id = services.space_id
    roll = roll_with(lambda each: space_id in each.spaces)
    space = None if space_id is None else roll.spaces.get(space_id)
    if space is None or space.kind is not SpaceKind.PUPIL:
        raise NotLetInError("You are not in the class any more. Ask your teacher.")
    notice = roll.notices.get(space.id, Notice())
    due_at = services.notices.due_at(space)
    warning = ""
    if notice.was_warned and due_at is not None:
        warning = (
            "You were away for so long that everything here was about to be deleted. Now that you are back it stays, "
            f"until {day_text(due_at)} at least."
        )
    return {"is_looked_at": notice.is_looked_at, "warning": warning}


def _models_of(own: Services) -> ModelsNow:
    views = own.runs.list_runs()
    return models_now(views, {view.id: caution(view, own) for view in views}, _active_text(active_run(views), own))


def _active_text(view: RunView | None, own: Services) -> str:
    if view is None or view.task_id is None:
        return ""
    if view.status is RunStatus.QUEUED:
        place = own.queue.place_in_queue(view.task_id)
        return "waits to train" if place is None else f"waits to train, {queue_place_short(place)}"
    progress = own.queue.progress(view.task_id)
    if progress is None or progress.fraction is None:
        return "trains"
    return f"trains · {whole_percent(progress.fraction)}"


async def _send_board(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    space, _ = await asyncio.to_thread(class_of_teacher, services)

    def read() -> dict[str, Any]:
        services.spaces.note_visit(services.spaces.get(space.id))
        return tell_class_now(class_of_teacher(services)[1])

    return await _desk.answer(request, visitor, ("board", space.id), read, every_seconds=_BOARD_SECONDS)


async def _send_notice(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)

    return await _desk.answer(
        request,
        visitor,
        ("notice", services.space_id),
        lambda: tell_notice_now(services),
        every_seconds=_NOTICE_SECONDS,
    )


CLASS_ROUTES = [
    json_route("/class/board", _send_board, rate=_RATE),
    json_route("/class/notice", _send_notice, rate=_RATE),
]
