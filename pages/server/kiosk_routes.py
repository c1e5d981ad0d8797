"""A screen on which a network answers whoever walks past: a light page of our own, and what it asks for.

It is opened by `?kiosk=<key>` behind the app's address, or by `?kiosk=model:7` for a model of one's own that nobody has
set up for it. Nothing that its camera sees is kept. See docs/kiosk.md.
"""

import asyncio
import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.actions.records import Actions
from core.actions.scripts import action_program
from core.backbones.catalog import find_backbone
from core.errors import (
    ActionError,
    DatasetError,
    KioskError,
    UnknownBackboneError,
    UnknownForeignModelError,
    UnknownRunError,
)
from core.inference.classifier import Classifier
from core.services import Services
from core.spaces.kiosks import KioskSetup, KioskView
from pages.server.action_routes import ACTION_RATE, send_action_file
from pages.server.json_routes import ANSWER_HEADERS, Rate, json_answer, json_route, whole_number
from pages.server.kiosk_photos import kiosk_photo, num_kiosk_photos
from pages.server.live_route import MAX_UNDER_WAY, UnderWay, answer_picture, find_classifier
from pages.server.photo_routes import routes_path, routes_prefix
from pages.server.services import services_of, whole_services
from pages.server.try_routes import are_together
from pages.words.actions_told import tell_actions
from pages.words.models import FOREIGN_PREFIX, MODEL_PREFIX
from pages.words.verdicts import LIVE_WORDS

KIOSK = "kiosk"  # the parameter of the app's address, and the folder of the routes

_ASSETS = Path(__file__).parent.parent / "assets"
_FILES = {"kiosk.css": "text/css", "bluetit.svg": "image/svg+xml"}
_SCRIPTS = ("camera", "live_answers", "kiosk_motion", "kiosk_text", "kiosk_stage", "kiosk")
_PROGRAM = "kiosk.js"
_PAGE_HEADERS = {
    # The page on which a kiosk is set up shows it in a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), screen-wake-lock=(self), fullscreen=(self)",
    "Cache-Control": "no-cache",
}
# A camera is answered fifteen times a second; two screens may have one browser between them.
_RATE = Rate(per_second=40, burst=80)
_TOLD_RATE = Rate(per_second=5, burst=30)
_MAX_TOLD_CLASSES = 24  # that the invitation names by turns
_MANY_CLASSES = 200
_MAX_KEY_CHARS = 120
_SCREENS = frozenset("0123456789abcdef")  # of one browser at most, each with one picture under way
_NOT_HERE = "This kiosk is not here any more. Ask whoever has set it up."

_under_way = UnderWay(MAX_UNDER_WAY)


def kiosk_address(key: str) -> str:
    """The kiosk's address, relative to the app's own."""
    return f"?{KIOSK}={quote(key, safe=':')}"


def kiosk_page(key: str) -> str:
    """Where that leads, relative to the pages of the app."""
    return f"{routes_prefix()}/{KIOSK}/{quote(key, safe=':')}"


class KioskAddress:
    """ASGI middleware that leads from `?kiosk=<key>` behind the app's address to the page of the kiosk."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead on, or pass the request on."""
        key = _wanted_kiosk(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        # Below the base path a browser may leave out the slash at the end.
        name = "" if scope["path"].endswith("/") else f"{scope['path'].rpartition('/')[2]}/"
        await RedirectResponse(f"./{name}{kiosk_page(key)}", status_code=303)(scope, receive, send)


def _wanted_kiosk(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    base_path = routes_path().removesuffix("/bluetit")
    is_app = scope["path"] in (f"{base_path}/", base_path)
    if not is_app or "text/html" not in Headers(scope=scope).get("accept", ""):
        return None
    (key, *_) = parse_qs(scope["query_string"].decode("latin-1")).get(KIOSK, [""])
    is_possible = 0 < len(key) <= _MAX_KEY_CHARS and "/" not in key and key not in (".", "..")
    return key if is_possible else None


def find_kiosk(key: str, visitor: str) -> tuple[KioskView, Services]:
    """What a kiosk's address opens to a visitor, with the services of whoever has put it up.

    Raises:
        NotLetInError: the visitor is let in nowhere.
        UnknownRunError: it opens nothing, or not to this visitor.
    """
    own = services_of(visitor)
    found = own.kiosks.find(key)
    if found is None:
        # A network of one's own, as it is.
        return KioskView(token=key, space_id=own.space_id or 0, network=key, setup=KioskSetup()), own
    owner = whole_services().of_space(found.space_id)
    if not are_together(own, owner):
        raise UnknownRunError(_NOT_HERE)
    return found, owner


def _find_answering(key: str, visitor: str) -> tuple[KioskView, Services, Classifier]:
    """The same with the classifier, which may have to be loaded."""
    kiosk, owner = find_kiosk(key, visitor)
    try:
        return kiosk, owner, find_classifier(kiosk.network, owner)
    except (UnknownBackboneError, UnknownRunError, UnknownForeignModelError) as exc:
        raise UnknownRunError(_NOT_HERE) from exc


async def _send_page(_: Request) -> Response:
    return FileResponse(_ASSETS / "kiosk.html", media_type="text/html", headers=_PAGE_HEADERS)


async def _send_file(request: Request) -> Response:
    name = request.path_params["name"]
    headers = {"Cache-Control": "no-cache"}
    if name == _PROGRAM:
        return Response(_program(), media_type="text/javascript", headers=headers)
    if name not in _FILES:
        return PlainTextResponse("There is no such file.", status_code=404)
    return FileResponse(_ASSETS / name, media_type=_FILES[name], headers=headers)


@cache
def _program() -> str:
    """The scripts of the page as one, each of which sees what those before it declare."""
    return "\n".join([action_program(), *((_ASSETS / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)])


@cache
def program_version() -> str:
    """Changes with the page's scripts and styles: a screen that has older ones loads itself anew."""
    parts = [_program(), *((_ASSETS / name).read_text("utf-8") for name in ("kiosk.html", "kiosk.css"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


async def _send_about(request: Request, visitor: str) -> Response:
    return json_answer(await asyncio.to_thread(_about, request.path_params["key"], visitor))


def _about(key: str, visitor: str) -> dict[str, Any]:
    kiosk, owner, classifier = _find_answering(key, visitor)
    setup, run_id = kiosk.setup, _run_id(kiosk.network)
    actions = Actions() if run_id is None else owner.actions.of_run(run_id)
    labels = classifier.classes.labels
    # Of the thousand of a ready-made network a few would say nothing.
    told = labels[:_MAX_TOLD_CLASSES] if len(labels) < _MANY_CLASSES else ()
    return {
        "version": program_version(),
        "title": setup.title or _title_of(kiosk.network, owner),
        "invitation": setup.invitation,
        "unknown": setup.unknown,
        "note": setup.note,
        "idle_seconds": setup.idle_seconds,
        "source": setup.source,
        "num_photos": num_kiosk_photos(kiosk.network, owner),
        "classes": list(told),
        "words": LIVE_WORDS,
        "actions": tell_actions(actions, lambda name: f"actions/{name}"),
    }


def _title_of(network: str, services: Services) -> str:
    number = whole_number(network.partition(":")[2])
    if network.startswith(MODEL_PREFIX) and number is not None:
        return services.runs.get_run(number).name
    if network.startswith(FOREIGN_PREFIX) and number is not None:
        return services.foreign.get(number).name
    return find_backbone(network).title


async def _answer(request: Request, visitor: str) -> Response:
    key, wanted = request.path_params["key"], request.query_params.get("screen", "")
    screen = wanted if wanted in _SCREENS else ""
    return await answer_picture(request, visitor, _under_way, lambda: _find_answering(key, visitor)[2], screen=screen)


async def _send_photo(request: Request, visitor: str) -> Response:
    number = whole_number(request.path_params["number"])

    def read() -> bytes:
        kiosk, owner = find_kiosk(request.path_params["key"], visitor)
        try:
            find_classifier(kiosk.network, owner)
            return kiosk_photo(kiosk.network, -1 if number is None else number, owner)
        except (DatasetError, UnknownBackboneError, UnknownForeignModelError, UnknownRunError) as exc:
            raise UnknownRunError(_NOT_HERE) from exc

    return Response(await asyncio.to_thread(read), media_type="image/jpeg", headers=ANSWER_HEADERS)


async def _send_action(request: Request, visitor: str) -> Response:
    def find() -> Path:
        kiosk, owner = find_kiosk(request.path_params["key"], visitor)
        run_id = _run_id(kiosk.network)
        try:
            if run_id is None:
                raise UnknownRunError(_NOT_HERE)
            return owner.actions.file_path(run_id, request.path_params["file_name"])
        except (ActionError, KioskError, UnknownRunError) as exc:
            raise UnknownRunError(_NOT_HERE) from exc

    return send_action_file(await asyncio.to_thread(find))


def _run_id(network: str) -> int | None:
    return whole_number(network.removeprefix(MODEL_PREFIX)) if network.startswith(MODEL_PREFIX) else None


KIOSK_ROUTES = [
    Route(f"{routes_path()}/kiosk/files/{{name}}", _send_file),
    Route(f"{routes_path()}/kiosk/{{key}}", _send_page),
    json_route("/kiosk/{key}/about", _send_about, rate=_TOLD_RATE),
    json_route("/kiosk/{key}/answer", _answer, rate=_RATE, method="POST"),
    json_route("/kiosk/{key}/photos/{number}.jpg", _send_photo, rate=ACTION_RATE),
    json_route("/kiosk/{key}/actions/{file_name}", _send_action, rate=ACTION_RATE),
]
