"""The routes of the door: `docs/classroom.md` says what people see, `docs/routes.md` what is sent."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from core.errors import BluetitError
from core.services import Services
from pages.door import letters
from pages.door.accounts import TICKETS
from pages.door.coming_in import Answer, Door, way_of
from pages.server.doorkeeper import DOOR, WANTED_COOKIE
from pages.server.json_routes import NO_COOKIE, is_from_here, read_body
from pages.server.photo_routes import routes_path
from pages.server.services import IN_COMMON, whole_services
from pages.server.visitor import KEPT_SECONDS, cookie_of, new_secret, visitor_of
from pages.server.waiting import counted

_ASSETS = Path(__file__).parent.parent / "assets"
_FILES = {
    "door.css": "text/css",
    "bluetit.svg": "image/svg+xml",
    "bluetit_with_name.svg": "image/svg+xml",
}
_MAX_FORM_BYTES = 4_096
_MAX_FIELDS = 16

# By this one the door knows at the first form that the browser keeps cookies; it says nothing else.
_PROBE = "bluetit_door"
_PAGE_HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}

# A pick-up code or a password takes 100 ms of a core to look at, which is meant to be slow.
_MAX_THREADS = 2
_MAX_WAITING = 60  # a class of thirty, twice
_threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="door")
_waiting: Counter[str] = Counter()  # in the server's event loop

_door = Door()


async def _show(request: Request) -> Response:
    asked = dict(request.query_params)
    secret, address, may_try = visitor_of(request), _address(request), is_from_here(request)
    return await _respond(request, lambda services: _door.show(services, secret, asked, address, may_try=may_try))


async def _take_form(request: Request) -> Response:
    if not is_from_here(request):
        return _page(
            "✋", "Not from here", "Another site may not ask for this. Open this page by its own address.", 403
        )
    secret, address = visitor_of(request), _address(request)
    if secret is None and _PROBE not in request.cookies:
        return _page("🍪", "No cookies", NO_COOKIE, 403)
    body = await read_body(request, max_bytes=_MAX_FORM_BYTES)
    if body is None:
        return _page("✋", "Too long", "That is longer than any code. Go back and type it again.", 413)
    fields = _fields(body)
    step = _STEPS.get(fields.get("do", ""))
    if step is None:
        return RedirectResponse(DOOR, status_code=303)
    return await _respond(request, lambda services: step(services, fields, secret or "", address))


def _take_code(services: Services, fields: Mapping[str, str], _secret: str, address: str) -> Answer:
    return _door.scan(services, way_of(fields), address)


def _take_name(services: Services, fields: Mapping[str, str], secret: str, address: str) -> Answer:
    way, name, mark = way_of(fields), fields.get("name", ""), fields.get("mark", "")

    def enter() -> Answer:
        if _is_inside(services, secret):  # another form was sent before
            return Answer(leads_to=way.to)
        return _door.choose_name(services, way, name, address)

    return _door.repeats.once(f"{mark} {name}" if mark else "", enter)


def _take_pickup(services: Services, fields: Mapping[str, str], _secret: str, address: str) -> Answer:
    return _door.pick_up(services, way_of(fields), fields.get("pickup", ""), address)


def _take_password(services: Services, fields: Mapping[str, str], _secret: str, address: str) -> Answer:
    return _door.sign_in(services, way_of(fields), fields.get("password", ""), address)


_STEPS: Mapping[str, Callable[[Services, Mapping[str, str], str, str], Answer]] = {
    "code": _take_code,
    "name": _take_name,
    "pickup": _take_pickup,
    "password": _take_password,
    "renew": lambda services, fields, secret, _: _door.renew(services, way_of(fields), secret),
    "not_me": lambda services, fields, secret, _: _door.throw_out(services, way_of(fields), secret),
    "leave": lambda services, _fields, secret, _: _door.leave(services, secret),
}


async def _respond(request: Request, work: Callable[[Services], Answer]) -> Response:
    if _waiting.total() >= _MAX_WAITING:
        return _page("⏳", "One moment", "Many come in at this moment. Try again in a few seconds.", 503)
    try:
        with counted(_waiting, DOOR):
            answer = await asyncio.get_running_loop().run_in_executor(_threads, _work, work)
    except BluetitError as exc:
        return _page("⚠️", "That did not work", str(exc), 409)
    return _as_response(request, answer)


def _work(work: Callable[[Services], Answer]) -> Answer:
    services = whole_services()
    if services.settings.access in IN_COMMON:
        return Answer(leads_to="")  # nobody is asked here
    return work(services)


def _as_response(request: Request, answer: Answer) -> Response:
    if answer.leads_to is not None:
        response: Response = RedirectResponse(f"../{answer.leads_to}", status_code=303, headers=_PAGE_HEADERS)
    else:
        response = HTMLResponse(answer.html, status_code=answer.status, headers=_PAGE_HEADERS)
    if answer.retry_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(answer.retry_seconds)))
    if answer.secret is not None:
        cookie = cookie_of(answer.secret, request.scope, max_age_seconds=KEPT_SECONDS)
        response.headers.append("Set-Cookie", cookie)
    elif answer.is_forgotten:
        response.headers.append("Set-Cookie", cookie_of("", request.scope, max_age_seconds=0))
    if _PROBE not in request.cookies:
        response.headers.append("Set-Cookie", f"{_PROBE}=1; Path=/; HttpOnly; SameSite=Lax")
    return response


def _page(picture: str, title: str, sentence: str, status: int) -> Response:
    html = letters.notice_page(picture, title, sentence, (letters.FORM, "🔄", "Try again"))
    return HTMLResponse(html, status_code=status, headers=_PAGE_HEADERS)


def _is_inside(services: Services, secret: str | None) -> bool:
    return bool(secret) and services.spaces.find_by_secret(str(secret)) is not None


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:  # no form of ours
        return {}


def _address(request: Request) -> str:
    """From where a request comes: what a trusted server in front says, else who is connected."""
    return request.client.host if request.client is not None else ""


async def _take_ticket(request: Request) -> Response:
    """Let somebody in whom Streamlit has told of."""
    ticket, address = request.query_params.get("ticket", ""), unquote(request.cookies.get(WANTED_COOKIE, ""))
    if not is_from_here(request):
        return RedirectResponse("../../", status_code=303)
    secret = new_secret()

    def enter(services: Services) -> Answer:
        space_id = TICKETS.take(ticket)
        way = way_of({"to": address})
        if services.settings.access != "accounts" or space_id is None:
            return Answer(leads_to=way.to)  # where there is another ticket
        services.spaces.let_in(secret, space_id)
        return Answer(leads_to=way.to, secret=secret)

    response = await _respond(request, enter)
    if "location" in response.headers:
        response.headers["location"] = f"../{response.headers['location']}"  # this address is one step further down
    response.headers.append("Set-Cookie", f"{WANTED_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
    return response


async def _send_file(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    return FileResponse(_ASSETS / name, media_type=_FILES[name], headers={"Cache-Control": "no-cache"})


DOOR_ROUTES = [
    Route(f"{routes_path()}/{DOOR}", _show, methods=["GET"]),
    Route(f"{routes_path()}/{DOOR}", _take_form, methods=["POST"]),
    Route(f"{routes_path()}/{DOOR}/account", _take_ticket, methods=["GET"]),
    *(Route(f"{routes_path()}/{DOOR}/{name}", _send_file) for name in _FILES),
]
