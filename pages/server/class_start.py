"""The page for the projector: how pupils come to the class, readable from the last row.

It shows the way and the class's code, which all in the room may know, and nothing else of anybody.
"""

import asyncio
import string
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import BluetitError
from core.hosting.invitation import Invitation
from core.spaces.records import SpaceKind
from pages.server.invited import CLASS_START, INVITATION_BOARD
from pages.server.listening import is_of_this_computer
from pages.server.photo_routes import routes_path
from pages.server.services import whole_services
from pages.server.visitor import visitor_of
from pages.words.qr_picture import qr_picture

_ASSETS = Path(__file__).parent.parent / "assets"
_HEADERS = {"Cache-Control": "no-store"}
_PICTURES = ("bluetit.svg", "certificate_warning.svg")

_WARNING = """<section class="warning">
<p>The browser warns. That is as it should be: this computer vouches for itself. Press:</p>
<img src="class-start/certificate_warning.svg" alt="Chrome: Advanced, Proceed. Edge: Advanced, Continue. Firefox: \
Advanced, Accept the Risk and Continue. Safari: Show Details, visit this website."></section>"""
_NOT_YOURS = "This page is for the teacher: open it on the computer that holds the class, or sign in as teacher first."
_NO_CLASS = "No class is held here. Start one with the command: bluetit class"


async def _show(request: Request) -> Response:
    return await asyncio.to_thread(_page, request)


def _page(request: Request) -> Response:
    try:
        services = whole_services()
        classroom = services.classroom.current() if services.settings.access == "class" else None
        if classroom is None:
            return PlainTextResponse(_NO_CLASS, status_code=404, headers=_HEADERS)
        if not _is_of_teacher(request):
            return PlainTextResponse(_NOT_YOURS, status_code=403, headers=_HEADERS)
    except BluetitError as exc:
        return PlainTextResponse(str(exc), status_code=503, headers=_HEADERS)
    invitation = INVITATION_BOARD.current() or _as_asked(request)
    page = _template().substitute(
        typed=escape(invitation.typed),
        num_letters=len(invitation.typed),
        code=escape(classroom.code),
        qr=qr_picture(invitation.link_with_code(classroom.code), label="QR code with address and code of the class"),
        warning=_WARNING if invitation.has_warning else "",
        notes="\n".join(f"<p>{escape(sentence)}</p>" for sentence in invitation.sentences()),
    )
    return HTMLResponse(page, headers=_HEADERS)


def _is_of_teacher(request: Request) -> bool:
    # Behind a web server on this computer everybody may seem to be here.
    is_held_here = INVITATION_BOARD.current() is not None
    if is_held_here and request.client is not None and is_of_this_computer(request.client.host):
        return True
    visitor = visitor_of(request)
    space = None if visitor is None else whole_services().spaces.find_by_secret(visitor)
    return space is not None and space.kind is SpaceKind.TEACHER


def _as_asked(request: Request) -> Invitation:
    """The way by which this request came, where a web server stands in front."""
    link = str(request.base_url).rstrip("/")
    return Invitation(typed=link.partition("://")[2], link=link, others=(), notes=(), has_warning=False)


@cache
def _template() -> string.Template:
    # Its script has no dollar signs.
    return string.Template((_ASSETS / "class_start.html").read_text(encoding="utf-8"))


async def _send_picture(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _PICTURES:
        return PlainTextResponse("There is no such picture.", status_code=404, headers=_HEADERS)
    return FileResponse(_ASSETS / name, headers={"Cache-Control": "max-age=3600"})


CLASS_START_ROUTES = [
    Route(f"{routes_path()}/{CLASS_START}", _show),
    Route(f"{routes_path()}/{CLASS_START}/{{name}}", _send_picture),
]
